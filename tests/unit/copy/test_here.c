/* SPDX-License-Identifier: BSD-2-Clause */

/* Both hosts are one machine: new's agent reads old's messages by itself, and content comes by nobody
 * else. What can go wrong there is in test_fault.c and test_kill.c. */

#include "unit/copy/alike.h"

#define M "old/home/alice/Maildir/"
#define FOLDERS 7
#define EACH 100 /* messages of a folder: together enough for a second agent */
#define SIZE 3000

static void make_mailbox(struct sites *s)
{
	static const char *const names[FOLDERS] = {
		"", ".A/", ".B/", ".C/", ".Sent/", ".X/", ".Y/"
	};
	AUTO_FREE char *text = xmalloc(SIZE + 1);

	memset(text, 'x', SIZE);
	text[0] = '\n'; /* no header */
	text[SIZE] = 0;
	sites_begin(s, MAILBOX_MAILDIR);
	for (size_t f = 0; f < FOLDERS; f++) {
		AUTO_FREE char *folder = xasprintf(M "%s", names[f]);

		sites_maildir(s, folder);
		for (unsigned i = 0; i < EACH; i++) {
			AUTO_FREE char *name = xasprintf("%s%s/1%03u.M1P%zu.host%s", folder,
			                                 i % 5 ? "cur" : "new", i, f,
			                                 i % 5 ? ":2,S" : "");

			sites_message(s, name, text, 1100000000 + i);
		}
	}
}

static void the_agent_that_stores_reads_by_itself(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	uint64_t read;
	struct sites s;

	(void)state;
	make_mailbox(&s);
	sites_here(&s);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, FOLDERS * EACH);
	assert_int_equal(r.copied_octets, FOLDERS * EACH * SIZE);
	read = host_octets_read(s.old);
	assert_true(read < FOLDERS * EACH * SIZE / 4);
	alike_expect_same(&s);
	assert_int_equal(alike_expect_true_ledger(&s), FOLDERS * EACH);
	sites_end(&s);
}

static void what_may_be_read_only_so_fast_comes_over_the_wire(void **state)
{
	const struct host_limit limit = { .octets_per_s = 1u << 30 };
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct error err = { 0 };
	struct sites s;

	(void)state;
	make_mailbox(&s);
	sites_here(&s);
	assert_good(host_set_limit(s.old, &limit, &err), &err);
	sites_pass(&s, &r);
	assert_int_equal(r.copied, FOLDERS * EACH);
	assert_true(host_octets_read(s.old) > FOLDERS * EACH * SIZE);
	alike_expect_same(&s);
	sites_end(&s);
}

static ino_t inode_of(const struct sites *s, const char *side, unsigned number)
{
	AUTO_FREE char *path = xasprintf("%s/home/alice/Maildir/cur/%03u.host:2,", side, number);
	AUTO_FREE char *whole = sites_path(s, path);
	struct stat st;

	assert_int_equal(lstat(whole, &st), 0);
	return st.st_ino;
}

/* tmpfs numbers its files as they come: so new's numbers tell in which order old's were read. */
static void messages_are_read_in_the_order_of_their_inodes(void **state)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	unsigned before = 0, turned = 0;
	struct sites s;

	(void)state;
	if (access("/dev/shm", W_OK) < 0)
		skip();
	sites_place = "/dev/shm";
	sites_begin(&s, MAILBOX_MAILDIR);
	sites_maildir(&s, M);
	for (unsigned i = 0; i < 50; i++) {
		AUTO_FREE char *path = xasprintf(M "cur/%03u.host:2,", i * 17 % 50);

		sites_message(&s, path, "\n", 1100000000);
	}
	sites_pass(&s, &r);
	assert_int_equal(r.copied, 50);
	for (unsigned i = 1; i < 50; i++) {
		unsigned now = i * 17 % 50;

		turned += inode_of(&s, "old", now) < inode_of(&s, "old", before);
		assert_true(inode_of(&s, "new", now) > inode_of(&s, "new", before));
		before = now;
	}
	assert_int_equal(turned, 0);
	sites_end(&s);
}

UNIT_TESTS("copy/here", cmocka_unit_test(the_agent_that_stores_reads_by_itself),
           cmocka_unit_test(what_may_be_read_only_so_fast_comes_over_the_wire),
           cmocka_unit_test(messages_are_read_in_the_order_of_their_inodes));
