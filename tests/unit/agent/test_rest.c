/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/rest.h"

#include "unit/unit.h"

static void figures_are_read_from_what_the_kernel_writes(void **state)
{
	struct rest_figures f = { 0 };

	(void)state;
	rest_parse_load(SPAN("12.07 1.16 0.50 2/388 21013\n"), &f);
	assert_true(f.has_load);
	assert_int_equal(f.load, 1207);
	rest_parse_pressure(SPAN("some avg10=3.40 avg60=0.00 avg300=0.00 total=53\n"
	                         "full avg10=1.00 avg60=0.00 avg300=0.00 total=53\n"),
	                    &f);
	assert_true(f.has_io);
	assert_int_equal(f.io, 340);
}

static void what_is_no_figure_is_none(void **state)
{
	static const char *const texts[] = {
		"", "x", "1.2 ", "-1.00 ", "1.00.00 ", ". ", "9999999999999.00 "
	};

	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		struct rest_figures f = { 0 };

		rest_parse_load(span_of(texts[i]), &f);
		assert_false(f.has_load);
		rest_parse_pressure(span_of(texts[i]), &f);
		assert_false(f.has_io);
	}
}

static bool due(struct rest *r, uint64_t load, uint64_t io)
{
	const struct rest_figures now = {
		.load = load, .io = io, .has_load = true, .has_io = true
	};
	AUTO_BUF struct buf words = { 0 };

	r->resting = rest_is_due(r, &now, &words);
	assert_true(r->resting == (words.n > 0));
	return r->resting;
}

static void rest_begins_above_a_bound_and_ends_well_below_it(void **state)
{
	struct rest r = { .load = 400, .io = 1000 };

	(void)state;
	assert_false(due(&r, 400, 1000));
	assert_true(due(&r, 401, 0));
	assert_true(due(&r, 400, 0));
	assert_true(due(&r, 360, 0));
	assert_false(due(&r, 359, 0));
	assert_false(due(&r, 390, 0));
	assert_true(due(&r, 0, 1001));
	assert_true(due(&r, 0, 900));
	assert_false(due(&r, 0, 899));
}

static void without_a_bound_or_a_figure_there_is_no_rest(void **state)
{
	struct rest r = { 0 };
	struct rest bound = { .load = 100, .io = 100 };
	const struct rest_figures nothing = { .load = 9999, .io = 9999 };
	AUTO_BUF struct buf words = { 0 };

	(void)state;
	assert_false(due(&r, 99999, 99999));
	assert_false(rest_is_due(&bound, &nothing, &words));
}

UNIT_TESTS("agent/rest", cmocka_unit_test(figures_are_read_from_what_the_kernel_writes),
           cmocka_unit_test(what_is_no_figure_is_none),
           cmocka_unit_test(rest_begins_above_a_bound_and_ends_well_below_it),
           cmocka_unit_test(without_a_bound_or_a_figure_there_is_no_rest));
