/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/form.h"
#include "unit/unit.h"

#include <string.h>

#define GOOD                                                                                       \
	"From: Alice <alice@example.org>\r\nDate: Tue, 24 Nov 2026 10:20:30 +0100\r\n"             \
	"Message-ID: <4711@example.org>\r\n"

/* The ids of what is found, each followed by a blank. */
static const char *ids_of(const char *message, struct buf *out)
{
	AUTO_MAILAUTH_FORM struct mailauth_form form = { 0 };

	mailauth_form_read(span_of(message), &form);
	buf_reset(out);
	for (size_t i = 0; i < form.findings_n; i++)
		buf_addf(out, "%s%s ", form.findings[i].error ? "!" : "", form.findings[i].id);
	return buf_text(out);
}

static void a_good_message_has_no_findings(void **state)
{
	AUTO_BUF struct buf ids = { 0 };

	(void)state;
	assert_string_equal(ids_of(GOOD "\r\nbody\r\n", &ids), "");
	assert_string_equal(ids_of(GOOD "Subject: a\r\n b\r\nList-Id: News <n.example.org>\r\n"
	                                "List-Post: NO (closed)\r\n\r\n",
	                           &ids),
	                    "");
	/* without a body, and without the empty line */
	assert_string_equal(ids_of(GOOD, &ids), "");
}

static void each_fault_is_named(void **state)
{
	static const struct {
		const char *message, *ids;
	} rows[] = {
		{ "", "!date-missing !from-missing message-id-missing " },
		{ GOOD "Date: Tue, 24 Nov 2026 10:20:30 +0100\r\n\r\n", "!date-twice " },
		{ GOOD "Subject: a\r\nsubject : b\r\n\r\n", "!header-line " },
		{ GOOD "Subject: a\r\nSUBJECT: b\r\n\r\n", "!subject-twice " },
		{ GOOD "no field\r\n\r\n", "!header-line " },
		{ GOOD "Subject: a\r\n \r\n b\r\n\r\n", "fold-empty " },
		{ " a\r\n" GOOD "\r\n", "!header-line " },
		{ "From alice Tue Nov 24 10:20:30 2026\r\n" GOOD "\r\n", "!mbox-from " },
		{ GOOD "\r\na\nb\r\n", "!bare-lf " },
		{ GOOD "\r\na\rb\r\n", "!bare-cr " },
		{ GOOD "Subject: caf\xc3\xa9\r\n\r\ncaf\xc3\xa9\r\n", "!header-8bit " },
		{ GOOD "List-Id: news.example.org\r\n\r\n", "list-id-syntax " },
		{ GOOD "List-Id: <news>\r\n\r\n", "list-id-syntax " },
		{ GOOD "List-Id: <a.b>\r\nList-Id: <a.b>\r\n\r\n", "list-id-twice " },
		{ GOOD "List-Help: mailto:help@example.org\r\n\r\n", "list-help-syntax " },
		{ GOOD "List-Help: <mailto:help@example.org> <http://example.org/>\r\n\r\n",
		  "list-help-syntax " },
		{ GOOD "List-Help: <mailto:help@example.org>,\r\n <http://example.org/>\r\n\r\n",
		  "" },
		{ GOOD "List-Help: NO\r\n\r\n", "list-help-syntax " },
		{ GOOD "List-Unsubscribe: <https://example.org/u>\r\n"
		       "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
		  "" },
		{ GOOD "List-Unsubscribe: <mailto:u@example.org>\r\n"
		       "List-Unsubscribe-Post: One-Click\r\n\r\n",
		  "one-click-syntax one-click-url " },
		{ "From: a\r\nDate: now\r\nMessage-ID: 4711\r\n\r\n",
		  "!from-syntax !date-syntax !message-id-syntax " },
		{ "From: a@example.org, b@example.com\r\nDate: 24 Nov 2026 10:20 GMT\r\n"
		  "Message-ID: <a@b>\r\n\r\n",
		  "!sender-missing " },
	};
	AUTO_BUF struct buf ids = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(ids_of(rows[i].message, &ids), rows[i].ids);
}

static void a_long_line_and_an_octet_0_are_named_with_their_line(void **state)
{
	AUTO_MAILAUTH_FORM struct mailauth_form form = { 0 };
	AUTO_BUF struct buf message = { 0 };

	(void)state;
	buf_add_text(&message, GOOD "\r\n");
	for (int i = 0; i < 998; i++)
		buf_add_char(&message, 'x');
	buf_add_text(&message, "\r\n");
	mailauth_form_read(buf_span(&message), &form);
	assert_int_equal(form.findings_n, 0);
	buf_add(&message, "\0", 1);
	for (int i = 0; i < 998; i++)
		buf_add_char(&message, 'x');
	mailauth_form_read(buf_span(&message), &form);
	assert_int_equal(form.findings_n, 2);
	assert_string_equal(form.findings[0].id, "octet-nul");
	assert_string_equal(form.findings[1].id, "line-long");
	assert_int_equal(form.findings[0].line, 6);
	assert_int_equal(form.findings[1].line, 6);
	assert_non_null(strstr(form.findings[1].text, "999 octets"));
	assert_int_equal(form_errors(&form), 2);
}

static void from_gives_the_domains_of_its_addresses(void **state)
{
	static const struct {
		const char *value;
		int n;
		const char *domains; /* each followed by a blank */
	} rows[] = {
		{ "alice@Example.ORG", 1, "example.org " },
		{ " Alice <alice@example.org>\r\n", 1, "example.org " },
		{ "\"bob@example.net, or <so>\" <alice@example.org>", 1, "example.org " },
		{ "alice@example.org (bob@example.net)", 1, "example.org " },
		{ "alice@example.org(a (b\\)) c)", 1, "example.org " },
		{ "<\"a@b\"@example.org>", 1, "example.org " },
		{ "a@example.org, Bob\r\n <b@example.com> ,", 2, "example.org example.com " },
		{ "All: a@example.org, b@example.com;", 2, "example.org example.com " },
		{ "<alice@example.org.>", 1, "example.org " },
		{ "alice", -1, "" },
		{ "<alice@>", -1, "" },
		{ "<@example.org>", -1, "" },
		{ "<alice@example.org> <bob@example.com>", -1, "example.com " },
		{ "<alice@example.org", -1, "" },
		{ "alice@exa mple.org", -1, "" },
		{ "", 0, "" },
		{ "\"never ends <a@example.org>", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_STRINGS struct strings domains = { 0 };
		AUTO_BUF struct buf got = { 0 };

		assert_int_equal(form_addresses(span_of(rows[i].value), &domains), rows[i].n);
		for (size_t k = 0; k < domains.n; k++)
			buf_addf(&got, "%s ", domains.rows[k]);
		assert_string_equal(buf_text(&got), rows[i].domains);
	}
}

static void dates_are_those_of_the_rfc(void **state)
{
	static const char *const good[] = {
		"Tue, 24 Nov 2026 10:20:30 +0100",
		"24 Nov 2026 10:20 GMT",
		"Tue , 4 nov 2026 23:59:60 -0000 (comment)",
		"1 Feb 2000 00:00:00 Z",
	};
	static const char *const bad[] = {
		"",
		"24 Nov 2026",
		"24 Nov 26 10:20:30 +0100",
		"31 Feb 2026 10:20:30 +0100",
		"Tues, 24 Nov 2026 10:20:30 +0100",
		"24 Nov 2026 24:20:30 +0100",
		"24 Nov 2026 10:20:30 +01:00",
		"24 Nov 2026 10:20:30 +0160",
		"24 Nov 2026 10:20:30 +0100 more",
		"24 November 2026 10:20:30 +0100",
		"2026-11-24T10:20:30Z",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(good); i++)
		assert_true(form_is_date(span_of(good[i])));
	for (size_t i = 0; i < ROWS(bad); i++)
		assert_false(form_is_date(span_of(bad[i])));
}

static void message_ids_are_in_angles_with_one_at(void **state)
{
	static const char *const good[] = { " <a@b>\r\n", "<4711.x@[192.0.2.1]> (why)" };
	static const char *const bad[] = { "",     "a@b",         "<a@b",    "<a@>",   "<@b>",
		                           "<ab>", "<a@b> <c@d>", "<a b@c>", "<a@b@c>" };

	(void)state;
	for (size_t i = 0; i < ROWS(good); i++)
		assert_true(form_is_message_id(span_of(good[i])));
	for (size_t i = 0; i < ROWS(bad); i++)
		assert_false(form_is_message_id(span_of(bad[i])));
}

static void more_findings_than_anybody_reads_are_counted(void **state)
{
	AUTO_MAILAUTH_FORM struct mailauth_form form = { 0 };
	AUTO_BUF struct buf message = { 0 };

	(void)state;
	for (unsigned i = 0; i < FORM_FINDINGS_MAX + 10; i++)
		buf_add_text(&message, "no field\r\n");
	mailauth_form_read(buf_span(&message), &form);
	assert_int_equal(form.findings_n, FORM_FINDINGS_MAX);
	assert_int_equal(form.left_out, 13); /* three are missing fields */
}

UNIT_TESTS("mailauth/form", cmocka_unit_test(a_good_message_has_no_findings),
           cmocka_unit_test(each_fault_is_named),
           cmocka_unit_test(a_long_line_and_an_octet_0_are_named_with_their_line),
           cmocka_unit_test(from_gives_the_domains_of_its_addresses),
           cmocka_unit_test(dates_are_those_of_the_rfc),
           cmocka_unit_test(message_ids_are_in_angles_with_one_at),
           cmocka_unit_test(more_findings_than_anybody_reads_are_counted));
