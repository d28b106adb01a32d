/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/start.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A far host whose ssh is a script: it drops the options and the host's name, and gives the words to
 * a shell in $FAR, as sshd does. $FAR_PATH is what programs that shell finds; $SPOIL is run on what
 * arrived.
 */
static const char ssh_script[] =
	"#!/bin/sh\n"
	"while [ \"$1\" != -- ]; do shift; done\n"
	"shift 2\n"
	"echo \"$*\" >>\"$FAR/../asked\"\n"
	"cd \"$FAR\" || exit 255\n"
	"PATH=${FAR_PATH:-/usr/bin:/bin} /bin/sh -c \"$*\"\n"
	"status=$?\n"
	"[ -z \"$SPOIL\" ] || for f in .mailhaul/agent-*; do eval \"$SPOIL\"; done\n"
	"exit $status\n";

static char top[64];
static char *path_before;

static char *below(const char *name)
{
	return xasprintf("%s/%s", top, name);
}

static int set_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	snprintf(top, sizeof top, "/tmp/mailhaul-unit-XXXXXX");
	assert_non_null(mkdtemp(top));
	AUTO_FREE char *far = below("far");
	AUTO_FREE char *ssh = below("ssh");
	AUTO_FREE char *path = xasprintf("%s:%s", top, getenv("PATH"));
	assert_int_equal(mkdir(far, 0755), 0);
	assert_good(file_write_path_durable(ssh, 0755, SPAN(ssh_script), &err), &err);
	path_before = xstrdup(getenv("PATH"));
	setenv("PATH", path, 1);
	setenv("FAR", far, 1);
	unsetenv("FAR_PATH");
	unsetenv("SPOIL");
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	setenv("PATH", path_before, 1);
	free(path_before);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static int open_far(struct host **h, struct error *err)
{
	const struct host_place place = { .name = "old",
		                          .reach = HOST_SSH,
		                          .target = "old.example.org" };

	return host_open(h, &place, err);
}

static unsigned times_sent(void)
{
	AUTO_FREE char *path = below("asked");
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	unsigned n = 0;

	assert_good(file_read(path, 1 << 20, &text, &err), &err);
	for (const char *p = buf_text(&text); (p = strstr(p, "cat >")); p++)
		n++;
	return n;
}

static void the_agent_is_sent_once_to_a_folder_that_is_private(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *folder = below("far/.mailhaul");
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO_HOST struct host *h = NULL;
		assert_good(open_far(&h, &err), &err);
		assert_int_equal(stat(folder, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_equal(chmod(folder, 0777), 0); /* is mended the next time */
	}
	assert_int_equal(times_sent(), 1);
}

static void an_agent_that_was_changed_there_is_sent_again(void **state)
{
	struct error err = { 0 };

	(void)state;
	AUTO_HOST struct host *first = NULL;
	assert_good(open_far(&first, &err), &err);
	AUTO_FREE char *command = xasprintf("cd %s/far/.mailhaul && for f in agent-*; do rm $f; "
	                                    "echo 'exit 1' >$f; chmod 700 $f; done",
	                                    top);
	assert_int_equal(system(command), 0);
	AUTO_HOST struct host *second = NULL;
	assert_good(open_far(&second, &err), &err);
	assert_int_equal(times_sent(), 2);
}

static void what_arrived_otherwise_is_never_started(void **state)
{
	struct error err = { 0 };
	struct host *h = NULL;

	(void)state;
	setenv("SPOIL", "echo x >>$f", 1);
	assert_fails(open_far(&h, &err), &err, "is not the one that was sent");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	AUTO_FREE char *asked = below("asked");
	AUTO_BUF struct buf text = { 0 };
	assert_good(file_read(asked, 1 << 20, &text, &err), &err);
	assert_null(strstr(buf_text(&text), "exec"));
}

static void a_host_without_sha256sum_is_read_back(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *bin = below("bin");
	AUTO_FREE char *command = xasprintf(
		"cd %s && mkdir bin && ln -s /bin/cat /bin/chmod /bin/mv /bin/rm /bin/mkdir bin",
		top);

	(void)state;
	assert_int_equal(system(command), 0);
	setenv("FAR_PATH", bin, 1);
	AUTO_HOST struct host *h = NULL;
	assert_good(open_far(&h, &err), &err);
	setenv("SPOIL", "echo x >>$f", 1);
	AUTO_FREE char *remove = xasprintf("rm %s/far/.mailhaul/*", top);
	assert_int_equal(system(remove), 0);
	struct host *other = NULL;
	assert_fails(open_far(&other, &err), &err, "is not the one that was sent");
}

static void a_link_in_place_of_the_folder_is_refused(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *link = below("far/.mailhaul");
	struct host *h = NULL;

	(void)state;
	assert_int_equal(symlink("/tmp", link), 0);
	assert_fails(open_far(&h, &err), &err, "no private folder");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

UNIT_TESTS("remote/start", TEST(the_agent_is_sent_once_to_a_folder_that_is_private),
           TEST(an_agent_that_was_changed_there_is_sent_again),
           TEST(what_arrived_otherwise_is_never_started),
           TEST(a_host_without_sha256sum_is_read_back),
           TEST(a_link_in_place_of_the_folder_is_refused));
