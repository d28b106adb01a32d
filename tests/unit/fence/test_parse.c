/* SPDX-License-Identifier: BSD-2-Clause */
#include "fence/fence.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const char ruleset[] =
	"table inet filter {\n\tset closed {\n\t\telements = { 1, 2 }\n\t}\n}\n"
	"table inet mailhaul {\n\tset closed {\n\t\ttype inet_service\n"
	"\t\telements = { 587, 25,\n\t\t\t     submissions }\n\t}\n\n"
	"\tchain input {\n\t\ttype filter hook input priority filter - 10; policy accept;\n"
	"\t\tiif \"lo\" accept\n"
	"\t\ttcp dport @closed tcp flags syn / syn,ack reject with tcp reset\n\t}\n}\n"
	"table ip nat {\n\tset closed {\n\t\telements = { 3 }\n\t}\n}\n";

static void only_our_own_table_is_read(void **state)
{
	struct fence_state s;
	struct error err = { 0 };

	(void)state;
	assert_good(fence_parse(SPAN(ruleset), &s, &err), &err);
	assert_true(s.stands);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.closed[0], 25);
	assert_int_equal(s.closed[1], 465);
	assert_int_equal(s.closed[2], 587);
	assert_true(fence_is_closed(&s, 465));
	assert_false(fence_is_closed(&s, 3));
	assert_good(fence_parse(SPAN("table ip nat {\n}\n"), &s, &err), &err);
	assert_false(s.stands);
	assert_int_equal(s.n, 0);
}

static void a_table_without_its_rule_does_not_stand(void **state)
{
	struct fence_state s;
	struct error err = { 0 };

	(void)state;
	assert_good(
		fence_parse(SPAN("table inet mailhaul {\n\tset closed {\n\t\telements = { 25 }\n"
	                         "\t}\n\tchain input {\n\t\ttype filter hook input\n\t}\n}\n"),
	                    &s, &err),
		&err);
	assert_false(s.stands);
	assert_false(fence_is_closed(&s, 25));
}

static void of_two_sets_the_closed_one_counts_and_a_diversion_is_seen(void **state)
{
	static const char text[] =
		"table inet mailhaul {\n\tset closed {\n\t\ttype inet_service\n\t}\n\n"
		"\tset hushed {\n\t\ttype inet_service\n\t\telements = { 25 }\n\t}\n}\n"
		"table ip mailhaul {\n\tchain divert {\n"
		"\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
		"\t\ttcp dport smtp tcp flags syn / syn,ack redirect to :2525\n\t}\n}\n";
	struct fence_state s;
	struct error err = { 0 };

	(void)state;
	assert_good(fence_parse(SPAN(text), &s, &err), &err);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.diverted, 25);
	assert_int_equal(s.to, 2525);
	assert_good(fence_parse(SPAN(ruleset), &s, &err), &err);
	assert_int_equal(s.diverted, 0);
}

static void nonsense_is_refused_and_every_cut_survived(void **state)
{
	struct fence_state s;
	struct error err = { 0 };

	(void)state;
	assert_fails(fence_parse(SPAN("table inet mailhaul {\n\telements = { 25, gopher }\n}\n"),
	                         &s, &err),
	             &err, "gopher");
	for (size_t n = 0; n < sizeof ruleset; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, ruleset, n);
		(void)!fence_parse((struct span){ copy, n }, &s, &err);
		free(copy);
	}
}

UNIT_TESTS("fence/parse", cmocka_unit_test(only_our_own_table_is_read),
           cmocka_unit_test(a_table_without_its_rule_does_not_stand),
           cmocka_unit_test(of_two_sets_the_closed_one_counts_and_a_diversion_is_seen),
           cmocka_unit_test(nonsense_is_refused_and_every_cut_survived));
