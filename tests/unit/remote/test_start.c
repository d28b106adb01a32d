/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/start.h"

#include "unit/remote/far.h"

static unsigned times_sent(void)
{
	AUTO_FREE char *path = far_below("asked");
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
	AUTO_FREE char *folder = far_below("far/.mailhaul");
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO_HOST struct host *h = NULL;
		assert_good(far_open(&h, &err), &err);
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
	assert_good(far_open(&first, &err), &err);
	AUTO_FREE char *command = xasprintf("cd %s/far/.mailhaul && for f in agent-*; do rm $f; "
	                                    "echo 'exit 1' >$f; chmod 700 $f; done",
	                                    far_top);
	assert_int_equal(system(command), 0);
	AUTO_HOST struct host *second = NULL;
	assert_good(far_open(&second, &err), &err);
	assert_int_equal(times_sent(), 2);
}

static void what_arrived_otherwise_is_never_started(void **state)
{
	struct error err = { 0 };
	struct host *h = NULL;

	(void)state;
	setenv("SPOIL", "echo x >>$f", 1);
	assert_fails(far_open(&h, &err), &err, "is not the one that was sent");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
	AUTO_FREE char *asked = far_below("asked");
	AUTO_BUF struct buf text = { 0 };
	assert_good(file_read(asked, 1 << 20, &text, &err), &err);
	assert_null(strstr(buf_text(&text), "exec"));
}

static void a_host_without_sha256sum_is_read_back(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *bin = far_below("bin");
	AUTO_FREE char *command = xasprintf(
		"cd %s && mkdir bin && ln -s /bin/cat /bin/chmod /bin/mv /bin/rm /bin/mkdir bin",
		far_top);

	(void)state;
	assert_int_equal(system(command), 0);
	setenv("FAR_PATH", bin, 1);
	AUTO_HOST struct host *h = NULL;
	assert_good(far_open(&h, &err), &err);
	setenv("SPOIL", "echo x >>$f", 1);
	AUTO_FREE char *remove = xasprintf("rm %s/far/.mailhaul/*", far_top);
	assert_int_equal(system(remove), 0);
	struct host *other = NULL;
	assert_fails(far_open(&other, &err), &err, "is not the one that was sent");
}

static void a_link_in_place_of_the_folder_is_refused(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *link = far_below("far/.mailhaul");
	struct host *h = NULL;

	(void)state;
	assert_int_equal(symlink("/tmp", link), 0);
	assert_fails(far_open(&h, &err), &err, "no private folder");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, far_set_up, far_tear_down)

UNIT_TESTS("remote/start", TEST(the_agent_is_sent_once_to_a_folder_that_is_private),
           TEST(an_agent_that_was_changed_there_is_sent_again),
           TEST(what_arrived_otherwise_is_never_started),
           TEST(a_host_without_sha256sum_is_read_back),
           TEST(a_link_in_place_of_the_folder_is_refused));
