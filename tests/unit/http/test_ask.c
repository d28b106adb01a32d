/* SPDX-License-Identifier: BSD-2-Clause */

/* A program in the place of mailhaul-http that is not what it should be. */

#include "base/file.h"
#include "http/http.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct http_request ask = { .url = "http://example.org/secret?token",
	                                 .address = "192.0.2.1",
	                                 .time_ms = 60000 };

/* What one request meets, where the program is this script. */
static void expect_end(const char *script, const char *words)
{
	char path[] = "/tmp/mailhaul-test-XXXXXX";
	AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
	AUTO_HTTP struct http *h = NULL;
	struct error err = { 0 };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, script, strlen(script)), 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	setenv("MAILHAUL_HTTP", path, 1);
	assert_int_equal(http_open(&h, NULL, &err), 0);
	/* twice: it is started again */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(http_ask(h, &ask, &answer, &err), -1);
		assert_non_null(strstr(err.text, words));
		assert_non_null(strstr(err.text, "http://example.org/secret: "));
		assert_null(strstr(err.text, "token"));
	}
	unlink(path);
}

static void test_a_program_that_breaks_costs_what_is_under_way(void **state)
{
	expect_end("#!/bin/sh\nexit 3\n", "it ended with 3");
	expect_end("#!/bin/sh\nkill -SEGV $$\n", "signal 11");
	expect_end("#!/bin/sh\necho this is no frame at all, and longer than any; exec sleep 60\n",
	           "no answer");
	/* half a frame */
	expect_end("#!/bin/sh\nprintf '\\144\\0\\0\\0'\n", "it ended with 0");
	/* an answer to what nobody has asked */
	expect_end("#!/bin/sh\nprintf '\\0\\0\\0\\0Qabcd'; exec sleep 60\n", "no answer");
}

static void test_one_that_is_not_there_is_told(void **state)
{
	struct error err = { 0 };
	struct http *h = NULL;

	setenv("MAILHAUL_HTTP", "/nothing", 1);
	assert_int_equal(http_open(&h, NULL, &err), -1);
	assert_null(h);
}

static void count(void *context, size_t i, struct http_answer *answer, const struct error *why)
{
	bool *told = context;

	assert_true(i < 30 && !told[i] && !answer && why);
	told[i] = true;
}

static void test_each_of_many_is_told_of_once(void **state)
{
	struct http_request many[30];
	bool told[30] = { 0 };
	AUTO_HTTP struct http *h = NULL;
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(many); i++)
		many[i] = ask;
	many[3].url = "nonsense";
	setenv("MAILHAUL_HTTP", "/bin/true", 1);
	assert_int_equal(http_open(&h, NULL, &err), 0);
	http_ask_all(h, many, ROWS(many), count, told);
	for (size_t i = 0; i < ROWS(many); i++)
		assert_true(told[i]);
}

UNIT_TESTS("http/ask", cmocka_unit_test(test_a_program_that_breaks_costs_what_is_under_way),
           cmocka_unit_test(test_one_that_is_not_there_is_told),
           cmocka_unit_test(test_each_of_many_is_told_of_once));
