/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/state.h"

#include "base/memory.h"
#include "state/signs.h"
#include "unit/state/place.h"

#include <sys/stat.h>

static void run(const char *sql)
{
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	assert_good(state_open(&s, dir, &err), &err);
	assert_int_equal(sqlite3_exec(state_database(s), sql, NULL, NULL, NULL), SQLITE_OK);
}

static struct stat look(void)
{
	AUTO_FREE char *path = xasprintf("%s/state.db", dir);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

static int take(void *context, const struct sign_record *record, struct error *err)
{
	const struct sign_record **rows = context;

	for (; *rows; rows++) {
		const struct sign_record *r = *rows;

		if (!span_is(span_of(record->account), r->account))
			continue;
		assert_true(digest_equal(&record->old, &r->old));
		assert_true(digest_equal(&record->new, &r->new));
		assert_true(span_equal(record->old_outline.places, r->old_outline.places));
		assert_true(span_equal(record->new_outline.places, r->new_outline.places));
		assert_true(digest_equal(&record->old_outline.digest, &r->old_outline.digest));
		assert_true(digest_equal(&record->new_outline.digest, &r->new_outline.digest));
		return 0;
	}
	fail_msg("%s: not put", record->account);
	return -1;
}

/* A pass that finds nothing waits for no disk. */
static void opening_a_state_again_writes_nothing(void **state)
{
	struct stat before, after;

	(void)state;
	run("");
	before = look();
	run("SELECT 1");
	after = look();
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
}

/* As made by a mailhaul that knew of fewer tables. */
static void a_copy_has_all_that_there_is_and_a_life_of_its_own(void **state)
{
	AUTO_FREE char *other = xasprintf("%s/other", dir), *fact = NULL, *left = NULL;
	AUTO_STATE struct state *s = NULL, *copy = NULL;
	struct error err = { 0 };

	assert_good(state_open(&s, dir, &err), &err);
	assert_good(state_put(s, "freeze", "before", &err), &err);
	for (int again = 0; again < 2; again++) /* what stood there is replaced */
		assert_good(state_copy(s, other, &err), &err);
	assert_good(state_open(&copy, other, &err), &err);
	assert_good(state_get(copy, "freeze", &fact, &err), &err);
	assert_string_equal(fact, "before");
	assert_good(state_put(copy, "freeze", "after", &err), &err);
	assert_good(state_get(s, "freeze", &left, &err), &err);
	assert_string_equal(left, "before");
}

static void a_table_that_is_not_there_yet_is_made(void **state)
{
	const struct sign_record *none[] = { NULL };
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	(void)state;
	run("DROP TABLE outline; PRAGMA application_id=0");
	assert_good(state_open(&s, dir, &err), &err);
	assert_good(signs_walk(s, take, none, &err), &err);
}

static void a_sign_comes_back_with_its_outlines(void **state)
{
	const struct sign_record same = {
		.account = "a",
		.old = { "o" },
		.new = { "n" },
		.old_outline = { SPAN("\0cur\0"), { "1" } },
		.new_outline = { SPAN("\0cur\0"), { "2" } },
	};
	const struct sign_record apart = {
		.account = "b",
		.old_outline = { SPAN("\0cur\0"), { "3" } },
		.new_outline = { SPAN(""), { "4" } },
	};
	const struct sign_record *rows[] = { &same, &apart, NULL };
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };

	(void)state;
	assert_good(state_open(&s, dir, &err), &err);
	for (int i = 0; rows[i]; i++)
		assert_good(sign_put(s, rows[i], &err), &err);
	assert_good(signs_walk(s, take, rows, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opening_a_state_again_writes_nothing, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_copy_has_all_that_there_is_and_a_life_of_its_own,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_table_that_is_not_there_yet_is_made, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_sign_comes_back_with_its_outlines, set_up,
		                                tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
