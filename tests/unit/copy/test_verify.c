/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"
#include "copy/verify.h"

#define M "old/home/alice/Maildir/"
#define N "new/home/alice/Maildir/"
#define FROZEN_MS 1500000000000

static void make_mailbox(struct sites *s)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };

	sites_begin(s, MAILBOX_MAILDIR);
	sites_maildir(s, M);
	sites_message(s, M "cur/100.a.host:2,Sa", "Message-ID: <a@example.org>\n\none\n",
	              1000000000);
	sites_message(s, M "cur/200.b.host:2,", "Message-ID: <b@example.org>\n\ntwo\n", 1000000001);
	sites_message(s, M "new/300.c.host", "Message-ID: <c@example.org>\n\n333\n", 1000000002);
	sites_write(s, M "dovecot-uidlist",
	            "3 V11 N4\n1 :100.a.host\n2 :200.b.host\n3 :300.c.host\n");
	sites_write(s, M "dovecot-keywords", "0 $Forwarded\n");
	sites_write(s, M "subscriptions", "V\t2\n\nSent\n");
	sites_pass(s, &r);
}

static void freeze(struct sites *s)
{
	struct error err = { 0 };

	assert_good(messages_freeze(s->state, FROZEN_MS, &err), &err);
}

static void look(struct sites *s, bool deep, int64_t opened_ms, struct verify_result *out)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct verify_options options = { .deep = deep, .opened_ms = opened_ms };
	struct error err = { 0 };

	verify_result_fini(out);
	assert_good(verify_account(s->old, s->new, &account, s->state, &options, out, &err), &err);
}

static void one_difference(struct sites *s, const char *name, const char *what)
{
	AUTO_VERIFY_RESULT struct verify_result r = { 0 };

	look(s, false, 0, &r);
	if (r.differences.n != 1)
		fail_msg("%zu differences, the first: %s", r.differences.n,
		         r.differences.n ? r.differences.rows[0] : "");
	if (!strstr(r.differences.rows[0], name) || !strstr(r.differences.rows[0], what))
		fail_msg("\"%s\" has not both \"%s\" and \"%s\"", r.differences.rows[0], name,
		         what);
}

static void two_sides_that_agree_have_no_difference(void **state)
{
	AUTO_VERIFY_RESULT struct verify_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	look(&s, true, 0, &r);
	assert_int_equal(r.differences.n, 0);
	assert_int_equal(r.messages, 3);
	freeze(&s);
	look(&s, true, 0, &r);
	assert_int_equal(r.differences.n, 0);
	sites_end(&s);
}

static void a_removed_message_is_named(void **state)
{
	struct sites s;

	make_mailbox(&s);
	sites_remove(&s, N "cur/200.b.host:2,");
	one_difference(&s, "INBOX/200.b.host <b@example.org>", "missing");
	freeze(&s);
	one_difference(&s, "INBOX/200.b.host <b@example.org>", "missing");
	sites_end(&s);
}

static void one_flipped_octet_of_the_same_size_is_named(void **state)
{
	struct sites s;

	make_mailbox(&s);
	freeze(&s);
	sites_message(&s, N "cur/200.b.host:2,", "Message-ID: <b@example.org>\n\ntwp\n",
	              1000000001);
	one_difference(&s, "200.b.host", "other octets on the new host");
	sites_end(&s);
}

static void a_doubled_message_is_named_with_its_twin(void **state)
{
	struct sites s;

	make_mailbox(&s);
	freeze(&s);
	sites_message(&s, N "cur/999.b2.host:2,", "Message-ID: <b@example.org>\n\ntwo\n",
	              1000000001);
	one_difference(&s, "999.b2.host", "doubled: the same octets as 200.b.host");
	sites_end(&s);
}

static void flags_keywords_uid_date_and_subscriptions_are_compared(void **state)
{
	struct sites s;

	make_mailbox(&s);
	freeze(&s);
	sites_rename(&s, N "cur/100.a.host:2,Sa", N "cur/100.a.host:2,FSa");
	one_difference(&s, "100.a.host", "flags \"FS\" instead of \"S\"");
	sites_rename(&s, N "cur/100.a.host:2,FSa", N "cur/100.a.host:2,S");
	one_difference(&s, "100.a.host", "keywords \"\" instead of \"$Forwarded\"");
	sites_rename(&s, N "cur/100.a.host:2,S", N "cur/100.a.host:2,Sa");
	sites_write(&s, N "dovecot-uidlist",
	            "3 V11 N4\n1 :100.a.host\n2 :200.b.host\n4 :300.c.host\n");
	one_difference(&s, "300.c.host", "UID 4 instead of 3");
	sites_write(&s, N "dovecot-uidlist",
	            "3 V12 N4\n1 :100.a.host\n2 :200.b.host\n3 :300.c.host\n");
	one_difference(&s, "INBOX", "UIDVALIDITY 12 instead of 11");
	sites_write(&s, N "dovecot-uidlist",
	            "3 V11 N4\n1 :100.a.host\n2 :200.b.host\n3 :300.c.host\n");
	sites_message(&s, N "cur/200.b.host:2,", "Message-ID: <b@example.org>\n\ntwo\n",
	              1000000009);
	one_difference(&s, "200.b.host", "date 2001-09-09T01:46:49");
	sites_message(&s, N "cur/200.b.host:2,", "Message-ID: <b@example.org>\n\ntwo\n",
	              1000000001);
	sites_write(&s, N "subscriptions", "V\t2\n\n");
	one_difference(&s, "subscriptions", "has other content");
	sites_end(&s);
}

static void after_the_opening_new_mail_and_flags_are_no_difference(void **state)
{
	AUTO_VERIFY_RESULT struct verify_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	freeze(&s);
	sites_message(&s, N "new/999.new.host", "came later\n", FROZEN_MS / 1000 + 60);
	sites_message(&s, N "new/999.odd.host", "came from nowhere\n", FROZEN_MS / 1000 - 60);
	sites_rename(&s, N "cur/100.a.host:2,Sa", N "cur/100.a.host:2,FSa");
	look(&s, false, FROZEN_MS, &r);
	assert_int_equal(r.arrived, 1);
	assert_int_equal(r.changed, 1);
	assert_int_equal(r.differences.n, 1);
	assert_non_null(strstr(r.differences.rows[0], "999.odd.host: extra"));
	sites_end(&s);
}

static void mail_that_came_to_old_after_the_freeze_is_named(void **state)
{
	struct sites s;

	make_mailbox(&s);
	freeze(&s);
	sites_message(&s, M "new/999.late.host", "late\n", 1600000000);
	one_difference(&s, "999.late.host", "came to the old host after the freeze");
	sites_end(&s);
}

static void deep_finds_an_octet_that_changed_on_old_too(void **state)
{
	AUTO_VERIFY_RESULT struct verify_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_message(&s, M "cur/200.b.host:2,", "Message-ID: <b@example.org>\n\ntwp\n",
	              1000000001);
	look(&s, false, 0, &r);
	assert_int_equal(r.differences.n, 0);
	look(&s, true, 0, &r);
	assert_int_equal(r.differences.n, 1);
	assert_non_null(strstr(r.differences.rows[0], "other octets on the old host"));
	sites_end(&s);
}

UNIT_TESTS("copy/verify", cmocka_unit_test(two_sides_that_agree_have_no_difference),
           cmocka_unit_test(a_removed_message_is_named),
           cmocka_unit_test(one_flipped_octet_of_the_same_size_is_named),
           cmocka_unit_test(a_doubled_message_is_named_with_its_twin),
           cmocka_unit_test(flags_keywords_uid_date_and_subscriptions_are_compared),
           cmocka_unit_test(after_the_opening_new_mail_and_flags_are_no_difference),
           cmocka_unit_test(mail_that_came_to_old_after_the_freeze_is_named),
           cmocka_unit_test(deep_finds_an_octet_that_changed_on_old_too));
