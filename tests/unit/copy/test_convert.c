/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/convert.h"
#include "copy/sites.h"

#define FROM SITES_FROM
#define ONE                                                                                        \
	FROM "X-IMAPbase: 1173186633 0000000009 $Junk\nMessage-ID: <one@example.org>\nX-UID: 3\n"  \
	     "Status: RO\nX-Keywords: $Junk Blue\n\none\n>From quoted\n\n"
#define TWO FROM "Message-ID: <two@example.org>\nX-UID: 9\nStatus: O\nX-Status: F\n\ntwo\n\n"
#define THREE FROM "Message-ID: <three@example.org>\n\nthree\nFrom here on it is text\n\n"
#define INBOX "new/home/alice/Maildir/"

static void make_mailbox(struct sites *s)
{
	sites_begin_mboxes(s, ONE TWO);
	s->to.format = MAILBOX_MAILDIR;
	s->to.inbox = NULL;
	s->to.root = xstrdup("/home/alice/Maildir");
}

/* Both hosts are one machine: new's agent reads the mbox, and converts it. */
static void make_mailbox_here(struct sites *s)
{
	make_mailbox(s);
	free(s->to.root);
	sites_here(s);
	free(s->to.root);
	s->to.root = xasprintf("%s/new/home/alice/Maildir", s->dir);
}

static void end(struct sites *s)
{
	if (!s->here)
		free(s->to.root);
	sites_end(s);
}

static void differences(struct sites *s, size_t n, const char *words)
{
	sites_differences(s, true, n, words);
}

/* The file in a directory of the new side whose name ends so: its path, owned by the caller. */
static char *message_with(const struct sites *s, const char *directory, const char *ending)
{
	AUTO_FREE char *whole = sites_path(s, directory);
	DIR *dir = opendir(whole);
	struct dirent *entry;
	char *name = NULL;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !name && span_ends(span_of(entry->d_name), ending))
			name = xasprintf("%s/%s", directory, entry->d_name);
	closedir(dir);
	assert_non_null(name);
	return name;
}

static char *only_name(const struct sites *s, const char *directory)
{
	return message_with(s, directory, "");
}

static void holds(const struct sites *s, const char *path, const char *want)
{
	AUTO_FREE char *text = sites_read(s, path);

	assert_string_equal(text, want);
}

static void expect_converted(struct sites *s)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };

	sites_pass(s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.skipped.n, 0);
	AUTO_FREE char *one = message_with(s, INBOX "cur", ":2,Sab");
	AUTO_FREE char *two = message_with(s, INBOX "cur", ":2,F");
	AUTO_FREE char *x = only_name(s, INBOX ".Archive.2018/new");
	holds(s, one, "Message-ID: <one@example.org>\n\none\n>From quoted\n");
	holds(s, two, "Message-ID: <two@example.org>\n\ntwo\n");
	holds(s, x, "Subject: x\n\nx\n");
	holds(s, INBOX "dovecot-keywords", "0 $Junk\n1 Blue\n");
	holds(s, INBOX "subscriptions", "V\t2\n\nArchive\t2018\n");
	AUTO_FREE char *list = sites_read(s, INBOX "dovecot-uidlist");
	assert_non_null(strstr(list, "3 V1173186633 N10 G"));
	assert_non_null(strstr(list, "\n3 :"));
	assert_non_null(strstr(list, "\n9 :"));
	AUTO_FREE char *path = sites_path(s, one);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mtime, 1772331187);
	differences(s, 0, "");

	sites_pass(s, &r);
	assert_false(copy_result_changed(&r));
	assert_int_equal(r.unchanged, 3);
}

static void an_mbox_becomes_a_maildir_with_its_uids_flags_dates_and_octets(void **state)
{
	struct sites s;

	make_mailbox(&s);
	expect_converted(&s);
	end(&s);
}

static void so_it_does_when_new_s_agent_reads_it(void **state)
{
	struct sites s;

	make_mailbox_here(&s);
	expect_converted(&s);
	end(&s);
}

#define LONG (5u << 20) /* octets: more than are held of a message while its flags are read */

static void a_message_too_long_to_be_held_comes_whole(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_FREE char *mbox = xmalloc(LONG + 1);
	size_t head = strlen(FROM "Subject: long\n\n");
	struct stat st;
	struct sites s;

	memset(mbox, 'x', LONG);
	memcpy(mbox, FROM "Subject: long\n\n", head);
	memcpy(mbox + LONG - 2, "\n\n", 3);
	make_mailbox_here(&s);
	sites_write(&s, "old/var/mail/alice", mbox);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 2);
	assert_true(r.here_octets > 4u << 20);
	AUTO_FREE char *name = only_name(&s, INBOX "new");
	AUTO_FREE char *path = sites_path(&s, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, LONG - strlen(FROM) - 1);
	differences(&s, 0, "");
	end(&s);
}

static void a_second_pass_brings_what_is_new_and_follows_flags_and_expunges(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, "old/var/mail/alice", ONE TWO THREE THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 2);
	assert_int_equal(r.renamed + r.removed, 0);
	assert_int_equal(sites_count(&s, INBOX "new"), 2);
	AUTO_FREE char *list = sites_read(&s, INBOX "dovecot-uidlist");
	assert_non_null(strstr(list, " N12 "));
	assert_non_null(strstr(list, "\n10 :"));
	assert_non_null(strstr(list, "\n11 :"));
	differences(&s, 0, "");

	/* as Dovecot writes it: the flag stands in the middle, the size is the same */
	sites_write(&s, "old/var/mail/alice",
	            FROM "X-IMAPbase: 1173186633 0000000009 $Junk\nMessage-ID: <one@example.org>\n"
	                 "X-UID: 3\nStatus: O \nX-Keywords: $Junk Blue\n\none\n>From quoted\n\n" TWO
	                         THREE THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 0);
	assert_int_equal(r.renamed, 1);
	differences(&s, 0, "");

	sites_write(&s, "old/var/mail/alice",
	            FROM "X-IMAPbase: 1173186633 0000000009 $Junk\nMessage-ID: <two@example.org>\n"
	                 "X-UID: 9\nStatus: RO\n\ntwo\n\n" THREE);
	sites_pass(&s, &r);
	assert_int_equal(r.removed, 2);
	assert_int_equal(r.renamed, 1);
	differences(&s, 0, "");
	sites_remove(&s, "old/home/alice/mail/Archive/2018");
	sites_pass(&s, &r);
	assert_int_equal(r.folders_removed, 1);
	assert_false(sites_has(&s, INBOX ".Archive.2018"));
	end(&s);
}

static void verify_names_what_is_wrong_with_the_maildir(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	AUTO_FREE char *two = message_with(&s, INBOX "cur", ":2,F");
	AUTO_FREE char *read = xasprintf("%sS", two);
	sites_rename(&s, two, read);
	differences(&s, 1, "flags \"FS\" instead of \"F\"");
	sites_rename(&s, read, two);
	sites_message(&s, two, "Message-ID: <two@example.org>\n\ntwp\n", 1772331187);
	differences(&s, 2, "other octets on the new host");
	sites_remove(&s, two);
	differences(&s, 1, "<two@example.org>: missing");
	sites_pass(&s, &r);
	sites_write(&s, INBOX "new/1", "extra\n\n");
	differences(&s, 1, "extra: on the new host only");
	end(&s);
}

static void names_that_a_maildir_can_t_have_are_told_and_stay(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	const char *why;
	struct sites s;

	make_mailbox(&s);
	sites_write(&s, "old/home/alice/mail/v1.0", FROM "\nx\n\n");
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 3);
	assert_int_equal(r.skipped.n, 1);
	assert_non_null(
		strstr(r.skipped.rows[0], "v1.0: left out with its 1 messages: a '.' parts"));
	differences(&s, 1, "v1.0: left out");
	end(&s);

	AUTO_FREE char *fs = convert_name(MAILBOX_LAYOUT_FS, "v1.0/spring", &why);
	assert_string_equal(fs, "v1.0/spring");
	assert_null(convert_name(MAILBOX_LAYOUT_FS, "a/cur", &why));
	assert_null(convert_name(MAILBOX_LAYOUT_FS, "a/.b", &why));
	assert_null(convert_name(MAILBOX_LAYOUT_MAILDIRPP, "a/../b", &why));
}

static void a_folder_that_can_t_be_read_for_once_is_not_taken_for_gone(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	sites_write(&s, "old/home/alice/mail/Archive/2018", "garbage\n");
	for (unsigned i = 0; i < 3; i++) {
		sites_pass(&s, &r);
		assert_int_equal(r.skipped.n, 1);
		assert_int_equal(r.removed + r.folders_removed, 0);
	}
	AUTO_FREE char *x = only_name(&s, INBOX ".Archive.2018/new");
	holds(&s, x, "Subject: x\n\nx\n");
	end(&s);
}

static void uids_are_those_that_dovecot_gives(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	/* too great, too small, none: such get the next; 12 counts */
	sites_write(&s, "old/var/mail/alice",
	            FROM "X-IMAPbase: 7 0000000020\nSubject: a\nX-UID: 9\n\na\n\n" FROM
	                 "Subject: b\nX-UID: 12\n\nb\n\n" FROM "Subject: c\nX-UID: 11\n\nc\n\n" FROM
	                 "Subject: d\nX-UID: 99\n\nd\n\n" FROM "Subject: e\n\ne\n\n");
	sites_pass(&s, &r);
	AUTO_FREE char *list = sites_read(&s, INBOX "dovecot-uidlist");
	for (unsigned i = 0; i < 5; i++) {
		static const char *const uids[] = { "\n9 :", "\n12 :", "\n21 :", "\n22 :",
			                            "\n23 :" };

		assert_non_null(strstr(list, uids[i]));
	}
	assert_non_null(strstr(list, "3 V7 N24 "));
	/* nobody has given any: in the file's order */
	AUTO_FREE char *other = sites_read(&s, INBOX ".Archive.2018/dovecot-uidlist");
	assert_non_null(strstr(other, " N2 "));
	assert_non_null(strstr(other, "\n1 :"));
	end(&s);
}

/* Dovecot leaves a message of its own in a folder whose mail is all gone. */
static void the_next_uid_of_an_emptied_folder_stays_what_it_is(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_write(&s, "old/home/alice/mail/Archive/2018",
	            FROM "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
	                 "X-IMAP: 1773186633 0000000004\nStatus: RO\n\ntext\n\n");
	sites_pass(&s, &r);
	for (int pass = 0; pass < 3; pass++) {
		AUTO_FREE char *list = sites_read(&s, INBOX ".Archive.2018/dovecot-uidlist");

		assert_non_null(strstr(list, "3 V1773186633 N5 G"));
		sites_pass(&s, &r);
		assert_false(copy_result_changed(&r));
	}
	end(&s);
}

static void what_new_took_comes_back_into_the_mbox_once(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	AUTO_STRINGS struct strings brought = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_mailbox(&s);
	sites_pass(&s, &r);
	assert_good(messages_freeze(s.state, 1500000000000, &err), &err);
	sites_message(&s, INBOX "cur/1.M1.host:2,Sb", "Subject: new\n\nnew\n", 1772331187);
	sites_message(&s, INBOX ".Archive.2018/new/2.M2.host", "Subject: sub\n\nsub\n", 1772331187);
	for (unsigned i = 0; i < 2; i++) {
		sites_bring_back(&s, &brought, &r);
		assert_int_equal(r.copied, i ? 0 : 2);
	}
	AUTO_FREE char *text = sites_read(&s, "old/var/mail/alice");
	assert_string_equal(text, ONE TWO "From MAILER-DAEMON Sun Mar  1 02:13:07 2026 +0000\n"
	                                  "Subject: new\nStatus: RO\nX-Keywords: Blue\n"
	                                  "Content-Length: 4\n\nnew\n\n");
	AUTO_FREE char *sub = sites_read(&s, "old/home/alice/mail/Archive/2018");
	assert_non_null(strstr(sub, "Subject: sub\n"));

	/* and the next copy has each once on new, and comes to rest */
	assert_good(messages_thaw(s.state, &err), &err);
	for (unsigned i = 0; i < 2; i++)
		sites_pass(&s, &r);
	assert_int_equal(r.removed, 2);
	assert_int_equal(r.extra.n, 0);
	assert_int_equal(sites_count(&s, INBOX "cur") + sites_count(&s, INBOX "new"), 3);
	sites_pass(&s, &r);
	assert_false(copy_result_changed(&r));
	differences(&s, 0, "");
	end(&s);
}

UNIT_TESTS("copy/convert", cmocka_unit_test(what_new_took_comes_back_into_the_mbox_once),
           cmocka_unit_test(an_mbox_becomes_a_maildir_with_its_uids_flags_dates_and_octets),
           cmocka_unit_test(so_it_does_when_new_s_agent_reads_it),
           cmocka_unit_test(a_message_too_long_to_be_held_comes_whole),
           cmocka_unit_test(a_second_pass_brings_what_is_new_and_follows_flags_and_expunges),
           cmocka_unit_test(verify_names_what_is_wrong_with_the_maildir),
           cmocka_unit_test(names_that_a_maildir_can_t_have_are_told_and_stay),
           cmocka_unit_test(a_folder_that_can_t_be_read_for_once_is_not_taken_for_gone),
           cmocka_unit_test(the_next_uid_of_an_emptied_folder_stays_what_it_is),
           cmocka_unit_test(uids_are_those_that_dovecot_gives));
