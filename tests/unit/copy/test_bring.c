/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"

#define M "old/home/alice/Maildir/"
#define N "new/home/alice/Maildir/"

static void make_mailbox(struct sites *s)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct error err = { 0 };

	sites_begin(s, MAILBOX_MAILDIR);
	sites_maildir(s, M);
	sites_message(s, M "cur/100.a.host:2,Sa", "Message-ID: <a@example.org>\n\none\n",
	              1000000000);
	sites_write(s, M "dovecot-keywords", "0 $Forwarded\n1 $Junk\n");
	sites_pass(s, &r);
	assert_good(messages_freeze(s->state, 1500000000000, &err), &err);
}

static void what_new_took_is_brought_back_once(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_STRINGS struct strings brought = { 0 };
	struct sites s;
	struct stat st;

	make_mailbox(&s);
	sites_write(&s, N "dovecot-keywords", "0 $Forwarded\n1 $Other\n2 $Junk\n");
	sites_message(&s, N "new/900.x.new", "Message-ID: <x@example.org>\n\nx\n", 1600000000);
	sites_message(&s, N "cur/901.y.new:2,FSc", "y\n", 1600000001);
	sites_maildir(&s, N ".Later/");
	sites_message(&s, N ".Later/cur/902.z.new:2,", "z\n", 1600000002);
	sites_bring_back(&s, &brought, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(brought.n, 3);
	assert_true(strings_has(&brought, "INBOX/900.x.new <x@example.org>"));
	assert_true(sites_has(&s, M "new/900.x.new"));
	assert_true(sites_has(&s, M "cur/901.y.new:2,FSb")); /* $Junk is b there */
	assert_true(sites_has(&s, M ".Later/cur/902.z.new:2,"));
	AUTO_FREE char *path = sites_path(&s, M "new/900.x.new");
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_mtim.tv_sec == 1600000000 && st.st_mtim.tv_nsec == 123456789);

	sites_bring_back(&s, &brought, &r);
	assert_int_equal(r.copied, 0);
	assert_int_equal(brought.n, 3);
	assert_int_equal(sites_count(&s, M "new"), 1);
	assert_int_equal(sites_count(&s, M "cur"), 2);
	sites_end(&s);
}

static void mail_that_a_user_moved_on_new_is_not_doubled_on_old(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_STRINGS struct strings brought = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_maildir(&s, N ".Done/");
	sites_rename(&s, N "cur/100.a.host:2,Sa", N ".Done/cur/905.moved.new:2,S");
	sites_bring_back(&s, &brought, &r);
	assert_int_equal(r.copied, 0);
	assert_int_equal(r.notes.n, 1);
	assert_false(sites_has(&s, M ".Done"));
	sites_end(&s);
}

static void without_a_freeze_nothing_tells_what_is_new(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_STRINGS struct strings brought = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	assert_good(messages_thaw(s.state, &err), &err);
	const struct copy_account account = { &s.to, &s.from, NULL };
	assert_fails(copy_bring_back(s.new, s.old, &account, s.state, &brought, &r, &err), &err,
	             "there was no freeze");
	sites_end(&s);
}

UNIT_TESTS("copy/bring", cmocka_unit_test(what_new_took_is_brought_back_once),
           cmocka_unit_test(mail_that_a_user_moved_on_new_is_not_doubled_on_old),
           cmocka_unit_test(without_a_freeze_nothing_tells_what_is_new));
