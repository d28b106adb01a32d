/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/evidence.h"
#include "state/journal.h"
#include "unit/state/place.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void the_last_mark_of_a_step_counts_per_attempt(void **state)
{
	AUTO_STATE struct state *s = NULL;
	enum journal_mark mark;
	struct error err = { 0 };

	assert_good(state_open(&s, dir, &err), &err);
	assert_good(journal_write(s, 1, "freeze", JOURNAL_BEGIN, NULL, &err), &err);
	assert_good(journal_write(s, 1, "freeze", JOURNAL_DONE, NULL, &err), &err);
	assert_good(journal_write(s, 2, "freeze", JOURNAL_BEGIN, NULL, &err), &err);
	assert_good(journal_last(s, 1, "freeze", &mark, &err), &err);
	assert_int_equal(mark, JOURNAL_DONE);
	assert_good(journal_last(s, 2, "freeze", &mark, &err), &err);
	assert_int_equal(mark, JOURNAL_BEGIN);
	assert_good(journal_last(s, 2, "drain", &mark, &err), &err);
	assert_int_equal(mark, JOURNAL_NONE);
}

static void a_second_mailhaul_waits_its_turn_but_may_look(void **state)
{
	AUTO_STATE struct state *s = NULL, *second = NULL, *reader = NULL;
	struct error err = { 0 };
	AUTO_FREE char *value = NULL;

	assert_good(state_open(&s, dir, &err), &err);
	assert_good(state_put(s, "x", "1", &err), &err);
	assert_fails(state_open(&second, dir, &err), &err, "another mailhaul is at work");
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	assert_good(state_open_read(&reader, dir, &err), &err);
	assert_good(state_get(reader, "x", &value, &err), &err);
	assert_string_equal(value, "1");
	assert_int_equal(state_put(reader, "x", "2", &err), -1);
}

/* Runs three writes in a child with the kill point; returns how many rows it left. */
static int rows_left_by(const char *die_at)
{
	AUTO_STATE struct state *s = NULL;
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	struct error err = { 0 };
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("MAILHAUL_DIE_AT", die_at, 1);
		if (state_open(&s, dir, &err) < 0)
			_exit(1);
		for (int i = 0; i < 3; i++)
			if (journal_write(s, 1, "s", JOURNAL_BEGIN, NULL, &err) < 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_good(state_open(&s, dir, &err), &err);
	assert_good(state_prepare(s, &q, "SELECT count(*) FROM journal", &err), &err);
	assert_int_equal(state_step(s, q, &err), 1);
	return sqlite3_column_int(q, 0);
}

static void a_process_killed_after_a_write_has_written_it(void **state)
{
	assert_int_equal(rows_left_by("after:2"), 2);
}

static void a_process_killed_before_a_write_has_not(void **state)
{
	assert_int_equal(rows_left_by("before:2"), 1);
}

static void a_database_of_another_version_is_refused(void **state)
{
	struct error err = { 0 };
	struct state *s = NULL;
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	assert_good(state_open(&s, dir, &err), &err);
	assert_good(state_prepare(s, &q, "PRAGMA user_version=99", &err), &err);
	assert_int_equal(state_step(s, q, &err), 0);
	state_statement_end(&q);
	q = NULL;
	state_close(s);
	s = NULL;
	assert_fails(state_open(&s, dir, &err), &err, "is of version 99");
	assert_int_equal(err.retry, ERROR_RETRY_PERSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* The kill points count the writes of a process, so those two come before this one writes any. */
UNIT_TESTS("state/journal", TEST(a_process_killed_after_a_write_has_written_it),
           TEST(a_process_killed_before_a_write_has_not),
           TEST(the_last_mark_of_a_step_counts_per_attempt),
           TEST(a_second_mailhaul_waits_its_turn_but_may_look),
           TEST(a_database_of_another_version_is_refused));
