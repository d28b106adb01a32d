/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"

#include <sys/types.h>

#define M "old/home/alice/Maildir/"
#define N "new/home/alice/Maildir/"

static const char uidlist[] = "3 V1173186633 N5 G3085f01b7f11094c501100008c4a11c1\n"
			      "1 :100.a.host\n"
			      "2 W30 P77 :200.b.host\n"
			      "4 :never.there\n";

static void make_mailbox(struct sites *s)
{
	sites_begin(s, MAILBOX_MAILDIR);
	sites_maildir(s, M);
	sites_maildir(s, M ".Sent.2019/");
	sites_message(s, M "cur/100.a.host:2,Sa", "Message-ID: <a@example.org>\n\none\n",
	              1000000000);
	sites_message(s, M "new/200.b.host", "Message-ID:\n <b@example.org>\n\ntwo\n", -2000000000);
	sites_message(s, M ".Sent.2019/cur/300.c\nhost:2,", "Subject: three\n\n\xff\n", 1100000000);
	sites_message(s, M "tmp/400.unfinished", "x", 1);
	sites_write(s, M "dovecot-uidlist", uidlist);
	sites_write(s, M "dovecot-keywords", "0 $Forwarded\n");
	sites_write(s, M "subscriptions", "V\t2\n\nSent\t2019\n");
	sites_write(s, M "dovecot.index.log", "a cache");
}

static void the_first_pass_brings_all_but_caches(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;
	struct stat st;

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.folders_made, 2);
	assert_int_equal(r.skipped.n, 0);
	AUTO_FREE char *text = sites_read(&s, N "cur/100.a.host:2,Sa");
	assert_string_equal(text, "Message-ID: <a@example.org>\n\none\n");
	AUTO_FREE char *path = sites_path(&s, N "new/200.b.host");
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_mtim.tv_sec == -2000000000 && st.st_mtim.tv_nsec == 123456789);
	assert_true(sites_has(&s, N ".Sent.2019/cur/300.c\nhost:2,"));
	assert_int_equal(sites_count(&s, N "tmp"), 0);
	assert_false(sites_has(&s, N "dovecot.index.log"));
	AUTO_FREE char *list = sites_read(&s, N "dovecot-uidlist");
	assert_string_equal(list, "3 V1173186633 N5 G3085f01b7f11094c501100008c4a11c1\n"
	                          "1 :100.a.host\n"
	                          "2 W30 P77 :200.b.host\n");
	AUTO_FREE char *subscriptions = sites_read(&s, N "subscriptions");
	assert_string_equal(subscriptions, "V\t2\n\nSent\t2019\n");
	assert_true(sites_has(&s, N "dovecot-keywords"));
	sites_end(&s);
}

static void a_pass_that_finds_nothing_does_nothing(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_pass(&s, &r);
	assert_int_equal(r.unchanged, 3);
	assert_false(copy_result_changed(&r));
	sites_end(&s);
}

static void flags_are_renames_and_expunged_mail_goes(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;
	struct stat before, after;

	make_mailbox(&s);
	sites_pass(&s, &r);
	AUTO_FREE char *first = sites_path(&s, N "new/200.b.host");
	AUTO_FREE char *second = sites_path(&s, N "cur/200.b.host:2,FS");
	assert_int_equal(stat(first, &before), 0);
	sites_rename(&s, M "new/200.b.host", M "cur/200.b.host:2,FS");
	sites_remove(&s, M "cur/100.a.host:2,Sa");
	sites_message(&s, M "new/500.d.host", "four\n", 1200000000);
	sites_write(&s, M "dovecot-uidlist",
	            "3 V1173186633 N6 G3085f01b7f11094c501100008c4a11c1\n"
	            "2 W30 P77 :200.b.host\n5 :500.d.host\n");
	sites_write(&s, N "dovecot.index", "knows other UIDs");
	sites_write(&s, N "dovecot.list.index.log", "knows other UIDs");
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.renamed, 1);
	assert_int_equal(r.removed, 1);
	assert_int_equal(stat(second, &after), 0);
	assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_sec == after.st_mtim.tv_sec);
	assert_false(sites_has(&s, N "new/200.b.host"));
	assert_false(sites_has(&s, N "cur/100.a.host:2,Sa"));
	assert_false(sites_has(&s, N "dovecot.index"));
	assert_false(sites_has(&s, N "dovecot.list.index.log"));
	sites_end(&s);
}

static void mail_that_only_new_has_stays_and_is_named(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_message(&s, N "new/900.canary", "canary\n", 1300000000);
	sites_pass(&s, &r);
	assert_int_equal(r.extra.n, 1);
	assert_string_equal(r.extra.rows[0], "INBOX/900.canary");
	assert_true(sites_has(&s, N "new/900.canary"));
	sites_end(&s);
}

static void a_folder_removed_on_old_goes_only_when_nothing_else_is_in_it(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_rename(&s, M ".Sent.2019", "old/elsewhere");
	sites_message(&s, N ".Sent.2019/new/900.canary", "canary\n", 1300000000);
	sites_pass(&s, &r);
	assert_int_equal(r.removed, 1);
	assert_int_equal(r.folders_removed, 0);
	assert_int_equal(r.extra.n, 1);
	sites_remove(&s, N ".Sent.2019/new/900.canary");
	sites_pass(&s, &r);
	assert_int_equal(r.folders_removed, 1);
	assert_false(sites_has(&s, N ".Sent.2019"));
	sites_end(&s);
}

static void mail_that_the_ledger_forgot_is_compared_and_not_sent_again(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;
	uint64_t messages, octets;
	struct error err = { 0 };

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_int_equal(sqlite3_exec(state_database(s.state), "DELETE FROM message", 0, 0, 0), 0);
	sites_rename(&s, M "cur/100.a.host:2,Sa", M "cur/100.a.host:2,RSa");
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 0);
	assert_int_equal(r.renamed, 1);
	assert_int_equal(r.unchanged, 2);
	assert_good(messages_count(s.state, "alice", MESSAGES_PRESENT, &messages, &octets, &err),
	            &err);
	assert_int_equal(messages, 3);
	sites_end(&s);
}

static void the_same_name_with_other_bytes_is_an_alarm(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_maildir(&s, N);
	sites_message(&s, N "cur/100.a.host:2,", "someone else's\n", 1000000000);
	sites_pass(&s, &r);
	assert_int_equal(r.skipped.n, 1);
	assert_non_null(strstr(r.skipped.rows[0], "INBOX/100.a.host"));
	AUTO_FREE char *text = sites_read(&s, N "cur/100.a.host:2,");
	assert_string_equal(text, "someone else's\n");
	sites_end(&s);
}

/* What was changed in its place, under one inode, is seen by a look at everything. */
static void pass_everywhere(struct sites *s, struct copy_result *out)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct copy_options options = { .look_everywhere = true };
	struct error err = { 0 };

	copy_result_fini(out);
	assert_good(copy_pass(s->old, s->new, &account, s->state, &options, out, &err), &err);
}

static void a_damaged_copy_is_brought_again_and_not_doubled(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, N "cur/100.a.host:2,Sa", "cut");
	sites_rename(&s, M "cur/100.a.host:2,Sa", M "cur/100.a.host:2,Ta");
	pass_everywhere(&s, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(sites_count(&s, N "cur"), 1);
	AUTO_FREE char *text = sites_read(&s, N "cur/100.a.host:2,Ta");
	assert_string_equal(text, "Message-ID: <a@example.org>\n\none\n");
	sites_end(&s);
}

/* A process number that comes back within a second, after the first message was expunged. */
static void another_message_under_the_name_of_an_expunged_one_is_brought(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_message(&s, M "cur/100.a.host:2,Sa", "Message-ID: <x@example.org>\n\ntwo\n",
	              1000000001);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.skipped.n, 0);
	AUTO_FREE char *text = sites_read(&s, N "cur/100.a.host:2,Sa");
	assert_string_equal(text, "Message-ID: <x@example.org>\n\ntwo\n");
	assert_int_equal(sites_count(&s, N "cur"), 1);
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	sites_end(&s);
}

static void a_message_that_only_has_another_date_is_not_sent_again(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_message(&s, M "cur/100.a.host:2,Sa", "Message-ID: <a@example.org>\n\none\n",
	              1000000001);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 0);
	assert_int_equal(r.renamed, 1);
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	sites_end(&s);
}

/* A deliverer takes the name of a message that a client has moved to cur/: both are mail. */
static void the_second_of_two_messages_of_one_name_is_told_each_time(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 }, again = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_message(&s, M "new/100.a.host", "another\n", 1000000001);
	sites_pass(&s, &r);
	assert_int_equal(r.skipped.n, 1);
	assert_non_null(strstr(r.skipped.rows[0], "100.a.host: another message has the same name"));
	AUTO_FREE char *text = sites_read(&s, N "cur/100.a.host:2,Sa");
	assert_string_equal(text, "Message-ID: <a@example.org>\n\none\n");
	sites_pass(&s, &again);
	assert_int_equal(again.skipped.n, 1);
	sites_rename(&s, M "new/100.a.host", M "new/101.a.host");
	sites_pass(&s, &r);
	assert_int_equal(r.skipped.n, 0);
	assert_true(sites_has(&s, N "new/101.a.host"));
	copy_result_fini(&again);
	sites_end(&s);
}

/* linked to its next name, and not yet unlinked from the last: still one message */
static void a_message_with_two_names_for_a_moment_is_one(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	AUTO_FREE char *name = sites_path(&s, M "cur/100.a.host:2,Sa");
	AUTO_FREE char *other = sites_path(&s, M "cur/100.a.host:2,FSa");
	assert_int_equal(link(name, other), 0);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.skipped.n, 0);
	assert_int_equal(sites_count(&s, N "cur"), 1);
	sites_end(&s);
}

static void sieve_scripts_and_their_link_follow_and_go(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;
	char target[64] = "";

	make_mailbox(&s);
	strings_add(&s.beside, "sieve");
	strings_add(&s.beside, ".dovecot.sieve");
	strings_add(&s.beside, ".forward");
	sites_make(&s, "old/home/alice/sieve");
	sites_write(&s, "old/home/alice/sieve/main.sieve", "keep;\n");
	sites_write(&s, "old/home/alice/sieve/other.sieve", "discard;\n");
	AUTO_FREE char *link = sites_path(&s, "old/home/alice/.dovecot.sieve");
	assert_int_equal(symlink("sieve/main.sieve", link), 0);
	sites_pass(&s, &r);
	AUTO_FREE char *text = sites_read(&s, "new/home/alice/sieve/main.sieve");
	assert_string_equal(text, "keep;\n");
	AUTO_FREE char *new_link = sites_path(&s, "new/home/alice/.dovecot.sieve");
	assert_int_equal(readlink(new_link, target, 63), 16);
	assert_string_equal(target, "sieve/main.sieve");
	sites_remove(&s, "old/home/alice/sieve/other.sieve");
	sites_pass(&s, &r);
	assert_false(sites_has(&s, "new/home/alice/sieve/other.sieve"));
	assert_true(sites_has(&s, "new/home/alice/sieve/main.sieve"));
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	sites_end(&s);
}

static void a_dry_run_changes_nothing_and_says_what_it_would(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	const struct copy_options options = { .dry_run = true };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	const struct copy_account account = { &s.from, &s.to, NULL };
	assert_good(copy_pass(s.old, s.new, &account, s.state, &options, &r, &err), &err);
	assert_int_equal(r.copied, 3);
	assert_false(sites_has(&s, "new/home/alice"));
	sites_end(&s);
}

static void folders_in_fs_layout_lie_one_in_the_other(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	s.from.layout = s.to.layout = MAILBOX_LAYOUT_FS;
	sites_maildir(&s, M "Work/Invoices/");
	sites_message(&s, M "Work/Invoices/new/700.e.host", "five\n", 1200000000);
	sites_pass(&s, &r);
	assert_true(sites_has(&s, N "Work/Invoices/new/700.e.host"));
	assert_true(sites_has(&s, N "cur/100.a.host:2,Sa"));
	assert_false(sites_has(&s, N "Work/cur")); /* no mailbox there, so none here */
	assert_int_equal(r.skipped.n, 0);
	sites_end(&s);
}

static void links_in_a_mailbox_are_not_followed_and_are_named(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	AUTO_FREE char *folder = sites_path(&s, M ".Shared");
	AUTO_FREE char *message = sites_path(&s, M "cur/800.link:2,");
	assert_int_equal(symlink("/etc", folder), 0);
	assert_int_equal(symlink("/etc/passwd", message), 0);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.skipped.n, 2);
	assert_false(sites_has(&s, N ".Shared"));
	assert_false(sites_has(&s, N "cur/800.link:2,"));
	sites_end(&s);
}

UNIT_TESTS("copy/pass", cmocka_unit_test(folders_in_fs_layout_lie_one_in_the_other),
           cmocka_unit_test(links_in_a_mailbox_are_not_followed_and_are_named),
           cmocka_unit_test(the_first_pass_brings_all_but_caches),
           cmocka_unit_test(a_pass_that_finds_nothing_does_nothing),
           cmocka_unit_test(flags_are_renames_and_expunged_mail_goes),
           cmocka_unit_test(mail_that_only_new_has_stays_and_is_named),
           cmocka_unit_test(a_folder_removed_on_old_goes_only_when_nothing_else_is_in_it),
           cmocka_unit_test(mail_that_the_ledger_forgot_is_compared_and_not_sent_again),
           cmocka_unit_test(the_same_name_with_other_bytes_is_an_alarm),
           cmocka_unit_test(a_damaged_copy_is_brought_again_and_not_doubled),
           cmocka_unit_test(another_message_under_the_name_of_an_expunged_one_is_brought),
           cmocka_unit_test(a_message_that_only_has_another_date_is_not_sent_again),
           cmocka_unit_test(the_second_of_two_messages_of_one_name_is_told_each_time),
           cmocka_unit_test(a_message_with_two_names_for_a_moment_is_one),
           cmocka_unit_test(sieve_scripts_and_their_link_follow_and_go),
           cmocka_unit_test(a_dry_run_changes_nothing_and_says_what_it_would));
