/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/names.h"
#include "store/store.h"
#include "unit/files.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES 3000
#define SCANS 30

static void make_file(const char *dir, const char *path)
{
	AUTO_FREE char *whole = xasprintf("%s/%s", dir, path);
	int fd = open(whole, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Every message gets other flags again and again, and those in new/ go to cur/ and others come. */
static void disturb(const char *dir)
{
	static char now[MESSAGES][64];
	unsigned came = 0;

	if (chdir(dir) < 0)
		_exit(1);
	for (int i = 0; i < MESSAGES; i++)
		snprintf(now[i], sizeof now[i], i % 2 ? "cur/%d.host:2," : "new/%d.host", i);
	for (unsigned step = 0;; step++) {
		int i = (int)((step * 2654435761u) % MESSAGES);
		char next[64];

		snprintf(next, sizeof next, "cur/%d.host:2,%s", i, step % 3 ? "S" : "FS");
		if (rename(now[i], next) < 0)
			_exit(1);
		snprintf(now[i], sizeof now[i], "%s", next);
		if (step % 16 == 0) {
			snprintf(next, sizeof next, "new/more%u.host", came++);
			close(open(next, O_CREAT | O_WRONLY, 0600));
		}
	}
}

struct seen {
	unsigned times[MESSAGES];
	unsigned others;
};

static int see_folder(void *context, const struct mail_folder *f, struct error *err)
{
	return 0;
}

static int see_message(void *context, const struct mail_message *m, struct error *err)
{
	struct seen *s = context;
	char *end;
	unsigned long i = strtoul(m->base, &end, 10);

	if (end != m->base && i < MESSAGES)
		s->times[i]++;
	else
		s->others++;
	return 0;
}

static int see_file(void *context, const struct mail_file *f, struct error *err)
{
	return 0;
}

static int see_trouble(void *context, const char *words, bool left_out, struct error *err)
{
	return 0;
}

static void a_folder_that_changes_all_the_time_loses_and_doubles_nothing(void **state)
{
	char dir[] = "/tmp/mailhaul-test.XXXXXX";
	struct mailbox_account account = { .root = (char *)(uintptr_t) "/" };
	struct error err = { 0 };
	unsigned wrong = 0;

	assert_non_null(mkdtemp(dir));
	AUTO_FREE char *cur = xasprintf("%s/cur", dir);
	AUTO_FREE char *new = xasprintf("%s/new", dir);
	assert_int_equal(mkdir(cur, 0700), 0);
	assert_int_equal(mkdir(new, 0700), 0);
	for (int i = 0; i < MESSAGES; i++) {
		AUTO_FREE char *path = xasprintf(i % 2 ? "cur/%d.host:2," : "new/%d.host", i);

		make_file(dir, path);
	}

	pid_t child = fork();
	if (child == 0)
		disturb(dir);
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int scan = 0; scan < SCANS; scan++) {
		struct seen *s = xcalloc(1, sizeof *s);
		const struct store_sink sink = { s, see_folder, see_message, see_file,
			                         see_trouble };

		assert_good(store_maildir.scan(fd, &account, &sink, &err), &err);
		for (int i = 0; i < MESSAGES; i++)
			wrong += s->times[i] != 1;
		free(s);
	}
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it worked all the while */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	files_remove(dir);
	assert_int_equal(wrong, 0);
}

static void a_quiet_folder_is_read_once(void **state)
{
	char dir[] = "/tmp/mailhaul-test.XXXXXX";
	struct timespec times[2] = { { .tv_sec = 1000000000, .tv_nsec = 5 },
		                     { .tv_sec = 1000000000, .tv_nsec = 5 } };
	AUTO_NAMES struct names names = { 0 };
	struct error err = { 0 };

	assert_non_null(mkdtemp(dir));
	make_file(dir, "1.host:2,S");
	make_file(dir, ".hidden");
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_good(names_read(-1, fd, &names, &err), &err);
	assert_int_equal(names.passes, 2); /* changed a moment ago: its time says nothing yet */
	assert_int_equal(utimensat(AT_FDCWD, dir, times, 0), 0);
	assert_good(names_read(-1, fd, &names, &err), &err);
	assert_int_equal(names.passes, 1);
	assert_int_equal(names.n, 1);
	assert_int_equal(names.hidden, 1);
	files_remove(dir);
}

UNIT_TESTS("store/names",
           cmocka_unit_test(a_folder_that_changes_all_the_time_loses_and_doubles_nothing),
           cmocka_unit_test(a_quiet_folder_is_read_once));
