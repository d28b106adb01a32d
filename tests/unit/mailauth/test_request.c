/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/mailauth.h"
#include "unit/unit.h"

#include <string.h>

static void what_is_written_is_read_again(void **state)
{
	AUTO_MAILAUTH_REQUEST struct mailauth_request ask = { .client = "2001:db8::25",
		                                              .helo = "mail.example.org",
		                                              .mail_from = "",
		                                              .time_ms = 1234,
		                                              .without = MAILAUTH_SPF,
		                                              .message = SPAN(
								      "message 1\n\0\r\n") };
	AUTO_MAILAUTH_REQUEST struct mailauth_request got = { 0 };
	AUTO_BUF struct buf text = { 0 }, store = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_servers_add_text(&ask.resolvers, "127.0.0.55#5353", &err), &err);
	assert_good(dns_servers_add_text(&ask.resolvers, "2001:db8::53", &err), &err);
	assert_good(mailauth_request_add(&text, &ask, &err), &err);
	assert_good(mailauth_request_parse(buf_span(&text), &store, &got, &err), &err);
	assert_string_equal(got.client, ask.client);
	assert_string_equal(got.helo, ask.helo);
	assert_string_equal(got.mail_from, "");
	assert_int_equal(got.time_ms, 1234);
	assert_int_equal(got.without, MAILAUTH_SPF);
	assert_int_equal(got.resolvers.n, 2);
	assert_string_equal(got.resolvers.rows[0].address, "127.0.0.55");
	assert_int_equal(got.resolvers.rows[0].port, 5353);
	assert_true(span_equal(got.message, ask.message));
}

static void a_request_to_sign_needs_nobody_to_ask(void **state)
{
	const struct mailauth_request ask = { .sign_domain = "example.org",
		                              .sign_selector = "one",
		                              .sign_key = "AAAA",
		                              .message = SPAN("To: a\r\n\r\n") };
	AUTO_MAILAUTH_REQUEST struct mailauth_request got = { 0 };
	AUTO_BUF struct buf text = { 0 }, store = { 0 };
	struct error err = { 0 };

	assert_good(mailauth_request_add(&text, &ask, &err), &err);
	assert_good(mailauth_request_parse(buf_span(&text), &store, &got, &err), &err);
	assert_string_equal(got.sign_domain, "example.org");
	assert_string_equal(got.sign_selector, "one");
	assert_string_equal(got.sign_key, "AAAA");
}

static void a_request_that_is_not_whole_is_refused(void **state)
{
#define FIRST "mailhaul-mailauth 1\n"
#define RESOLVER "resolver 127.0.0.55\n"
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "no \"message N\"" },
		{ FIRST RESOLVER, "no \"message N\"" },
		{ FIRST RESOLVER "message 2\na", "1 octets are there" },
		{ FIRST RESOLVER "message 1\nab", "2 octets are there" },
		{ FIRST RESOLVER "message -1\na", "octets are there" },
		{ "mailhaul-mailauth 2\n" RESOLVER "message 1\na", "line 1: no request" },
		{ "message 1\na", "line 1: no request" },
		{ FIRST "message 1\na", "0 resolvers" },
		{ FIRST "resolver example.org\nmessage 1\na", "no address of a name server" },
		{ FIRST RESOLVER "client here\nmessage 1\na", "client: no address" },
		{ FIRST RESOLVER "helo a\nhelo b\nmessage 1\na", "line 4: given twice" },
		{ FIRST RESOLVER "hello a\nmessage 1\na", "no such line" },
		{ FIRST RESOLVER "helo\nmessage 1\na", "a line without a value" },
		{ FIRST RESOLVER "helo a\tb\nmessage 1\na", "a control octet" },
		{ FIRST RESOLVER "time-ms 0\nmessage 1\na", "time-ms" },
		{ FIRST RESOLVER "time-ms 600001\nmessage 1\na", "time-ms" },
		{ FIRST RESOLVER "without all\nmessage 1\na", "no such part" },
		{ FIRST "sign-key AAAA\nmessage 1\na", "not all three" },
		{ FIRST "sign-key AA\nsign-domain example.org\nsign-selector \nmessage 1\na",
		  "sign-selector: no name" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_MAILAUTH_REQUEST struct mailauth_request got = { 0 };
		AUTO_BUF struct buf store = { 0 };
		struct error err = { 0 };

		assert_fails(mailauth_request_parse(span_of(rows[i].text), &store, &got, &err),
		             &err, rows[i].words);
	}
}

static void nothing_can_be_slipped_into_a_request(void **state)
{
	AUTO_MAILAUTH_REQUEST struct mailauth_request ask = { .mail_from = "a\nclient 192.0.2.1" };
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_servers_add_text(&ask.resolvers, "127.0.0.55", &err), &err);
	assert_fails(mailauth_request_add(&text, &ask, &err), &err, "mail-from: no sender");
	ask.mail_from = NULL;
	ask.helo = "a\nb";
	assert_fails(mailauth_request_add(&text, &ask, &err), &err, "helo: no name");
	ask.helo = NULL;
	ask.client = "192.0.2.1\n";
	assert_fails(mailauth_request_add(&text, &ask, &err), &err, "client: no address");
}

static void a_stored_message_gets_its_crs(void **state)
{
	AUTO_BUF struct buf wire = { 0 };

	(void)state;
	mailauth_add_wire(SPAN("a\n\nb\nc"), &wire);
	assert_string_equal(buf_text(&wire), "a\r\n\r\nb\r\nc");
	buf_reset(&wire);
	mailauth_add_wire(SPAN("a\r\nb\n"), &wire);
	assert_string_equal(buf_text(&wire), "a\r\nb\n");
}

static void what_is_whole_of_an_answer_counts(void **state)
{
	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
	static const char said[] =
		"{\"part\":\"form\",\"findings\":[{\"id\":\"bare-lf\",\"text\":\"t\",\"error\":"
		"true,"
		"\"line\":3}],\"from\":[\"example.org\"],\"one_click\":false}\n"
		"{\"part\":\"spf\",\"result\":\"softfail\",\"domain\":\"example.org\",\"lookups\":"
		"4}\n"
		"{\"part\":\"dkim\",\"result\":\"pass\",\"signatures\":[{\"result\":\"pass\","
		"\"domain\":\"example.org\",\"key_bits\":2048}]}\n"
		"{\"part\":\"dmarc\",\"result\":\"pa";

	(void)state;
	assert_int_equal(mailauth_answer_parse(SPAN(said), &v),
	                 MAILAUTH_FORM | MAILAUTH_SPF | MAILAUTH_DKIM);
	assert_int_equal(v.spf.result, MAILAUTH_SOFTFAIL);
	assert_int_equal(v.spf.lookups, 4);
	assert_int_equal(v.signatures_n, 1);
	assert_int_equal(v.signatures[0].key_bits, 2048);
	assert_string_equal(v.signatures[0].selector, "");
	assert_int_equal(v.form.findings_n, 1);
	assert_int_equal(mailauth_accepts(&v), MAILAUTH_UNKNOWN);
	/* a part that says nothing of a kind that is known is none */
	assert_int_equal(
		mailauth_answer_parse(SPAN("{\"part\":\"spf\",\"result\":\"great\"}\n[]\nx\n"), &v),
		0);
}

static void a_receiver_accepts_by_dmarc_or_else_by_one_of_the_others(void **state)
{
	static const struct {
		enum mailauth_result spf, dkim, dmarc, accepts;
	} rows[] = {
		{ MAILAUTH_FAIL, MAILAUTH_FAIL, MAILAUTH_PASS, MAILAUTH_PASS },
		{ MAILAUTH_PASS, MAILAUTH_PASS, MAILAUTH_FAIL, MAILAUTH_FAIL },
		{ MAILAUTH_PASS, MAILAUTH_NONE, MAILAUTH_NONE, MAILAUTH_PASS },
		{ MAILAUTH_SOFTFAIL, MAILAUTH_PASS, MAILAUTH_NONE, MAILAUTH_PASS },
		{ MAILAUTH_SOFTFAIL, MAILAUTH_NONE, MAILAUTH_NONE, MAILAUTH_FAIL },
		{ MAILAUTH_TEMPERROR, MAILAUTH_NONE, MAILAUTH_NONE, MAILAUTH_UNKNOWN },
		{ MAILAUTH_PASS, MAILAUTH_NONE, MAILAUTH_TEMPERROR, MAILAUTH_UNKNOWN },
		{ MAILAUTH_UNKNOWN, MAILAUTH_PASS, MAILAUTH_PASS, MAILAUTH_PASS },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mailauth_verdict v = { .form_known = true,
			                      .spf.result = rows[i].spf,
			                      .dkim = rows[i].dkim,
			                      .dmarc.result = rows[i].dmarc };

		assert_int_equal(mailauth_accepts(&v), rows[i].accepts);
		form_add(&v.form, "bare-lf", true, 1, "x");
		if (rows[i].dmarc != MAILAUTH_TEMPERROR)
			assert_int_equal(mailauth_accepts(&v), MAILAUTH_FAIL);
		mailauth_verdict_fini(&v);
	}
}

UNIT_TESTS("mailauth/request", cmocka_unit_test(what_is_written_is_read_again),
           cmocka_unit_test(a_request_to_sign_needs_nobody_to_ask),
           cmocka_unit_test(a_request_that_is_not_whole_is_refused),
           cmocka_unit_test(nothing_can_be_slipped_into_a_request),
           cmocka_unit_test(a_stored_message_gets_its_crs),
           cmocka_unit_test(what_is_whole_of_an_answer_counts),
           cmocka_unit_test(a_receiver_accepts_by_dmarc_or_else_by_one_of_the_others));
