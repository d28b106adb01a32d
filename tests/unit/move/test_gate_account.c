/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/gate.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define AT "2026-03-01T02:13:07.123Z "
#define TAKEN(id) AT "taken id=" id " session=1 client=[192.0.2.1]:5 from=<a@example.net> size=2\n"
#define GAVE(id, state, to) AT "give-out id=" id " state=" state " to=\"" to "\" reply=\"said so\"\n"

static const char log_text[] =
	AT "ready mode=spool ports=2\n"
	TAKEN("0a")
	TAKEN("0b")
	TAKEN("0c")
	GAVE("0a", "deferred", "b@example.org")
	GAVE("0a", "delivered", "b@example.org")
	GAVE("0b", "held", "b@example.org")
	GAVE("0b", "delivered", "c@example.org")
	GAVE("77", "delivered", "c@example.org");
/* clang-format on */

static void what_was_taken_is_given_out_held_or_in_the_spool(void **state)
{
	AUTO_GATE_ACCOUNT struct gate_account a = { 0 };

	(void)state;
	gate_account_read(SPAN(log_text), 1, &a);
	assert_int_equal(a.taken, 3);
	assert_int_equal(a.given, 1);
	assert_int_equal(a.held, 1);
	assert_int_equal(a.waiting, 1);
	assert_int_equal(a.unaccounted, 0);
	assert_non_null(strstr(buf_text(&a.names), "0b"));
	assert_null(strstr(buf_text(&a.names), "0c"));
}

static void what_is_in_no_spool_any_more_is_named(void **state)
{
	AUTO_GATE_ACCOUNT struct gate_account a = { 0 };

	(void)state;
	gate_account_read(SPAN(log_text), 0, &a);
	assert_int_equal(a.unaccounted, 1);
	assert_non_null(strstr(buf_text(&a.names), "0c"));
}

static void every_cut_of_a_log_is_survived(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof log_text; n++) {
		AUTO_GATE_ACCOUNT struct gate_account a = { 0 };
		char *copy = malloc(n + 1);

		memcpy(copy, log_text, n);
		gate_account_read((struct span){ copy, n }, 0, &a);
		assert_true(a.taken <= 3);
		free(copy);
	}
}

UNIT_TESTS("move/gate_account", cmocka_unit_test(what_was_taken_is_given_out_held_or_in_the_spool),
           cmocka_unit_test(what_is_in_no_spool_any_more_is_named),
           cmocka_unit_test(every_cut_of_a_log_is_survived));
