/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/admission.h"
#include "unit/unit.h"

#include <string.h>

static struct gate_key key(const char *text)
{
	struct gate_address a;
	struct error err = { 0 };

	assert_good(gate_address_parse(&a, "x", text, &err), &err);
	return gate_address_key(&a, false);
}

static void there_is_a_most_in_all_and_for_each_address(void **state)
{
	struct gate_limits *l = gate_limits_new(
		&(struct gate_limits_set){ .connections = 3, .connections_each = 2 });

	(void)state;
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:2"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:3"), 0), GATE_TOO_MANY);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.2:1"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.3:1"), 0), GATE_CROWDED);
	gate_limits_leave(l, key("192.0.2.1:9"), 0);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:4"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_connections(l), 3);
	gate_limits_free(l);
}

static void a_customer_with_a_network_of_addresses_is_one_client(void **state)
{
	struct gate_limits *l = gate_limits_new(
		&(struct gate_limits_set){ .connections = 100, .connections_each = 1 });

	(void)state;
	assert_int_equal(gate_limits_enter(l, key("[2001:db8:0:1::1]:1"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("[2001:db8:0:1:f::2]:1"), 0), GATE_TOO_MANY);
	assert_int_equal(gate_limits_enter(l, key("[2001:db8:0:2::1]:1"), 0), GATE_ADMITTED);
	/* IPv4 in IPv6's clothes is not all of IPv4 */
	assert_int_equal(gate_limits_enter(l, key("[::ffff:192.0.2.1]:1"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("[::ffff:192.0.2.2]:1"), 0), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.2:1"), 0), GATE_TOO_MANY);
	gate_limits_free(l);
}

static void who_comes_too_fast_has_to_wait_and_may_come_again(void **state)
{
	struct gate_limits *l = gate_limits_new(
		&(struct gate_limits_set){ .connections = 100, .rate = 60 });

	(void)state;
	for (int i = 0; i < 60; i++) {
		assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 5), GATE_ADMITTED);
		gate_limits_leave(l, key("192.0.2.1:1"), 5);
	}
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 900), GATE_TOO_FAST);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.2:1"), 900), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 1005), GATE_ADMITTED);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 1005), GATE_TOO_FAST);
	assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 3600000), GATE_ADMITTED);
	gate_limits_free(l);
}

static void addresses_that_did_little_are_forgotten(void **state)
{
	struct gate_limits *l = gate_limits_new(
		&(struct gate_limits_set){ .connections = 100, .connections_each = 5, .rate = 60 });

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "[2001:db8:%x:%x::1]:25", i >> 8, i & 255);
		assert_int_equal(gate_limits_enter(l, key(text), 0), GATE_ADMITTED);
		gate_limits_leave(l, key(text), 0);
	}
	gate_limits_sweep(l, 1000);
	assert_int_equal(gate_limits_addresses(l), 0);
	assert_int_equal(gate_limits_connections(l), 0);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(gate_limits_enter(l, key("192.0.2.1:1"), 1000), GATE_ADMITTED);
		gate_limits_leave(l, key("192.0.2.1:1"), 1000);
	}
	assert_int_equal(gate_limits_addresses(l), 1);
	gate_limits_sweep(l, 10000);
	assert_int_equal(gate_limits_addresses(l), 1);
	gate_limits_sweep(l, 31000);
	assert_int_equal(gate_limits_addresses(l), 0);
	gate_limits_free(l);
}

UNIT_TESTS("gate/admission", cmocka_unit_test(there_is_a_most_in_all_and_for_each_address),
           cmocka_unit_test(a_customer_with_a_network_of_addresses_is_one_client),
           cmocka_unit_test(who_comes_too_fast_has_to_wait_and_may_come_again),
           cmocka_unit_test(addresses_that_did_little_are_forgotten));
