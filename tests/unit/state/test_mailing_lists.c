/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/mailing_lists.h"
#include "unit/state/place.h"
#include "unit/unit.h"

#include <string.h>

static void each_list_keeps_how_far_it_is(void **state)
{
	AUTO_MAILING_LISTS struct mailing_lists made = { 0 }, read = { 0 };
	AUTO_STATE struct state *s = NULL;
	struct error err = { 0 };
	struct mailing_list *l;

	assert_good(state_open(&s, dir, &err), &err);
	mailing_list_set(mailing_list_make(&made, "talk"), MAILING_LIST_OPENED, "");
	mailing_list_named(&made, "talk")->attempt = 2;
	mailing_list_make(&made, "announce")->wave = 3;
	mailing_list_set(mailing_list_make(&made, "c++"), MAILING_LIST_COMING, "c++: no room");
	assert_good(mailing_lists_put(s, &made, &err), &err);
	/* a row that is stored again is the same row */
	assert_good(mailing_lists_put(s, &made, &err), &err);
	assert_good(mailing_lists_load(s, &read, &err), &err);
	assert_int_equal(read.n, 3);
	assert_string_equal(read.rows[0].name, "announce");
	assert_int_equal(read.rows[0].phase, MAILING_LIST_KNOWN);
	assert_int_equal(read.rows[0].wave, 3);
	assert_string_equal(mailing_list_named(&read, "c++")->trouble, "c++: no room");
	l = mailing_list_named(&read, "talk");
	assert_string_equal(mailing_list_phase_name(l->phase), "opened");
	assert_int_equal(l->attempt, 2);
	assert_true(l->at_ms > 0);
	assert_null(mailing_list_named(&read, "tal"));
}

static void the_time_is_that_of_the_last_change_of_phase(void **state)
{
	AUTO_MAILING_LISTS struct mailing_lists lists = { 0 };
	struct mailing_list *l = mailing_list_make(&lists, "talk");

	l->at_ms = 7;
	mailing_list_set(l, MAILING_LIST_KNOWN, "words");
	assert_int_equal(l->at_ms, 7);
	mailing_list_set(l, MAILING_LIST_SEEDED, "");
	assert_true(l->at_ms > 7);
}

UNIT_TESTS("state/mailing_lists",
           cmocka_unit_test_setup_teardown(each_list_keeps_how_far_it_is, set_up, tear_down),
           cmocka_unit_test(the_time_is_that_of_the_last_change_of_phase));
