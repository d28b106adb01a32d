/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/walk.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 *	top/secret
 *	top/root/a/b/file  top/root/a/up -> ..  top/root/link -> a/b  top/root/abs -> /a/b
 *	top/root/out -> ../../../../secret      top/root/loop -> loop  top/root/gone -> nowhere
 *	top/root/etc -> //a/./b/../b/           top/root/dot -> .
 */
static const char *const links[][2] = {
	{ "root/a/up", ".." },           { "root/link", "a/b" },
	{ "root/abs", "/a/b" },          { "root/out", "../../../../secret" },
	{ "root/loop", "loop" },         { "root/gone", "nowhere" },
	{ "root/etc", "//a/./b/../b/" }, { "root/dot", "." },
};

static char top[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof top, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(top));
	AUTO_CLOSE int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "root", 0755), 0);
	assert_int_equal(mkdirat(fd, "root/a", 0755), 0);
	assert_int_equal(mkdirat(fd, "root/a/b", 0755), 0);
	struct error err = { 0 };
	assert_good(file_write_durable(fd, "secret", 0644, SPAN("secret"), &err), &err);
	AUTO_CLOSE int b = openat(fd, "root/a/b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_good(file_write_durable(b, "file", 0644, SPAN("file"), &err), &err);
	for (size_t i = 0; i < ROWS(links); i++)
		assert_int_equal(symlinkat(links[i][1], fd, links[i][0]), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static int open_root(void)
{
	char path[128];

	snprintf(path, sizeof path, "%s/root", top);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int kernel_open(int rootfd, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, rootfd, path, &how, sizeof how);
}

static void walking_by_hand_ends_where_the_kernel_does(void **state)
{
	static const char *const paths[] = { ".",
		                             "a",
		                             "a/b/file",
		                             "a/b/",
		                             "a//b/./file",
		                             "link/file",
		                             "abs/file",
		                             "out",
		                             "loop",
		                             "loop/x",
		                             "gone",
		                             "gone/x",
		                             "none",
		                             "none/x",
		                             "..",
		                             "../../a",
		                             "../secret",
		                             "a/up/secret",
		                             "a/up",
		                             "a/up/link",
		                             "etc/file",
		                             "etc/../b/file",
		                             "a/b/file/",
		                             "a/b/file/x",
		                             "dot",
		                             "dot/dot/a",
		                             "a/up/up/up",
		                             "link/..",
		                             "abs/../../../a" };
	static const int flags[] = { O_RDONLY, O_RDONLY | O_NOFOLLOW, O_PATH | O_NOFOLLOW,
		                     O_RDONLY | O_DIRECTORY };
	AUTO_CLOSE int rootfd = open_root();

	(void)state;
	for (size_t f = 0; f < ROWS(flags); f++) {
		for (size_t i = 0; i < ROWS(paths); i++) {
			struct stat a, b;
			AUTO_CLOSE int kernel = kernel_open(rootfd, paths[i], flags[f]);
			int kernel_errno = errno;
			AUTO_CLOSE int ours = walk_open(rootfd, paths[i], flags[f], 0);
			int our_errno = errno;

			if (kernel < 0 && kernel_errno == ENOSYS)
				skip();
			if ((kernel < 0) != (ours < 0) || (kernel < 0 && kernel_errno != our_errno))
				fail_msg("%s, flags %o: kernel %s, walk %s", paths[i],
				         (unsigned)flags[f],
				         kernel < 0 ? strerror(kernel_errno) : "opens",
				         ours < 0 ? strerror(our_errno) : "opens");
			if (kernel < 0)
				continue;
			assert_int_equal(fstat(kernel, &a), 0);
			assert_int_equal(fstat(ours, &b), 0);
			assert_int_equal(a.st_ino, b.st_ino);
		}
	}
}

static void a_new_file_comes_to_stand_below_the_root(void **state)
{
	AUTO_CLOSE int rootfd = open_root();
	AUTO_CLOSE int made = walk_open(rootfd, "abs/../fresh", O_WRONLY | O_CREAT | O_EXCL, 0600);
	AUTO_CLOSE int through = walk_open(rootfd, "gone", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
	                                   0600);

	(void)state;
	assert_true(made >= 0);
	assert_int_equal(faccessat(rootfd, "a/fresh", F_OK, 0), 0);
	assert_int_equal(through, -1);
	assert_int_equal(faccessat(rootfd, "nowhere", F_OK, 0), -1);
}

static void a_rename_never_replaces(void **state)
{
	AUTO_CLOSE int rootfd = open_root();

	(void)state;
	assert_int_equal(file_rename_new(rootfd, "a/b", rootfd, "dot"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(file_rename_new(rootfd, "a/b", rootfd, "moved"), 0);
	assert_int_equal(faccessat(rootfd, "moved/file", F_OK, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

UNIT_TESTS("base/walk", TEST(walking_by_hand_ends_where_the_kernel_does),
           TEST(a_new_file_comes_to_stand_below_the_root), TEST(a_rename_never_replaces));
