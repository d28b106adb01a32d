/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/stream.h"
#include "unit/unit.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A doveadm of ours: what it does stands in the mail_home that it is given. As backup it talks
 * through the command behind "-R". */
static const char script[] =
	"#!/bin/sh\n"
	"for word; do case $word in mail_home=*) act=${word#mail_home=};; esac; done\n"
	"while [ $# -gt 3 ]; do shift; done\n" /* AGENT --bridge PATH */
	"case $act in\n"
	"/echo) exec cat;;\n"
	"/deaf) head -c 300000 >/dev/null; echo enough >&2; exit 9;;\n"
	"/hang) exec sleep 1000;;\n"
	"/talk) head -c 12000000 /dev/urandom >${0%/*}/sent\n"
	"	\"$@\" <${0%/*}/sent | cmp - ${0%/*}/sent;;\n"
	"/user) echo \"$USER $TZ\";;\n"
	"/many) head -c 5000000 /dev/zero;;\n"
	"esac\n";

/* A Mailman 3 of ours, which gives back what it is given. */
static const char mailman[] = "#!/bin/sh\nid -u >&2\nexec cat\n";

struct fixture {
	char dir[32];
	struct host *a, *b;
};

static void put_program(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static int begin(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct error err = { 0 };
	AUTO_FREE char *wide = NULL;
	const struct host_place read_only = { .name = "old" },
				control = { .name = "new", .control = true };

	snprintf(f->dir, sizeof f->dir, "/tmp/stream-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	put_program(f->dir, "doveadm", script);
	put_program(f->dir, "mailman", mailman);
	wide = xasprintf("%s:%s", f->dir, getenv("PATH"));
	setenv("PATH", wide, 1);
	assert_good(host_open(&f->a, &read_only, &err), &err);
	assert_good(host_open(&f->b, &control, &err), &err);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "doveadm", "mailman", "sent", "" };

	host_close(f->a);
	host_close(f->b);
	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", f->dir, names[i]);

		(void)remove(path);
	}
	free(f);
	return 0;
}

static struct host_stream stream(const char *row, const char *act)
{
	return (struct host_stream){
		.row = row, .user = "alice@example.org", .home = act, .uid = 1000, .gid = 1000
	};
}

static int add(void *context, struct span octets, struct error *err)
{
	buf_add_span(context, octets);
	return 0;
}

static void a_program_is_read_to_its_end(void **state)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct fixture *f = *state;
	struct host_stream what = stream("dovecot-folders", "/user");
	struct error err = { 0 };

	assert_good(host_stream_read(f->a, &what, add, &text, &r, &err), &err);
	assert_string_equal(buf_text(&text), "alice@example.org UTC\n");
	what.home = "/many";
	assert_good(host_stream_read(f->a, &what, add, &text, &r, &err), &err);
	assert_int_equal(r.octets, 5000000);
}

static void two_programs_talk_far_more_than_any_pipe_holds(void **state)
{
	struct fixture *f = *state;
	struct host_stream_side far = { .h = f->a, .what = stream("dovecot-far", "/echo") };
	struct host_stream_side near = { .h = f->b, .what = stream("dovecot-backup", "/talk") };
	struct error err = { 0 };

	assert_good(host_stream_join(&far, &near, NULL, NULL, &err), &err);
	assert_string_equal(buf_text(&near.result.said), "");
	assert_int_equal(near.result.status, 0);
	assert_int_equal(far.result.status, 0);
	assert_int_equal(far.result.octets, 12000000);
	host_stream_result_fini(&far.result);
	host_stream_result_fini(&near.result);
}

static void when_one_ends_the_other_does_and_the_hosts_go_on(void **state)
{
	struct fixture *f = *state;
	struct host_stream_side far = { .h = f->a, .what = stream("dovecot-far", "/deaf") };
	struct host_stream_side near = { .h = f->b, .what = stream("dovecot-backup", "/talk") };
	struct error err = { 0 };

	assert_good(host_stream_join(&far, &near, NULL, NULL, &err), &err);
	assert_int_equal(far.result.status, 9);
	assert_string_equal(buf_text(&far.result.said), "enough\n");
	assert_int_not_equal(near.result.status, 0);
	host_stream_result_fini(&far.result);
	host_stream_result_fini(&near.result);
	assert_true(host_has(f->a, "/") && host_has(f->b, "/"));
}

static void a_new_program_ends_the_one_before(void **state)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct fixture *f = *state;
	struct host_stream_side far = { .h = f->a, .what = stream("dovecot-far", "/hang") };
	struct host_stream_side near = { .h = f->b, .what = stream("dovecot-far-away", "/hang") };
	struct host_stream what = stream("dovecot-folders", "/user");
	struct error err = { 0 };

	assert_fails(host_stream_join(&far, &near, NULL, NULL, &err), &err, "no such stream");
	assert_good(host_stream_read(f->a, &what, add, &text, &r, &err), &err);
	assert_string_equal(buf_text(&text), "alice@example.org UTC\n");
}

static void a_program_that_stands_somewhere_reads_more_than_any_pipe_holds(void **state)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf given = { 0 }, got = { 0 }, user = { 0 };
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/mailman", f->dir);
	const char *const arguments[] = { path, NULL };
	struct host_stream what = stream("mailman3", "/");
	struct error err = { 0 };

	for (unsigned i = 0; i < 1000000; i++)
		buf_addf(&given, "%u\n", i);
	what.arguments = arguments;
	assert_good(host_stream_talk(f->b, &what, buf_span(&given), add, &got, &r, &err), &err);
	assert_int_equal(r.status, 0);
	assert_true(span_equal(buf_span(&given), buf_span(&got)));
	buf_addf(&user, "%u\n", geteuid() ? (unsigned)geteuid() : 1000u);
	assert_string_equal(buf_text(&r.said), buf_text(&user));
}

static void expect_not_run(struct host *h, const char *path, const char *why)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf got = { 0 };
	const char *const arguments[] = { path, NULL };
	struct host_stream what = stream("mailman3", "/");
	struct error err = { 0 };

	what.arguments = arguments;
	assert_fails(host_stream_talk(h, &what, SPAN(""), add, &got, &r, &err), &err, why);
}

/* Until so much has come. */
static void hear(struct host_talk *t, const struct buf *got, size_t octets)
{
	struct error err = { 0 };

	while (got->n < octets && !t->ended)
		assert_good(host_talk_hear(t, 60000, &err), &err);
	assert_int_equal(got->n, octets);
}

static void one_is_talked_to_in_turns_while_its_host_does_other_things(void **state)
{
	AUTO_HOST_TALK struct host_talk t = { 0 };
	AUTO_BUF struct buf given = { 0 }, got = { 0 }, text = { 0 };
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/mailman", f->dir);
	const char *const arguments[] = { path, NULL };
	struct host_stream what = stream("mailman3", "/");
	struct error err = { 0 };

	what.arguments = arguments;
	for (unsigned i = 0; i < 1000000; i++)
		buf_addf(&given, "%u\n", i);
	assert_good(host_talk_begin(&t, f->b, &what, add, &got, &err), &err);
	for (int i = 0; i < 2; i++) {
		buf_reset(&got);
		assert_good(host_talk_say(&t, SPAN("words\n"), &err), &err);
		hear(&t, &got, strlen("words\n"));
		assert_good(host_read(f->b, path, 4096, &text, &err), &err);
	}
	buf_reset(&got);
	assert_good(host_talk_say(&t, buf_span(&given), &err), &err);
	hear(&t, &got, given.n);
	assert_true(span_equal(buf_span(&given), buf_span(&got)));
	assert_fails(host_talk_hear(&t, 0, &err), &err, "has said nothing");
	host_talk_end(&t);

	/* one that has ended takes nothing, and is not waited for */
	put_program(f->dir, "mailman", "#!/bin/sh\necho enough >&2; exit 9\n");
	assert_good(host_talk_begin(&t, f->b, &what, add, &got, &err), &err);
	assert_good(host_talk_hear(&t, 60000, &err), &err);
	assert_true(t.ended);
	assert_int_equal(t.result.status, 9);
	assert_string_equal(buf_text(&t.result.said), "enough\n");
	assert_good(host_talk_say(&t, buf_span(&given), &err), &err);
}

static void no_other_program_can_be_named(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = xasprintf("%s/mailman", f->dir);

	expect_not_run(f->a, path, "read-only");
	expect_not_run(f->b, NULL, "where is it?");
	expect_not_run(f->b, "/bin/cat", "is not its path");
	expect_not_run(f->b, "../mailman", "is not its path");
	assert_int_equal(chmod(path, 0757), 0);
	expect_not_run(f->b, path, "anybody may change it");
}

static void what_may_not_be_started_is_not(void **state)
{
	AUTO_STREAM_RESULT struct host_stream_result r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct fixture *f = *state;
	struct host_stream what = stream("dovecot-backup", "/talk");
	struct error err = { 0 };

	assert_fails(host_stream_read(f->a, &what, add, &text, &r, &err), &err, "read-only");
	what = stream("dovecot-folders", "/user");
	what.uid = 0;
	assert_fails(host_stream_read(f->a, &what, add, &text, &r, &err), &err, "no user");
}

UNIT_TESTS(
	"remote/stream", cmocka_unit_test_setup_teardown(a_program_is_read_to_its_end, begin, end),
	cmocka_unit_test_setup_teardown(two_programs_talk_far_more_than_any_pipe_holds, begin, end),
	cmocka_unit_test_setup_teardown(when_one_ends_the_other_does_and_the_hosts_go_on, begin,
                                        end),
	cmocka_unit_test_setup_teardown(a_new_program_ends_the_one_before, begin, end),
	cmocka_unit_test_setup_teardown(
		a_program_that_stands_somewhere_reads_more_than_any_pipe_holds, begin, end),
	cmocka_unit_test_setup_teardown(one_is_talked_to_in_turns_while_its_host_does_other_things,
                                        begin, end),
	cmocka_unit_test_setup_teardown(no_other_program_can_be_named, begin, end),
	cmocka_unit_test_setup_teardown(what_may_not_be_started_is_not, begin, end));
