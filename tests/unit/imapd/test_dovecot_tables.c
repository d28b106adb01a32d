/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/dovecot_mail.h"
#include "unit/unit.h"

#include <string.h>

#define HEAD "mailbox\tmessages\tuidnext\tuidvalidity\tvsize\tguid\n"
#define ROWS_HEAD "mailbox-guid\tuid\tguid\tsize.virtual\tdate.received\tflags\n"

static const char folders[] = HEAD "Work/A\t2\t9\t77\t300\tbbbb\n"
				   "inbox\t1\t4\t78\t50\taaaa\n"
				   "with\ttab\t0\t1\t79\t0\tcccc\n";

static void folders_are_read_and_counted(void **state)
{
	AUTO_MAIL_LISTING struct mail_listing l = { 0 };
	struct dovecot_totals t = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dovecot_read_folders(span_of(folders), &l, &t, &err), &err);
	mail_listing_sort(&l);
	assert_int_equal(l.folders_n, 3);
	assert_int_equal(t.messages, 3);
	assert_int_equal(t.octets, 350);
	assert_int_equal(mail_listing_find(&l, "")->uidvalidity, 78);
	assert_int_equal(mail_listing_find(&l, "Work/A")->uidnext, 9);
	assert_string_equal(mail_listing_find(&l, "with\ttab")->guid, "cccc");
}

static void messages_find_their_folders_wherever_the_text_is_cut(void **state)
{
	static const char text[] = ROWS_HEAD
		"bbbb\t3\tx.y,S=1\t120\t2026-03-01 02:13:07\t\\Seen \\Recent work $Foo\n"
		"aaaa\t1\tz\t7\t1970-01-01 00:00:00\t\n"
		"bbbb\t8\tx.y,S=1\t120\t2026-03-01 02:13:07\t\\Draft \\Answered\n"
		"made-since\t1\tq\t1\t2026-03-01 02:13:07\t\n";

	(void)state;
	for (size_t cut = 0; cut < sizeof text; cut++) {
		AUTO_MAIL_LISTING struct mail_listing l = { 0 };
		AUTO_DOVECOT_ROWS struct dovecot_rows r = { 0 };
		AUTO_BUF struct buf flags = { 0 };
		struct error err = { 0 };
		const struct mail_message *m;

		assert_good(dovecot_read_folders(span_of(folders), &l, NULL, &err), &err);
		dovecot_rows_begin(&r, &l);
		assert_good(dovecot_rows_feed(&r, (struct span){ text, cut }, &err), &err);
		assert_good(dovecot_rows_feed(&r, span_from(SPAN(text), cut), &err), &err);
		assert_good(dovecot_rows_end(&r, &err), &err);
		assert_int_equal(r.messages, 3);
		m = mail_folder_find(mail_listing_find(&l, "Work/A"), "0000000003-x.y,S=1");
		assert_non_null(m);
		mail_message_flags(m, &flags);
		assert_string_equal(buf_text(&flags), "S");
		assert_string_equal(m->keywords, "$Foo work");
		assert_int_equal(m->mtime_ns, 1772331187000000000);
		assert_int_equal(m->size, 120);
		m = mail_folder_find(mail_listing_find(&l, "Work/A"), "0000000008-x.y,S=1");
		assert_string_equal(m->suffix, ":2,DR");
		assert_int_equal(mail_listing_find(&l, "")->n, 1);
	}
}

/* What it says of one message at its first and at its second look. */
static void a_date_before_1970_is_the_one_that_dovecot_s_cache_makes_of_it(void **state)
{
	static const char text[] = ROWS_HEAD "aaaa\t1\ty\t7\t1904-01-01 00:00:00\t\n"
					     "aaaa\t2\tz\t7\t2040-02-06 06:28:16\t\n";
	AUTO_MAIL_LISTING struct mail_listing l = { 0 };
	AUTO_DOVECOT_ROWS struct dovecot_rows r = { 0 };
	struct error err = { 0 };
	const struct mail_folder *f;

	(void)state;
	assert_good(dovecot_read_folders(span_of(folders), &l, NULL, &err), &err);
	dovecot_rows_begin(&r, &l);
	assert_good(dovecot_rows_feed(&r, SPAN(text), &err), &err);
	assert_good(dovecot_rows_end(&r, &err), &err);
	f = mail_listing_find(&l, "");
	assert_int_equal(mail_folder_find(f, "0000000001-y")->mtime_ns,
	                 mail_folder_find(f, "0000000002-z")->mtime_ns);
}

static void what_no_doveadm_says_is_refused(void **state)
{
	static const char *const bad_folders[] = {
		"doveadm: no\n",
		HEAD "x\t1\n",
		HEAD "x\t-1\t9\t77\t300\tbbbb\n",
		HEAD "x\t1\t99999999999\t77\t300\tbbbb\n",
		HEAD "\t1\t9\t77\t300\tbbbb\n",
		HEAD "x\t1\t9\t77\t300\tbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
	};
	static const char *const bad_rows[] = {
		"nonsense\n",
		ROWS_HEAD "aaaa\t0\tz\t7\t1970-01-01 00:00:00\t\n",
		ROWS_HEAD "aaaa\t1\tz\t7\tyesterday\t\n",
		ROWS_HEAD "aaaa\t1\tz\n",
		ROWS_HEAD "aaaa\t1\tz\t7\t1970-01-01 00:00:00\t",
	};
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(bad_folders); i++) {
		AUTO_MAIL_LISTING struct mail_listing l = { 0 };

		assert_int_equal(dovecot_read_folders(span_of(bad_folders[i]), &l, NULL, &err), -1);
	}
	for (size_t i = 0; i < ROWS(bad_rows); i++) {
		AUTO_MAIL_LISTING struct mail_listing l = { 0 };
		AUTO_DOVECOT_ROWS struct dovecot_rows r = { 0 };

		assert_good(dovecot_read_folders(span_of(folders), &l, NULL, &err), &err);
		dovecot_rows_begin(&r, &l);
		if (dovecot_rows_feed(&r, span_of(bad_rows[i]), &err) == 0)
			assert_int_equal(dovecot_rows_end(&r, &err), -1);
	}
}

UNIT_TESTS("imapd/dovecot_tables", cmocka_unit_test(folders_are_read_and_counted),
           cmocka_unit_test(messages_find_their_folders_wherever_the_text_is_cut),
           cmocka_unit_test(a_date_before_1970_is_the_one_that_dovecot_s_cache_makes_of_it),
           cmocka_unit_test(what_no_doveadm_says_is_refused));
