/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"
#include "unit/unit.h"

#include <string.h>

/* example.org MX 10 mail.example.org (by a pointer), TTL 120; authoritative. */
static const char answer[] = "\x12\x34\x84\x00\0\x01\0\x01\0\0\0\0"
			     "\x07"
			     "example\x03org\0\0\x0f\0\x01"
			     "\xc0\x0c\0\x0f\0\x01\0\0\0\x78\0\x09\0\x0a\x04mail\xc0\x0c";

static void a_message_becomes_records(void **state)
{
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_answer_parse((struct span){ answer, sizeof answer - 1 }, &a, &err), &err);
	assert_true(a.authoritative);
	assert_int_equal(a.answer.n, 1);
	assert_int_equal(a.answer.rows[0].preference, 10);
	assert_int_equal(a.answer.rows[0].ttl, 120);
	assert_string_equal(a.answer.rows[0].data, "mail.example.org");
}

static void a_message_cut_or_changed_anywhere_does_no_harm(void **state)
{
	size_t refused = 0;

	(void)state;
	for (size_t n = 0; n < sizeof answer - 1; n++) {
		char *copy = malloc(n + 1);
		AUTO_ANSWER struct dns_answer a = { 0 };
		struct error err = { 0 };

		memcpy(copy, answer, n);
		refused += dns_answer_parse((struct span){ copy, n }, &a, &err) < 0;
		free(copy);
	}
	assert_int_equal(refused, sizeof answer - 1);
	for (size_t i = 0; i < sizeof answer - 1; i++)
		for (int value = 0; value < 256; value++) {
			char *copy = malloc(sizeof answer - 1);
			AUTO_ANSWER struct dns_answer a = { 0 };
			struct error err = { 0 };

			memcpy(copy, answer, sizeof answer - 1);
			copy[i] = (char)value;
			(void)!dns_answer_parse((struct span){ copy, sizeof answer - 1 }, &a, &err);
			free(copy);
		}
}

static void resolvers_are_addresses_with_or_without_a_port(void **state)
{
	static const char *const good[] = { "192.0.2.53", "192.0.2.53#5353", "2001:db8::53#53" };
	static const char *const bad[] = { "ns.example.org", "",
		                           "192.0.2.53#0",   "192.0.2.53#65536",
		                           "192.0.2.53#",    "192.0.2" };
	AUTO_SERVERS struct dns_servers s = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(dns_resolvers(&s, good, ROWS(good), &err), &err);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.rows[0].port, 53);
	assert_int_equal(s.rows[1].port, 5353);
	assert_string_equal(s.rows[2].address, "2001:db8::53");
	for (size_t i = 0; i < ROWS(bad) - 1; i++)
		assert_fails(dns_servers_add_text(&s, bad[i], &err), &err, bad[i]);
}

UNIT_TESTS("dns/answer", cmocka_unit_test(a_message_becomes_records),
           cmocka_unit_test(a_message_cut_or_changed_anywhere_does_no_harm),
           cmocka_unit_test(resolvers_are_addresses_with_or_without_a_port));
