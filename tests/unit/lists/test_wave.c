/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/take.h"
#include "lists/wave_order.h"
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

static const struct lists_wave_row rows[] = {
	{ .posts_per_week = 0, .members = 1, .known = true, .is_site_list = true },
	{ .posts_per_week = -1 },
	{ .posts_per_week = 100, .members = 10, .known = true },
	{ .posts_per_week = 1, .members = 5000, .known = true },
	{ .posts_per_week = 0, .members = 900, .known = true },
	{ .posts_per_week = 2, .members = 3, .known = true },
	{ .posts_per_week = 2, .members = 3, .known = true },
};

static void make(struct lists_wave_order *o)
{
	static const char *const names[] = {
		"mailman", "torn", "loud", "large", "silent", "b", "a"
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		ARRAY_GROW(o->rows, o->n, o->room);
		o->rows[o->n] = rows[i];
		o->rows[o->n++].name = xstrdup(names[i]);
	}
	lists_wave_order_sort(o);
}

static void who_disturbs_fewest_goes_first_and_the_site_list_last(void **state)
{
	static const char *const wanted[] = {
		"silent", "a", "b", "loud", "large", "torn", "mailman"
	};
	AUTO_LISTS_WAVE_ORDER struct lists_wave_order o = { 0 };

	make(&o);
	for (size_t i = 0; i < ROWS(wanted); i++)
		assert_string_equal(o.rows[i].name, wanted[i]);
}

static void waves_are_even_and_a_list_on_its_way_keeps_its_own(void **state)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_LISTS_WAVE_ORDER struct lists_wave_order o = { 0 };
	struct mailing_list *l;

	make(&o);
	l = mailing_list_make(&known, "mailman");
	mailing_list_set(l, MAILING_LIST_SEEDED, "");
	l->wave = 1;
	lists_wave_assign(&o, 3, &known);
	assert_int_equal(known.n, ROWS(rows));
	assert_int_equal(mailing_list_named(&known, "silent")->wave, 1);
	assert_int_equal(mailing_list_named(&known, "b")->wave, 1);
	assert_int_equal(mailing_list_named(&known, "large")->wave, 2);
	assert_int_equal(mailing_list_named(&known, "torn")->wave, 3);
	assert_int_equal(mailing_list_named(&known, "mailman")->wave, 1);
	/* those that nobody has touched are divided anew */
	lists_wave_assign(&o, 1, &known);
	assert_int_equal(mailing_list_named(&known, "torn")->wave, 1);
}

static void an_entry_is_named_by_its_queue_wherever_that_lies(void **state)
{
	AUTO_FREE char *name = lists_take_name(LISTS_CMDQUEUE_DIR, "1+ab.pck");

	assert_string_equal(name, "commands/1+ab.pck");
}

UNIT_TESTS("lists/wave", cmocka_unit_test(who_disturbs_fewest_goes_first_and_the_site_list_last),
           cmocka_unit_test(waves_are_even_and_a_list_on_its_way_keeps_its_own),
           cmocka_unit_test(an_entry_is_named_by_its_queue_wherever_that_lies));
