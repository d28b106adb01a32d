/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/trees.h"
#include "wire/tree.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ODD_NAME "a\nb \xff\xfe'\"\\-*"

static void make_tree(struct sites *s)
{
	trees_begin(s);
	sites_make(s, OLD "empty");
	sites_make(s, OLD "lists/test/deep");
	sites_message(s, OLD "lists/test/config.pck", "config\n", 1000000000);
	sites_message(s, OLD "lists/test/deep/" ODD_NAME, "odd\n", 1100000000);
	sites_message(s, OLD "-rf", "", 0);
	trees_mode(s, OLD "lists/test/config.pck", 02660);
	trees_mode(s, OLD "lists/test", 03775);
	trees_link(s, "/etc/passwd", OLD "absolute");
	trees_link(s, "../../../outside", OLD "lists/out");
	trees_link(s, "nowhere", OLD "dangling");
	trees_time(s, OLD "dangling", 1200000000, 5);
	trees_time(s, OLD "empty", 1300000000, 999999999);
	trees_time(s, OLD "lists/test", -5, 7);
	trees_time(s, OLD "lists", 1400000000, 1);
}

static void a_tree_comes_over_as_it_is_and_stays_so(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	assert_int_equal(r.failed, 0);
	assert_int_equal(r.not_kept.n, 0);
	assert_int_equal(r.created, 10);
	assert_int_equal(r.entries, 10);
	assert_file(&s, NEW "lists/test/config.pck", "config\n");
	assert_file(&s, NEW "lists/test/deep/" ODD_NAME, "odd\n");
	assert_link(&s, NEW "absolute", "/etc/passwd");
	assert_link(&s, NEW "lists/out", "../../../outside");
	assert_link(&s, NEW "dangling", "nowhere");
	assert_same(&s, "");
	assert_same(&s, "empty");
	assert_same(&s, "-rf");
	assert_same(&s, "dangling");
	assert_same(&s, "lists");
	assert_same(&s, "lists/test");
	assert_same(&s, "lists/test/deep");
	assert_same(&s, "lists/test/deep/" ODD_NAME);
	assert_same(&s, "lists/test/config.pck");

	trees_pass(&s, &r);
	assert_nothing_done(&r);
	assert_int_equal(r.bytes_read, 0);
	assert_int_equal(r.unchanged, 10);
	sites_end(&s);
}

static void only_what_changed_travels(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	sites_write(&s, OLD "lists/new", "12345");
	sites_write(&s, OLD "-rf", "123");
	trees_mode(&s, OLD "lists/test/config.pck", 0600);
	trees_pass(&s, &r);
	assert_int_equal(r.created, 1);
	assert_int_equal(r.updated, 1);
	assert_int_equal(r.bytes_sent, 8);
	assert_same(&s, "lists/new");
	assert_same(&s, "-rf");
	assert_same(&s, "lists/test/config.pck");
	assert_same(&s, "lists");
	assert_int_equal(r.attributes, 1);

	/* touched, and nothing else */
	trees_time(&s, OLD "lists/test/config.pck", 1000000001, 0);
	trees_pass(&s, &r);
	assert_int_equal(r.bytes_sent, 0);
	assert_int_equal(r.attributes, 1);
	assert_same(&s, "lists/test/config.pck");
	trees_pass(&s, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

static void a_change_behind_an_old_mtime_is_seen(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	sites_message(&s, OLD "lists/test/config.pck", "CONFIG\n", 1000000000);
	trees_pass(&s, &r);
	assert_int_equal(r.updated, 1);
	assert_file(&s, NEW "lists/test/config.pck", "CONFIG\n");

	/* another file took its place */
	sites_message(&s, OLD "lists/x", "cOnFiG\n", 1000000000);
	sites_rename(&s, OLD "lists/x", OLD "lists/test/config.pck");
	trees_pass(&s, &r);
	assert_file(&s, NEW "lists/test/config.pck", "cOnFiG\n");
	sites_end(&s);
}

static void what_was_changed_on_new_is_put_right(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	sites_write(&s, NEW "lists/test/config.pck", "longer than it was\n");
	trees_mode(&s, NEW "empty", 0700);
	trees_pass(&s, &r);
	assert_file(&s, NEW "lists/test/config.pck", "config\n");
	assert_same(&s, "empty");
	assert_int_equal(r.updated, 1);

	/* same size and time: only reading tells */
	sites_message(&s, NEW "lists/test/config.pck", "CONFIG\n", 1000000000);
	trees_pass(&s, &r);
	assert_nothing_done(&r);
	o.content = true;
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.updated, 1);
	assert_file(&s, NEW "lists/test/config.pck", "config\n");
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.bytes_sent, 0);
	assert_int_equal(r.updated, 0);
	sites_end(&s);
}

/* We were killed before the ledger was written, or someone else brought the tree. */
static void without_a_ledger_files_are_compared_and_not_sent(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct error err = { 0 };
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	state_close(s.state);
	sites_make(&s, "other");
	AUTO_FREE char *other = sites_path(&s, "other");
	assert_good(state_open(&s.state, other, &err), &err);
	trees_pass(&s, &r);
	assert_nothing_done(&r);
	assert_int_equal(r.bytes_read, 11);
	trees_pass(&s, &r);
	assert_int_equal(r.bytes_read, 0);
	sites_end(&s);
}

/* Said from time to time that the hashing goes on, and nothing else comes meanwhile. */
static void a_large_file_is_compared_too(void **state)
{
	const size_t size = WIRE_TREE_ALIVE_EVERY + (1u << 20);
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	static const char *const sides[] = { OLD "large", NEW "large" };
	struct sites s;

	trees_begin(&s);
	sites_make(&s, "new/dst");
	AUTO_FREE char *some = xmalloc(1u << 20);
	memset(some, 'a', 1u << 20);
	for (size_t i = 0; i < ROWS(sides); i++) {
		AUTO_FREE char *path = sites_path(&s, sides[i]);
		AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		for (size_t at = 0; at < size; at += 1u << 20)
			assert_int_equal(fd_write_all(fd, some, 1u << 20), 0);
		trees_time(&s, sides[i], 1000000000, 0);
	}
	trees_pass(&s, &r);
	assert_int_equal(r.failed, 0);
	assert_int_equal(r.bytes_sent, 0);
	assert_int_equal(r.bytes_read, size);
	sites_end(&s);
}

static void hard_links_stay_hard_links(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sites s;

	trees_begin(&s);
	sites_make(&s, OLD "a");
	sites_make(&s, OLD "b");
	sites_write(&s, OLD "a/one", "1");
	trees_hard(&s, OLD "a/one", OLD "b/two");
	trees_hard(&s, OLD "a/one", OLD "three");
	trees_pass(&s, &r);
	assert_int_equal(r.hard_links, 2);
	assert_int_equal(r.bytes_sent, 1);
	assert_int_equal(trees_stat(&s, NEW "a/one").st_nlink, 3);
	assert_true(trees_stat(&s, NEW "a/one").st_ino == trees_stat(&s, NEW "three").st_ino);
	assert_same(&s, "b");
	trees_pass(&s, &r);
	assert_nothing_done(&r);

	/* a new content has the same names */
	sites_write(&s, OLD "three", "22");
	trees_pass(&s, &r);
	assert_int_equal(r.bytes_sent, 2);
	assert_int_equal(trees_stat(&s, NEW "a/one").st_nlink, 3);
	assert_file(&s, NEW "b/two", "22");

	/* one name becomes a file of its own, another joins */
	sites_remove(&s, OLD "b/two");
	sites_write(&s, OLD "b/two", "22");
	trees_hard(&s, OLD "three", OLD "four");
	trees_pass(&s, &r);
	assert_int_equal(trees_stat(&s, NEW "b/two").st_nlink, 1);
	assert_int_equal(trees_stat(&s, NEW "four").st_nlink, 3);
	assert_int_equal(r.failed, 0);

	/* a mode is given to all of them */
	trees_mode(&s, OLD "three", 0604);
	trees_pass(&s, &r);
	assert_same(&s, "four");
	assert_int_equal(trees_stat(&s, NEW "four").st_nlink, 3);
	trees_pass(&s, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

static void holes_stay_holes(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct sites s;

	trees_begin(&s);
	AUTO_FREE char *path = sites_path(&s, OLD "sparse");
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
	assert_int_equal(pwrite(fd, "middle", 6, 300000001), 6);
	assert_int_equal(ftruncate(fd, 1000000000), 0);
	trees_pass(&s, &r);
	assert_same(&s, "sparse");
	assert_true(r.bytes_sent < 100000);
	assert_true(trees_stat(&s, NEW "sparse").st_blocks < 100);
	AUTO_FREE char *new = sites_path(&s, NEW "sparse");
	AUTO_CLOSE int there = open(new, O_RDONLY | O_CLOEXEC);
	char got[16] = "";
	assert_int_equal(pread(there, got, 6, 300000001), 6);
	assert_string_equal(got, "middle");
	assert_int_equal(pread(there, got, 1, 299999999), 1);
	assert_int_equal(got[0], 0);

	/* holes and zeros have the same digest: what lies there is what was sent */
	o.content = true;
	trees_pass_with(&s, &o, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

static void what_is_no_file_is_told_of(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct sites s;

	trees_begin(&s);
	AUTO_FREE char *fifo = sites_path(&s, OLD "fifo");
	AUTO_FREE char *sock = sites_path(&s, OLD "sock\n");
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	snprintf(name.sun_path, sizeof name.sun_path, "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	trees_pass(&s, &r);
	assert_int_equal(r.not_kept.n, 2);
	assert_told(&r.not_kept, "fifo: a FIFO is not copied");
	assert_told(&r.not_kept, "sock\\x0a: a socket is not copied");
	assert_int_equal(r.failed, 0);
	assert_int_equal(sites_count(&s, "new/dst"), 0);
	sites_end(&s);
}

/* ── attributes and owners ───────────────────────────────────────────────────────────────────── */

/* user::rw-, user:1234:r--, group::r--, group:77:r--, mask::r--, other::--- */
static const char acl[] = "\2\0\0\0"
			  "\1\0\6\0\xff\xff\xff\xff"
			  "\2\0\4\0\xd2\4\0\0"
			  "\4\0\4\0\xff\xff\xff\xff"
			  "\x08\0\4\0\x4d\0\0\0"
			  "\x10\0\4\0\xff\xff\xff\xff"
			  "\x20\0\0\0\xff\xff\xff\xff";
#define ACL_SIZE (sizeof acl - 1)

static void attributes_and_acls_come_along(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_id uids[] = { { 1234, 4321 }, { 0, 0 } };
	const struct copy_tree_id gids[] = { { 77, 78 }, { 0, 0 } };
	struct copy_tree_options o = trees_options();
	struct sites s;
	char got[256] = "";

	trees_begin(&s);
	o.uids = uids;
	o.gids = gids;
	o.uids_n = o.gids_n = 2;
	sites_make(&s, OLD "d");
	sites_write(&s, OLD "d/f", "x");
	AUTO_FREE char *d = sites_path(&s, OLD "d");
	AUTO_FREE char *f = sites_path(&s, OLD "d/f");
	AUTO_FREE char *new_d = sites_path(&s, NEW "d");
	AUTO_FREE char *new_f = sites_path(&s, NEW "d/f");
	assert_int_equal(setxattr(f, "user.mime", "a\0b", 3, 0), 0);
	assert_int_equal(setxattr(d, "system.posix_acl_default", acl, ACL_SIZE, 0), 0);
	assert_int_equal(setxattr(f, "trusted.odd", "1", 1, 0), geteuid() ? -1 : 0);
	trees_grow_old();
	trees_pass_with(&s, &o, &r);
	assert_int_equal(getxattr(new_f, "user.mime", got, sizeof got), 3);
	assert_memory_equal(got, "a\0b", 3);
	assert_int_equal(getxattr(new_d, "system.posix_acl_default", got, sizeof got), ACL_SIZE);
	assert_memory_equal(got + 12, "\2\0\4\0\xe1\x10\0\0", 8); /* 4321 */
	assert_memory_equal(got + 28, "\x08\0\4\0\x4e\0\0\0", 8); /* 78 */
	/* what the directory's default would give to a new file is not there */
	assert_int_equal(getxattr(new_f, "system.posix_acl_access", got, sizeof got), -1);
	assert_same(&s, "d");
	assert_same(&s, "d/f");
	if (!geteuid())
		assert_told(&r.not_kept, "d/f: attribute trusted.odd is not carried");

	/* without a new mtime */
	assert_int_equal(setxattr(f, "system.posix_acl_access", acl, ACL_SIZE, 0), 0);
	assert_int_equal(removexattr(f, "user.mime"), 0);
	trees_grow_old();
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.bytes_sent, 0);
	assert_int_equal(r.attributes, 1);
	assert_int_equal(getxattr(new_f, "system.posix_acl_access", got, sizeof got), ACL_SIZE);
	assert_int_equal(getxattr(new_f, "user.mime", got, sizeof got), -1);
	assert_same(&s, "d/f");

	/* and content mode sees one that is only on new */
	assert_int_equal(setxattr(new_f, "user.more", "1", 1, 0), 0);
	o.content = true;
	trees_pass_with(&s, &o, &r);
	assert_int_equal(getxattr(new_f, "user.more", got, sizeof got), -1);
	sites_end(&s);
}

static void owners_go_through_the_map(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	const struct copy_tree_id uids[] = { { 38, 138 }, { 0, 0 } };
	struct copy_tree_options o = trees_options();
	struct sites s;

	if (geteuid())
		skip();
	trees_begin(&s);
	o.uids = uids;
	o.uids_n = 2;
	sites_write(&s, OLD "f", "x");
	sites_write(&s, OLD "g", "x");
	trees_link(&s, "f", OLD "l");
	AUTO_FREE char *f = sites_path(&s, OLD "f");
	AUTO_FREE char *g = sites_path(&s, OLD "g");
	AUTO_FREE char *l = sites_path(&s, OLD "l");
	assert_int_equal(chown(f, 38, 38), 0);
	assert_int_equal(chown(g, 39, 0), 0);
	assert_int_equal(lchown(l, 38, 38), 0);
	trees_mode(&s, OLD "f", 06755);
	trees_grow_old();
	trees_pass_with(&s, &o, &r);
	assert_int_equal(trees_stat(&s, NEW "f").st_uid, 138);
	assert_int_equal(trees_stat(&s, NEW "f").st_gid, 38);
	assert_int_equal(trees_stat(&s, NEW "f").st_mode & 07777, 06755);
	assert_int_equal(trees_stat(&s, NEW "g").st_uid, 39);
	assert_int_equal(trees_stat(&s, NEW "l").st_uid, 138);
	assert_told(&r.notes, "user 39 of the old side has no row in the map");
	assert_int_equal(r.notes.n, 1);
	trees_pass_with(&s, &o, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

/* ── what only new has ───────────────────────────────────────────────────────────────────────── */

static void what_only_new_has_stays_unless_told_otherwise(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct sites s;

	make_tree(&s);
	trees_pass(&s, &r);
	sites_make(&s, NEW "mine/deep");
	sites_write(&s, NEW "mine/deep/f", "x");
	sites_write(&s, "outside/kept", "x");
	trees_link(&s, "../../../outside", NEW "mine/out");
	sites_write(&s, NEW "lists/test/mailhaul.tmp.3", "left over");
	sites_remove(&s, OLD "-rf");
	trees_pass(&s, &r);
	assert_int_equal(r.extra.n, 2);
	assert_told(&r.extra, "mine: a directory");
	assert_told(&r.extra, "-rf: a file");
	assert_int_equal(r.removed, 0);
	assert_true(sites_has(&s, NEW "-rf") && sites_has(&s, NEW "mine/deep/f"));
	assert_false(sites_has(&s, NEW "lists/test/mailhaul.tmp.3"));
	assert_same(&s, "lists/test");

	o.delete_extra = true;
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.removed, 2);
	assert_false(sites_has(&s, NEW "-rf") || sites_has(&s, NEW "mine"));
	assert_true(sites_has(&s, "outside/kept"));
	assert_same(&s, "");
	trees_pass_with(&s, &o, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

static void kinds_that_changed_are_replaced(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct sites s;

	trees_begin(&s);
	sites_make(&s, OLD "dir");
	sites_write(&s, OLD "dir/f", "1");
	sites_write(&s, OLD "file", "2");
	trees_link(&s, "file", OLD "link");
	sites_make(&s, NEW "file/below");
	sites_write(&s, NEW "dir", "was a file");
	sites_make(&s, NEW "link");
	trees_pass(&s, &r);
	assert_file(&s, NEW "dir/f", "1");
	assert_int_equal(r.failed, 2);
	assert_told(&r.not_kept, "file: there is a directory in its place");
	assert_true(sites_has(&s, NEW "file/below"));
	o.delete_extra = true;
	trees_pass_with(&s, &o, &r);
	assert_file(&s, NEW "file", "2");
	assert_link(&s, NEW "link", "file");
	assert_int_equal(r.failed, 0);
	trees_pass_with(&s, &o, &r);
	assert_nothing_done(&r);
	sites_end(&s);
}

static void a_dry_run_tells_and_does_nothing(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = trees_options();
	struct sites s;

	make_tree(&s);
	trees_hard(&s, OLD "-rf", OLD "other");
	o.dry_run = o.delete_extra = true;
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.created, 11);
	assert_int_equal(r.hard_links, 1);
	assert_false(sites_has(&s, "new/dst"));
	trees_pass(&s, &r);
	sites_write(&s, NEW "extra", "x");
	sites_write(&s, OLD "lists/new", "x");
	trees_pass_with(&s, &o, &r);
	assert_int_equal(r.created, 1);
	assert_int_equal(r.removed, 1);
	assert_true(sites_has(&s, NEW "extra"));
	assert_false(sites_has(&s, NEW "lists/new"));
	sites_end(&s);
}

static void a_missing_or_wrong_root_is_an_error(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = { .from_root = "/none", .to_root = "/dst" };
	struct error err = { 0 };
	struct sites s;

	trees_begin(&s);
	sites_write(&s, OLD "file", "x");
	assert_fails(copy_tree(s.old, s.new, &o, s.state, &r, &err), &err, "open /none");
	assert_int_equal(err.sys_errno, ENOENT);
	o.from_root = "/src/file";
	assert_fails(copy_tree(s.old, s.new, &o, s.state, &r, &err), &err, "Not a directory");
	assert_false(sites_has(&s, "new/dst"));
	sites_end(&s);
}

static void a_tree_is_not_copied_into_itself(void **state)
{
	AUTO_COPY_TREE_RESULT struct copy_tree_result r = { 0 };
	struct copy_tree_options o = { .from_root = "/src", .to_root = "/src/below" };
	struct error err = { 0 };
	struct sites s;

	trees_begin(&s);
	assert_fails(copy_tree(s.old, s.old, &o, s.state, &r, &err), &err, "lies in the other");
	o.to_root = "/";
	assert_fails(copy_tree(s.old, s.old, &o, s.state, &r, &err), &err, "lies in the other");
	o.to_root = "/src//";
	assert_fails(copy_tree(s.old, s.old, &o, s.state, &r, &err), &err, "lies in the other");
	o.to_root = "/src2";
	assert_good(copy_tree(s.old, s.old, &o, s.state, &r, &err), &err);
	sites_end(&s);
}

UNIT_TESTS("copy/tree", cmocka_unit_test(a_tree_comes_over_as_it_is_and_stays_so),
           cmocka_unit_test(only_what_changed_travels),
           cmocka_unit_test(a_change_behind_an_old_mtime_is_seen),
           cmocka_unit_test(what_was_changed_on_new_is_put_right),
           cmocka_unit_test(without_a_ledger_files_are_compared_and_not_sent),
           cmocka_unit_test(a_large_file_is_compared_too),
           cmocka_unit_test(hard_links_stay_hard_links), cmocka_unit_test(holes_stay_holes),
           cmocka_unit_test(what_is_no_file_is_told_of),
           cmocka_unit_test(attributes_and_acls_come_along),
           cmocka_unit_test(owners_go_through_the_map),
           cmocka_unit_test(what_only_new_has_stays_unless_told_otherwise),
           cmocka_unit_test(kinds_that_changed_are_replaced),
           cmocka_unit_test(a_dry_run_tells_and_does_nothing),
           cmocka_unit_test(a_missing_or_wrong_root_is_an_error),
           cmocka_unit_test(a_tree_is_not_copied_into_itself));
