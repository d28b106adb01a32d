/* SPDX-License-Identifier: BSD-2-Clause */

/* Paths, xtext, XCLIENT and PROXY: what others say about who it is. */

#include "smtp/address.h"
#include "smtp/proxy.h"
#include "smtp/trace.h"
#include "smtp/xclient.h"
#include "smtp/xtext.h"
#include "unit/unit.h"

#include "base/memory.h"

#include <string.h>

static void check_path(const char *said, const char *text, const char *key, const char *rest)
{
	struct span left = span_of(said);
	AUTO_BUF struct buf made = { 0 };
	struct smtp_address a;

	if (smtp_path_parse(&left, &a) != SMTP_ADDRESS_GOOD)
		fail_msg("refused: %s", said);
	smtp_address_add_key(&made, &a);
	if (!span_is(a.text, text) || strcmp(buf_text(&made), key) != 0 || !span_is(left, rest))
		fail_msg("%s: \"%.*s\" \"%s\" \"%.*s\"", said, (int)a.text.n, a.text.p,
		         buf_text(&made), (int)left.n, left.p);
}

static void paths_are_read(void **state)
{
	(void)state;
	check_path("<>", "", "", "");
	check_path("<> SIZE=1", "", "", " SIZE=1");
	check_path("<a@example.org>", "a@example.org", "a@example.org", "");
	check_path("<A.b@Example.ORG.> X", "A.b@Example.ORG.", "A.b@example.org", " X");
	check_path("<@relay.example.net,@b.example.net:a@example.org>", "a@example.org",
	           "a@example.org", "");
	check_path("<\"a b\"@example.org>", "\"a b\"@example.org", "a b@example.org", "");
	check_path("<\"a\\\"> <b\"@example.org>", "\"a\\\"> <b\"@example.org",
	           "a\"> <b@example.org", "");
	check_path("<Postmaster>", "Postmaster", "Postmaster", "");
	check_path("a@example.org SIZE=3", "a@example.org", "a@example.org", " SIZE=3");
	check_path("<a@[192.0.2.1]>", "a@[192.0.2.1]", "a@[192.0.2.1]", "");
	check_path("<..a..@example.org>", "..a..@example.org", "..a..@example.org", "");
	check_path("<j\xc3\xbcrgen@b\xc3\xbc"
	           "cher.example>",
	           "j\xc3\xbcrgen@b\xc3\xbc"
	           "cher.example",
	           "j\xc3\xbcrgen@b\xc3\xbc"
	           "cher.example",
	           "");
}

static void what_is_no_path_is_refused(void **state)
{
	static const struct span bad[] = {
		{ "", 0 },
		{ "<", 1 },
		{ "<a@example.org", 14 },
		{ "<a@example.org>x", 16 },
		{ "<@example.org>", 14 },
		{ "<@>", 3 },
		{ "<a@>", 4 },
		{ "<a@b@example.org>", 17 },
		{ "<a b@example.org>", 17 },
		{ "<a@exa mple.org>", 16 },
		{ "<a@.example.org>", 16 },
		{ "<a@example..org>", 16 },
		{ "<a@[192.0.2.1>", 14 },
		{ "<a@[]>", 6 },
		{ "a@[IPv\"]", 9 },
		{ "<a\0b@example.org>", 17 },
		{ "<a\nb@example.org>", 17 },
		{ "<a@example.org\r>", 16 },
		{ "<\"a@example.org>", 16 },
		{ "<\"a\"b@example.org>", 18 },
		{ "<<a@example.org>>", 17 },
		{ "<\xc3@example.org>", 15 },
		{ "<\xc0\xaf@example.org>", 16 },
		{ "<\xed\xa0\x80@example.org>", 17 },
		{ "<\xc2\x85@example.org>", 16 },
		{ "<a@example.org,b@example.org>", 29 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		struct span rest = bad[i];
		struct smtp_address a;

		if (smtp_path_parse(&rest, &a) == SMTP_ADDRESS_GOOD)
			fail_msg("taken: %.*s", (int)bad[i].n, bad[i].p);
	}
}

static void long_addresses_have_an_end(void **state)
{
	AUTO_BUF struct buf text = { 0 };
	struct smtp_address a;

	(void)state;
	for (unsigned i = 0; i < SMTP_LOCAL_MAX; i++)
		buf_add_char(&text, 'l');
	buf_add_text(&text, "@example.org");
	assert_int_equal(smtp_address_parse(buf_span(&text), &a), SMTP_ADDRESS_GOOD);
	buf_add_char(&text, '.');
	while (text.n < SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)
		buf_add_char(&text, 'd');
	assert_int_equal(smtp_address_parse(buf_span(&text), &a), SMTP_ADDRESS_GOOD);
	buf_add_char(&text, 'd');
	assert_int_equal(smtp_address_parse(buf_span(&text), &a), SMTP_ADDRESS_TOO_LONG);
	assert_int_equal(smtp_address_parse(span_from(buf_span(&text), 100), &a),
	                 SMTP_ADDRESS_TOO_LONG);
	text.p[0] = '@';
	assert_int_equal(smtp_address_parse(buf_span(&text), &a), SMTP_ADDRESS_TOO_LONG);
}

static void literals_are_addresses(void **state)
{
	char out[46];

	(void)state;
	assert_true(smtp_literal_parse(SPAN("[192.0.2.1]"), out));
	assert_string_equal(out, "192.0.2.1");
	assert_true(smtp_literal_parse(SPAN("[IPv6:2001:DB8:0::1]"), out));
	assert_string_equal(out, "2001:db8::1");
	assert_false(smtp_literal_parse(SPAN("[2001:db8::1]"), out));
	assert_false(smtp_literal_parse(SPAN("[192.0.2.256]"), out));
	assert_false(smtp_literal_parse(SPAN("192.0.2.1"), out));
	assert_false(smtp_literal_parse(SPAN("[tag:x]"), out));
}

static void xtext_goes_there_and_back(void **state)
{
	AUTO_BUF struct buf made = { 0 };
	char plain[16];

	(void)state;
	smtp_xtext_add(&made, SPAN("a+b=c d"));
	assert_string_equal(buf_text(&made), "a+2Bb+3Dc+20d");
	assert_true(smtp_xtext_good(buf_span(&made), false));
	assert_true(smtp_xtext_decode(buf_span(&made), plain, sizeof plain));
	assert_string_equal(plain, "a+b=c d");
	assert_false(smtp_xtext_decode(SPAN("a+0Ab"), plain, sizeof plain));
	assert_false(smtp_xtext_decode(SPAN("a+00"), plain, sizeof plain));
	assert_false(smtp_xtext_decode(SPAN("a+4"), plain, sizeof plain));
	assert_false(smtp_xtext_decode(SPAN("a+4X"), plain, sizeof plain));
	assert_false(smtp_xtext_decode(SPAN("0123456789abcdef"), plain, sizeof plain));
	assert_true(smtp_xtext_decode(SPAN("0123456789abcde"), plain, sizeof plain));
}

/* ── XCLIENT ─────────────────────────────────────────────────────────────────────────────────── */

static void an_xclient_is_read(void **state)
{
	struct smtp_peer peer = { .login = xstrdup("old") };
	struct smtp_xclient x;

	(void)state;
	assert_true(smtp_xclient_parse(SPAN("NAME=mx.example.net addr=IPV6:2001:db8::25 PORT=4711 "
	                                    "PROTO=ESMTP HELO=he+2Blo.example.net "
	                                    "LOGIN=[UNAVAILABLE] DESTADDR=192.0.2.7 DESTPORT=25"),
	                               &x));
	assert_int_equal(x.given, SMTP_XCLIENT_ALL);
	smtp_xclient_apply(&x, &peer);
	assert_string_equal(peer.name, "mx.example.net");
	assert_string_equal(peer.from.address, "2001:db8::25");
	assert_int_equal(peer.from.port, 4711);
	assert_true(peer.esmtp);
	assert_string_equal(peer.helo, "he+lo.example.net");
	assert_null(peer.login);
	assert_string_equal(peer.to.address, "192.0.2.7");
	assert_int_equal(peer.to.port, 25);
	assert_true(smtp_xclient_parse(SPAN("NAME=[TEMPUNAVAIL] ADDR=IPV6:::ffff:192.0.2.1"), &x));
	smtp_xclient_apply(&x, &peer);
	assert_int_equal(peer.name_state, SMTP_NAME_FAILED);
	assert_null(peer.name);
	assert_string_equal(peer.from.address, "192.0.2.1");
	smtp_peer_fini(&peer);
}

static void a_bad_xclient_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"NAME",
		"COLOUR=red",
		"ADDR=192.0.2.1 ADDR=192.0.2.2",
		"ADDR=192.0.2",
		"ADDR=2001:db8::1",
		"ADDR=[192.0.2.1]",
		"ADDR=IPV6:192.0.2.1",
		"PORT=0",
		"PORT=65536",
		"PORT=-1",
		"PROTO=LMTP",
		"HELO=a+0D+0AMAIL",
		"HELO=a+20b",
		"NAME=a=b",
		"LOGIN=a+",
	};
	struct smtp_xclient x;

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++)
		if (smtp_xclient_parse(span_of(bad[i]), &x))
			fail_msg("taken: %s", bad[i]);
}

static void what_we_say_of_a_peer_is_read_back(void **state)
{
	struct smtp_peer peer = { .from = { .address = "2001:db8::1", .port = 5 }, .esmtp = true };
	struct smtp_peer heard = { 0 };
	AUTO_BUF struct buf made = { 0 };
	struct span rest, line;
	unsigned commands;

	(void)state;
	peer.name = xstrndup("", 0);
	peer.helo = xmalloc(250);
	memset(peer.helo, '=', 249);
	peer.helo[249] = 0;
	commands = smtp_xclient_add(&made, &peer, SMTP_XCLIENT_ALL);
	rest = buf_span(&made);
	while (span_next_line(&rest, &line)) {
		struct smtp_xclient x;

		assert_true(span_starts(line, "XCLIENT "));
		assert_true(smtp_xclient_parse(span_from(line, 8), &x));
		smtp_xclient_apply(&x, &heard);
		commands--;
	}
	assert_int_equal(commands, 0);
	assert_string_equal(heard.helo, peer.helo);
	assert_string_equal(heard.from.address, "2001:db8::1");
	/* nobody has asked for the name */
	assert_int_equal(heard.name_state, SMTP_NAME_FAILED);
	smtp_peer_fini(&peer);
	smtp_peer_fini(&heard);
	buf_reset(&made);
	assert_int_equal(smtp_xclient_add(&made, &heard, smtp_xclient_offered(SPAN("FOO addr"))),
	                 1);
	assert_string_equal(buf_text(&made), "XCLIENT ADDR=[UNAVAILABLE]\r\n");
}

/* ── PROXY ───────────────────────────────────────────────────────────────────────────────────── */

static void proxy_headers_go_there_and_back(void **state)
{
	static const struct smtp_endpoint from[] = { { "192.0.2.1", 1025 },
		                                     { "2001:db8::1", 65535 } };
	static const struct smtp_endpoint to[] = { { "198.51.100.1", 25 },
		                                   { "2001:db8::25", 587 } };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (unsigned version = 1; version <= 2; version++) {
			AUTO_BUF struct buf made = { 0 };
			struct smtp_proxy p;
			size_t used;

			smtp_proxy_add(&made, version, &from[i], &to[i]);
			for (size_t n = 0; n < made.n; n++)
				assert_int_equal(
					smtp_proxy_read((struct span){ made.p, n }, &p, &used), 0);
			buf_add_text(&made, "EHLO a\r\n");
			assert_int_equal(smtp_proxy_read(buf_span(&made), &p, &used), 1);
			assert_int_equal(used, made.n - strlen("EHLO a\r\n"));
			assert_false(p.local);
			assert_string_equal(p.from.address, from[i].address);
			assert_string_equal(p.to.address, to[i].address);
			assert_int_equal(p.from.port, from[i].port);
			assert_int_equal(p.to.port, to[i].port);
		}
}

static void an_unknown_peer_is_said_to_be_one(void **state)
{
	static const struct smtp_endpoint from = { "192.0.2.1", 1 }, to = { "2001:db8::1", 2 };

	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		AUTO_BUF struct buf made = { 0 };
		struct smtp_proxy p;
		size_t used;

		smtp_proxy_add(&made, version, &from, &to);
		assert_int_equal(smtp_proxy_read(buf_span(&made), &p, &used), 1);
		assert_int_equal(used, made.n);
		assert_true(p.local);
	}
}

static void a_lying_proxy_header_is_none(void **state)
{
	static const struct span bad[] = {
		{ "EHLO", 4 },
		{ "PROXX", 5 },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", 34 },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", 38 },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 70000\r\n", 40 },
		{ "PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n", 38 },
		{ "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", 37 },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", 35 },
		{ "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", 36 },
		{ "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0", 16 },
		{ "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\0", 16 },
		{ "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16 },
		{ "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04zzzz", 20 },
	};
	char endless[200];
	struct smtp_proxy p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++)
		if (smtp_proxy_read(bad[i], &p, &used) != -1)
			fail_msg("row %zu is taken", i);
	memset(endless, 'x', sizeof endless);
	memcpy(endless, "PROXY TCP4 ", 11);
	assert_int_equal(smtp_proxy_read((struct span){ endless, 106 }, &p, &used), 0);
	assert_int_equal(smtp_proxy_read((struct span){ endless, 107 }, &p, &used), -1);
}

/* ── trace ───────────────────────────────────────────────────────────────────────────────────── */

static void a_client_can_not_write_a_header_of_its_own(void **state)
{
	struct smtp_peer peer = { .from = { "192.0.2.1", 1 },
		                  .esmtp = true,
		                  .arrived_ms = 951782400000 };
	AUTO_SMTP_ENVELOPE struct smtp_envelope e = { 0 };
	AUTO_BUF struct buf made = { 0 };

	(void)state;
	peer.helo = xstrdup("a) by x;\r\n");
	peer.tls_version = xstrdup("TLSv1.3");
	(void)smtp_envelope_add(&e, SPAN("b@example.org"));
	smtp_trace_add(&made, &peer, &e, "mx.example.org", "7");
	assert_string_equal(buf_text(&made), "Received: from a??by?x??? (unknown [192.0.2.1])\r\n"
	                                     "\t(using TLSv1.3 with cipher unknown)\r\n"
	                                     "\tby mx.example.org with ESMTPS id 7\r\n"
	                                     "\tfor <b@example.org>;\r\n"
	                                     "\tTue, 29 Feb 2000 00:00:00 +0000\r\n");
	smtp_peer_fini(&peer);
}

UNIT_TESTS("smtp/address", cmocka_unit_test(paths_are_read),
           cmocka_unit_test(what_is_no_path_is_refused),
           cmocka_unit_test(long_addresses_have_an_end), cmocka_unit_test(literals_are_addresses),
           cmocka_unit_test(xtext_goes_there_and_back), cmocka_unit_test(an_xclient_is_read),
           cmocka_unit_test(a_bad_xclient_is_refused),
           cmocka_unit_test(what_we_say_of_a_peer_is_read_back),
           cmocka_unit_test(proxy_headers_go_there_and_back),
           cmocka_unit_test(an_unknown_peer_is_said_to_be_one),
           cmocka_unit_test(a_lying_proxy_header_is_none),
           cmocka_unit_test(a_client_can_not_write_a_header_of_its_own));
