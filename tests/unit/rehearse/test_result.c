/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/result.h"

#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

static void what_is_new_and_what_is_mended_is_told(void **state)
{
	AUTO_REHEARSE_RESULT struct rehearse_result before = { 0 }, now = { 0 };
	AUTO_BUF struct buf table = { 0 };
	AUTO_FREE char *json = NULL, *again = NULL;

	rehearse_fail(&before, "in.rcpt", "sales@example.org", "550 \x01 no such user");
	rehearse_fail(&before, "out.helo", "nowhere", "leads nowhere");
	json = rehearse_json(&before);
	assert_non_null(strstr(json, "550 \\\\x01 no such user"));

	rehearse_fail(&now, "out.helo", "nowhere", "leads nowhere");
	rehearse_fail(&now, "out.helo", "nowhere", "and again");
	rehearse_fail(&now, "sieve", "alice", "lost");
	assert_int_equal(now.n, 2);
	rehearse_compare(&now, json);
	assert_true(now.compared);
	assert_false(now.failures[0].is_new);
	assert_true(now.failures[1].is_new);
	assert_int_equal(now.mended.n, 1);
	assert_string_equal(now.mended.rows[0], "in.rcpt sales@example.org");
	rehearse_add_table(&table, &now);
	assert_non_null(strstr(buf_text(&table), "FAIL  out.helo  nowhere: leads nowhere\n"));
	assert_non_null(strstr(buf_text(&table), "NEW   sieve  alice: lost\n"));
	assert_non_null(strstr(buf_text(&table), "2 failures"));
	again = rehearse_json(&now);
	assert_non_null(strstr(again, "\"mended\":[\"in.rcpt sales@example.org\"]"));
}

static void a_cut_over_that_was_rehearsed_is_told_step_by_step_and_held_against_the_last(
	void **state)
{
	AUTO_REHEARSE_RESULT struct rehearse_result before = { 0 }, now = { 0 }, other = { 0 };
	AUTO_BUF struct buf table = { 0 };
	AUTO_FREE char *json = NULL, *part = NULL;

	rehearse_fail(&before, "cutover", "verify", "1 message is missing");
	before.cutover.window_s = 12;
	json = rehearse_json(&before);
	assert_true(rehearse_was_whole(json));

	/* where it was not tried, nothing is mended */
	other.cutover.skipped = xstrdup("the old host is somewhere else");
	rehearse_compare(&other, json);
	assert_int_equal(other.mended.n, 0);
	rehearse_add_table(&table, &other);
	assert_non_null(strstr(buf_text(&table), "skipped: the old host is somewhere else\n"));

	strings_add(&now.only, "cutover");
	strings_add(&now.tried, "cutover");
	now.cutover.rows = xcalloc(2, sizeof *now.cutover.rows);
	now.cutover.rows[now.cutover.n++] = (struct rehearse_moved){ "freeze", false, "done", 2 };
	now.cutover.rows[now.cutover.n++] = (struct rehearse_moved){ "freeze", true, "undone", 3 };
	now.cutover.window_s = 8;
	rehearse_compare(&now, json);
	assert_int_equal(now.mended.n, 1);
	assert_string_equal(now.mended.rows[0], "cutover verify");
	buf_reset(&table);
	rehearse_add_table(&table, &now);
	assert_non_null(strstr(buf_text(&table), "rollback  freeze               undone"));
	assert_non_null(strstr(buf_text(&table), "(by the last rehearsal 12.0 s)"));
	part = rehearse_json(&now);
	assert_non_null(strstr(part, "\"window_seconds\":8.0"));
	assert_false(rehearse_was_whole(part));
}

static void a_record_that_makes_no_sense_compares_with_nothing(void **state)
{
	AUTO_REHEARSE_RESULT struct rehearse_result now = { 0 };

	rehearse_fail(&now, "sieve", "alice", "lost");
	rehearse_compare(&now, "[1, 2");
	assert_false(now.compared);
	rehearse_compare(&now, "{\"failures\": [3, {\"step\": 1}, {}]}");
	assert_true(now.compared);
	assert_int_equal(now.mended.n, 0);
}

static void a_rehearsal_of_a_part_says_nothing_of_the_rest(void **state)
{
	AUTO_REHEARSE_RESULT struct rehearse_result before = { 0 }, now = { 0 };
	AUTO_FREE char *json = NULL, *again = NULL;

	rehearse_fail(&before, "sieve", "alice", "lost");
	rehearse_fail(&before, "imap", "port 993", "shut");
	json = rehearse_json(&before);
	assert_true(rehearse_was_whole(json));

	strings_add(&now.only, "logins");
	strings_add(&now.tried, "logins");
	strings_add(&now.tried, "imap");
	rehearse_compare(&now, json);
	assert_int_equal(now.mended.n, 1);
	assert_string_equal(now.mended.rows[0], "imap port 993");
	again = rehearse_json(&now);
	assert_non_null(strstr(again, "\"only\":[\"logins\"]"));
	assert_false(rehearse_was_whole(again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_new_and_what_is_mended_is_told),
		cmocka_unit_test(a_rehearsal_of_a_part_says_nothing_of_the_rest),
		cmocka_unit_test(
			a_cut_over_that_was_rehearsed_is_told_step_by_step_and_held_against_the_last),
		cmocka_unit_test(a_record_that_makes_no_sense_compares_with_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
