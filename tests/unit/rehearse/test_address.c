/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/address.h"

#include "unit/unit.h"

static struct address parsed(const char *text)
{
	struct address a;
	const char *wrong = address_parse(text, &a);

	if (wrong)
		fail_msg("%s: %s", text, wrong);
	return a;
}

static void an_address_is_kept_in_its_canonical_form(void **state)
{
	assert_string_equal(parsed("2001:0DB8:0::0010/64").text, "2001:db8::10");
	assert_string_equal(parsed("203.0.113.10/24").text, "203.0.113.10");
	assert_int_equal(parsed("203.0.113.10/0").prefix, 0);
	assert_int_equal(parsed("2001:db8::/128").prefix, 128);
}

static void a_network_is_told_to_the_bit(void **state)
{
	static const struct {
		const char *address, *network;
		bool inside;
	} rows[] = {
		{ "203.0.113.1/32", "203.0.113.254/24", true },
		{ "203.0.113.127/32", "203.0.113.1/25", true },
		{ "203.0.113.128/32", "203.0.113.1/25", false },
		{ "203.0.113.1/32", "203.0.113.2/32", false },
		{ "203.0.113.2/32", "203.0.113.2/32", true },
		{ "198.51.100.1/32", "203.0.113.2/0", true },
		{ "2001:db8:113::1/64", "2001:db8:113::2/64", true },
		{ "2001:db8:113:1::1/64", "2001:db8:113::2/64", false },
		{ "2001:db8:113:1::1/64", "2001:db8:113::2/63", true },
		{ "2001:db8::1/128", "203.0.113.2/0", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct address a = parsed(rows[i].address), n = parsed(rows[i].network);

		if (address_in_network(&a, &n) != rows[i].inside)
			fail_msg("%s in %s", rows[i].address, rows[i].network);
	}
}

static void an_address_is_the_same_with_any_prefix(void **state)
{
	struct address a = parsed("203.0.113.10/24"), b = parsed("203.0.113.10/32");
	struct address c = parsed("203.0.113.11/24"), d = parsed("cb00:710a::/32");

	assert_true(address_is_same(&a, &b));
	assert_false(address_is_same(&a, &c));
	assert_false(address_is_same(&a, &d)); /* the same first four octets */
}

static void link_layer_addresses_follow_from_the_address(void **state)
{
	struct address v4 = parsed("203.0.113.10/24"), v6 = parsed("2001:db8::cb00:710a/64");
	char mac[18];

	address_link_layer(&v4, mac);
	assert_string_equal(mac, "02:00:cb:00:71:0a");
	address_link_layer(&v6, mac);
	assert_string_equal(mac, "02:01:cb:00:71:0a");
}

UNIT_TESTS("address", cmocka_unit_test(an_address_is_kept_in_its_canonical_form),
           cmocka_unit_test(a_network_is_told_to_the_bit),
           cmocka_unit_test(an_address_is_the_same_with_any_prefix),
           cmocka_unit_test(link_layer_addresses_follow_from_the_address));
