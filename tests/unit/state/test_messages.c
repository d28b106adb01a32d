/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/messages.h"

#include "base/memory.h"
#include "unit/state/place.h"

#include <string.h>

#define EACH 20u /* messages of one account */

static void put_account(struct state *s, unsigned number)
{
	AUTO_MESSAGE_WRITER struct message_writer *w = NULL;
	AUTO_FREE char *account = xasprintf("u%04u@example.org", number);
	struct error err = { 0 };

	assert_good(state_begin(s, &err), &err);
	assert_good(message_writer_new(&w, s, &err), &err);
	for (unsigned i = 0; i < EACH; i++) {
		AUTO_FREE char *base = xasprintf("17000000%02u.M1P1.mail", i);
		const struct message_record m = { .account = account,
			                          .folder = "",
			                          .base = base,
			                          .size = 1,
			                          .flags = "",
			                          .keywords = "" };

		assert_good(message_writer_put(w, &m, &err), &err);
	}
	assert_good(
		folder_put(s, &(struct folder_record){ .account = account, .folder = "" }, &err),
		&err);
	assert_good(beside_put(s,
	                       &(struct beside_record){ .account = account,
	                                                .place = "root",
	                                                .path = "subscriptions",
	                                                .target = "" },
	                       &err),
	            &err);
	assert_good(state_commit(s, &err), &err);
}

static int one_more(void *count)
{
	++*(unsigned long *)count;
	return 0;
}

static int see_message(void *context, const struct message_record *m, struct error *err)
{
	assert_string_equal(m->account, "u0001@example.org");
	++*(unsigned *)context;
	return 0;
}

static int see_folder(void *context, const struct folder_record *f, struct error *err)
{
	assert_string_equal(f->account, "u0001@example.org");
	++*(unsigned *)context;
	return 0;
}

static int see_file(void *context, const struct beside_record *b, struct error *err)
{
	assert_string_equal(b->account, "u0001@example.org");
	++*(unsigned *)context;
	return 0;
}

/* How many instructions SQLite takes to give all that it knows of one account. */
static unsigned long instructions(struct state *s)
{
	AUTO_STATEMENT sqlite3_stmt *any = NULL;
	unsigned long count = 0;
	uint64_t messages, octets;
	unsigned seen = 0;
	struct error err = { 0 };
	sqlite3 *db;

	assert_good(state_prepare(s, &any, "SELECT 1", &err), &err);
	db = sqlite3_db_handle(any);
	sqlite3_progress_handler(db, 1, one_more, &count);
	assert_good(
		messages_walk(s, "u0001@example.org", MESSAGES_PRESENT, see_message, &seen, &err),
		&err);
	assert_good(folders_walk(s, "u0001@example.org", MESSAGES_ALL, see_folder, &seen, &err),
	            &err);
	assert_good(beside_walk(s, "u0001@example.org", MESSAGES_PRESENT, see_file, &seen, &err),
	            &err);
	assert_good(messages_count(s, "u0001@example.org", MESSAGES_ALL, &messages, &octets, &err),
	            &err);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	assert_int_equal(seen, EACH + 2);
	assert_int_equal(messages, EACH);
	return count;
}

static void what_one_account_costs_does_not_grow_with_the_others(void **state)
{
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };
	unsigned long alone;

	assert_good(state_open(&s, dir, &err), &err);
	put_account(s, 1);
	alone = instructions(s);
	assert_true(alone > EACH);
	for (unsigned i = 2; i < 100; i++)
		put_account(s, i);
	assert_in_range(instructions(s), 1, 2 * alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_one_account_costs_does_not_grow_with_the_others, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
