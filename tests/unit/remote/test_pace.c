/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/pace.h"

#include "unit/unit.h"

/* A clock that only goes on when somebody waits, or reads for a while. */
static int64_t now_ms = 12345;

static void read_some(struct pace *p, uint64_t octets)
{
	now_ms += pace_wait_ms(p, octets, now_ms);
}

static void so_many_octets_take_so_long(void **state)
{
	struct pace p;
	int64_t began = now_ms;

	(void)state;
	pace_begin(&p, 1000000);
	for (int i = 0; i < 1000; i++)
		read_some(&p, 12345);
	/* 12,345,000 octets */
	assert_in_range(now_ms - began, 12345, 12347);
}

static void nothing_is_waited_for_without_a_limit(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, 0);
	assert_int_equal(pace_wait_ms(&p, UINT64_MAX, now_ms), 0);
	assert_int_equal(pace_chunk(&p, 1000000), 1000000);
}

static void a_pause_is_not_made_good_by_more_than_a_moment(void **state)
{
	struct pace p;
	int64_t began;

	(void)state;
	pace_begin(&p, 1000);
	read_some(&p, 1000);
	now_ms += 3600000; /* the other side rests */
	began = now_ms;
	for (int i = 0; i < 10; i++)
		read_some(&p, 1000);
	assert_in_range(now_ms - began, 10000 - PACE_BURST_MS, 10000);
}

static void a_line_slower_than_the_limit_is_not_made_slower(void **state)
{
	struct pace p;
	int64_t arrival = now_ms;

	(void)state;
	pace_begin(&p, 100000);
	for (int i = 0; i < 100; i++) {
		size_t n = pace_chunk(&p, 1u << 20); /* 125 ms of it, and the line needs 150 */

		arrival += 150;
		now_ms = now_ms > arrival ? now_ms : arrival;
		read_some(&p, n);
	}
	/* the last one is waited for too, though nothing follows */
	assert_in_range(now_ms - arrival, 0, 125);
}

static void numbers_at_the_edge_do_no_harm(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, 1);
	assert_int_equal(pace_wait_ms(&p, 5, now_ms), 5000);
	pace_begin(&p, UINT64_MAX);
	assert_in_range(pace_wait_ms(&p, 1u << 20, now_ms), 0, 1);
	pace_begin(&p, 10);
	assert_int_equal(pace_chunk(&p, 1u << 20), 4096);
	pace_begin(&p, 800000);
	assert_int_equal(pace_chunk(&p, 1u << 20), 100000);
}

UNIT_TESTS("remote/pace", cmocka_unit_test(so_many_octets_take_so_long),
           cmocka_unit_test(nothing_is_waited_for_without_a_limit),
           cmocka_unit_test(a_pause_is_not_made_good_by_more_than_a_moment),
           cmocka_unit_test(a_line_slower_than_the_limit_is_not_made_slower),
           cmocka_unit_test(numbers_at_the_edge_do_no_harm));
