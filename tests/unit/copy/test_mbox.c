/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/sites.h"
#include "state/mboxes.h"

#define FROM SITES_FROM
#define ONE                                                                                        \
	FROM "X-IMAPbase: 1173186633 0000000002 $Junk\nMessage-ID: <one@example.org>\nX-UID: 1\n"  \
	     "Status: RO\nX-Keywords: $Junk\n\none\n\n"
#define TWO FROM "Message-ID: <two@example.org>\nX-UID: 2\nStatus: O\n\ntwo\n\n"
#define THREE FROM "Message-ID: <three@example.org>\n\nthree\nFrom here on it is text\n\n"

static void make_mailbox(struct sites *s)
{
	sites_begin_mboxes(s, ONE TWO);
}

static void same_file(const struct sites *s, const char *path)
{
	AUTO_FREE char *old_path = xasprintf("old/%s", path);
	AUTO_FREE char *new_path = xasprintf("new/%s", path);
	AUTO_FREE char *old = sites_read(s, old_path);
	AUTO_FREE char *new = sites_read(s, new_path);

	assert_string_equal(old, new);
}

static void mbox_files_travel_and_then_only_their_tails(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.skipped.n, 0);
	same_file(&s, "var/mail/alice");
	same_file(&s, "home/alice/mail/Archive/2018");
	same_file(&s, "home/alice/mail/.subscriptions");
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(r.unchanged, 3);

	sites_write(&s, "old/var/mail/alice", ONE TWO THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 1);
	same_file(&s, "var/mail/alice");
	sites_write(&s, "old/var/mail/alice", ONE THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.removed, 1);
	same_file(&s, "var/mail/alice");
	sites_end(&s);
}

/* Of a file that only grew, the messages in front are counted, not loaded. */
static void what_is_appended_twice_is_two_messages(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, "old/var/mail/alice", ONE TWO TWO THREE THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.removed, 0);
	assert_int_equal(r.old_messages, 6);
	same_file(&s, "var/mail/alice");
	sites_write(&s, "old/var/mail/alice", ONE TWO TWO THREE THREE TWO);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 1);
	assert_int_equal(r.unchanged, 1);
	sites_differences(&s, false, 0, "");
	/* the ledger has each of them: none looks like mail of new's own */
	sites_write(&s, "old/var/mail/alice", ONE TWO THREE TWO);
	sites_pass(&s, &r);
	assert_int_equal(r.extra.n, 0);
	assert_int_equal(r.removed, 2);
	same_file(&s, "var/mail/alice");
	sites_end(&s);
}

static void mail_of_its_own_keeps_new_s_file_from_being_replaced(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, "new/var/mail/alice", ONE TWO FROM "\ncanary\n\n");
	sites_write(&s, "old/var/mail/alice", ONE TWO THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.extra.n, 1);
	assert_int_equal(r.skipped.n, 1);
	AUTO_FREE char *text = sites_read(&s, "new/var/mail/alice");
	assert_non_null(strstr(text, "canary"));
	sites_end(&s);
}

static void differences(struct sites *s, size_t n, const char *words)
{
	sites_differences(s, false, n, words);
}

static void verify_reads_into_the_files(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	differences(&s, 0, "");
	sites_write(&s, "new/var/mail/alice",
	            ONE FROM "Message-ID: <two@example.org>\nX-UID: 2\nStatus: RO\n\ntwo\n\n");
	differences(&s, 1, "flags \"S\" instead of \"\"");
	sites_write(&s, "new/var/mail/alice",
	            ONE FROM "Message-ID: <two@example.org>\nX-UID: 2\nStatus: O\n\ntwp\n\n");
	differences(&s, 2, "which had the same UID 2");
	sites_write(&s, "new/var/mail/alice", ONE);
	differences(&s, 1, "<two@example.org>: missing");
	sites_write(&s, "new/var/mail/alice", ONE TWO TWO);
	differences(&s, 1, "doubled");
	sites_end(&s);
}

static void what_new_took_is_appended_to_old_s_file_once(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_STRINGS struct strings brought = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_good(messages_freeze(s.state, 1500000000000, &err), &err);
	sites_write(&s, "new/var/mail/alice",
	            ONE TWO FROM "Message-ID: <new@example.org>\nX-UID: 3\nStatus: RO\n"
	                         "X-Status: F\nContent-Length: 52\n\n" FROM "new\n\n");
	const struct copy_account account = { &s.to, &s.from, NULL };
	copy_result_fini(&r);
	assert_good(copy_bring_back(s.new, s.old, &account, s.state, &brought, &r, &err), &err);
	assert_int_equal(r.copied, 1);
	AUTO_FREE char *text = sites_read(&s, "old/var/mail/alice");
	assert_string_equal(text,
	                    ONE TWO FROM "Message-ID: <new@example.org>\nStatus: RO\n"
	                                 "X-Status: F\nContent-Length: 52\n\n" FROM "new\n\n");
	assert_good(copy_bring_back(s.new, s.old, &account, s.state, &brought, &r, &err), &err);
	assert_int_equal(r.copied, 1);
	AUTO_FREE char *again = sites_read(&s, "old/var/mail/alice");
	assert_string_equal(again, text);

	/* killed in the middle of an append: what is half there is taken back */
	AUTO_FREE char *half = xstrndup(text, strlen(text) - 10);
	sites_write(&s, "old/var/mail/alice", half);
	assert_good(copy_bring_back(s.new, s.old, &account, s.state, &brought, &r, &err), &err);
	AUTO_FREE char *mended = sites_read(&s, "old/var/mail/alice");
	assert_string_equal(mended, text);
	assert_false(sites_has(&s, "old/var/mail/alice.lock"));
	assert_false(sites_has(&s, "old/home/alice/mail/.mailhaul-append"));
	sites_end(&s);
}

#define OLD_INDEX "old/home/alice/mail/.imap/INBOX/"
#define NEW_INDEX "new/home/alice/mail/.imap/INBOX/"

/* As after a rollback, when new's own Dovecot has written the files that old has not. */
static void index_files_of_a_folder_are_exchanged_as_one_set(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_make(&s, "old/home/alice/mail/.imap/INBOX");
	sites_make(&s, "old/home/alice/mail/Archive/.imap/2018");
	sites_write(&s, OLD_INDEX "dovecot.index.log", "log 1");
	sites_write(&s, "old/home/alice/mail/Archive/.imap/2018/dovecot.index.log", "log");
	sites_pass(&s, &r);
	same_file(&s, "home/alice/mail/.imap/INBOX/dovecot.index.log");
	same_file(&s, "home/alice/mail/Archive/.imap/2018/dovecot.index.log");

	sites_write(&s, NEW_INDEX "dovecot.index", "written by new for its log 2");
	sites_write(&s, NEW_INDEX "dovecot.index.cache", "written by new");
	sites_write(&s, "new/home/alice/mail/Archive/.imap/2018/dovecot.index.cache", "by new");
	sites_pass(&s, &r);
	assert_false(sites_has(&s, NEW_INDEX "dovecot.index"));
	assert_false(sites_has(&s, NEW_INDEX "dovecot.index.cache"));
	same_file(&s, "home/alice/mail/.imap/INBOX/dovecot.index.log");
	/* nothing of that folder's set is unlike old's: new's cache may stay */
	assert_true(sites_has(&s, "new/home/alice/mail/Archive/.imap/2018/dovecot.index.cache"));
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));

	sites_write(&s, OLD_INDEX "dovecot.index", "old has one by now");
	sites_write(&s, NEW_INDEX "dovecot.index.log.2", "and new another");
	sites_pass(&s, &r);
	same_file(&s, "home/alice/mail/.imap/INBOX/dovecot.index");
	same_file(&s, "home/alice/mail/.imap/INBOX/dovecot.index.log");
	assert_false(sites_has(&s, NEW_INDEX "dovecot.index.log.2"));
	sites_end(&s);
}

static void set_time(const struct sites *s, const char *path, time_t mtime)
{
	AUTO_FREE char *whole = sites_path(s, path);
	const struct timespec times[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };

	assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

/* Dovecot writes a flag into the middle of the file, and Postfix puts mail at its end. */
static void a_flag_that_changed_with_an_append_is_not_missed(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, "old/var/mail/alice",
	            ONE FROM "Message-ID: <two@example.org>\nX-UID: 2\nStatus: R\n\ntwo\n\n" THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 1);
	same_file(&s, "var/mail/alice");
	differences(&s, 0, "");
	sites_end(&s);
}

static void a_tail_is_put_at_the_end_of_the_file_in_place(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct stat before, after;
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	AUTO_FREE char *path = sites_path(&s, "new/var/mail/alice");
	assert_int_equal(stat(path, &before), 0);
	sites_write(&s, "old/var/mail/alice", ONE TWO THREE TWO);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 2);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_false(sites_has(&s, "new/home/alice/mail/.mailhaul-tail"));
	same_file(&s, "var/mail/alice");
	differences(&s, 0, "");
	sites_end(&s);
}

/* Recorded sums that are wrong would be seen by whoever reads the files. */
static void a_file_that_did_not_change_is_not_read(void **state)
{
	AUTO_MBOX_STATES struct mbox_states old = { 0 }, new = { 0 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	set_time(&s, "old/var/mail/alice", 1772331187);
	set_time(&s, "old/home/alice/mail/Archive/2018", 1772331187);
	sites_pass(&s, &r);
	assert_good(mboxes_load(s.state, "alice", MBOXES_OLD, &old, NULL, &err), &err);
	assert_good(mboxes_load(s.state, "alice", MBOXES_NEW, &new, NULL, &err), &err);
	assert_int_equal(old.n, 2);
	assert_int_equal(new.n, 2);
	for (size_t i = 0; i < old.n; i++) {
		assert_true(old.rows[i].settled);
		assert_true(new.rows[i].settled);
		old.rows[i].sum.octets[0] ^= 1;
		new.rows[i].sum.octets[0] ^= 1;
		assert_good(mboxes_put(s.state, "alice", MBOXES_OLD, &old.rows[i], false, &err),
		            &err);
		assert_good(mboxes_put(s.state, "alice", MBOXES_NEW, &new.rows[i], false, &err),
		            &err);
	}
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(r.unchanged, 3);

	/* and one that may have changed is */
	set_time(&s, "old/var/mail/alice", 1772331188);
	sites_pass(&s, &r);
	same_file(&s, "var/mail/alice");
	assert_good(mboxes_load(s.state, "alice", MBOXES_OLD, &old, NULL, &err), &err);
	assert_false(mbox_sum_equal(&old.rows[0].sum, &old.rows[2].sum));
	sites_end(&s);
}

/* As after a kill in the middle of MBOX_GROW: a part of the tail at the end, the tail beside it, and
 * the mark in the state. */
static void half_a_tail_is_taken_back(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_MBOX_STATES struct mbox_states new = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_good(mboxes_load(s.state, "alice", MBOXES_NEW, &new, NULL, &err), &err);
	assert_good(
		mboxes_put(s.state, "alice", MBOXES_NEW, mbox_states_find(&new, ""), true, &err),
		&err);
	sites_write(&s, "new/var/mail/alice", ONE TWO "From alice@example.org Sun M");
	sites_write(&s, "new/home/alice/mail/.mailhaul-tail", THREE);
	/* its size is other now, and its inode the same */
	sites_write(&s, "old/var/mail/alice", ONE TWO THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.extra.n + r.skipped.n, 0);
	same_file(&s, "var/mail/alice");
	differences(&s, 0, "");
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	sites_end(&s);
}

UNIT_TESTS("copy/mbox", cmocka_unit_test(a_flag_that_changed_with_an_append_is_not_missed),
           cmocka_unit_test(a_tail_is_put_at_the_end_of_the_file_in_place),
           cmocka_unit_test(a_file_that_did_not_change_is_not_read),
           cmocka_unit_test(half_a_tail_is_taken_back),
           cmocka_unit_test(mbox_files_travel_and_then_only_their_tails),
           cmocka_unit_test(index_files_of_a_folder_are_exchanged_as_one_set),
           cmocka_unit_test(mail_of_its_own_keeps_new_s_file_from_being_replaced),
           cmocka_unit_test(verify_reads_into_the_files),
           cmocka_unit_test(what_is_appended_twice_is_two_messages),
           cmocka_unit_test(what_new_took_is_appended_to_old_s_file_once));
