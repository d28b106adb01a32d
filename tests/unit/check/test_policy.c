/* SPDX-License-Identifier: BSD-2-Clause */

/* Policies of MTA-STS. */

#include "check/policy.h"
#include "unit/unit.h"

static const char *wrong_with(const char *text)
{
	AUTO_POLICY struct policy p = { 0 };

	return policy_read(span_of(text), &p);
}

static void test_a_policy_is_whole_or_it_is_told_what_is_missing(void **state)
{
	assert_null(wrong_with("version: STSv1\nmode: none\nmax_age: 1\n"));
	assert_non_null(wrong_with("version: STSv2\nmode: none\nmax_age: 1\n"));
	assert_non_null(wrong_with("version: STSv1\nmode: perhaps\nmax_age: 1\n"));
	assert_non_null(wrong_with("version: STSv1\nmode: none\nmax_age: -1\n"));
	assert_non_null(wrong_with("version: STSv1\nmode: enforce\nmax_age: 1\n"));
	assert_non_null(wrong_with("<html>not found</html>"));
}

static void test_a_star_stands_for_one_label(void **state)
{
	AUTO_POLICY struct policy p = { 0 };

	assert_null(policy_read(SPAN("version: STSv1\r\nmode: enforce\r\nmx: *.Example.org\r\n"
	                             "mx: mx.example.net\r\nmax_age: 86400\r\n"),
	                        &p));
	assert_true(policy_has(&p, "mail.example.org") && policy_has(&p, "mx.example.net"));
	assert_false(policy_has(&p, "example.org") || policy_has(&p, "a.b.example.org"));
	assert_false(policy_has(&p, "mail.example.net"));
}

static void test_a_policy_record_has_an_id(void **state)
{
	assert_true(policy_id_is_good(SPAN("v=STSv1; id=20260301T00;")));
	assert_false(policy_id_is_good(SPAN("v=STSv1;")));
	assert_false(policy_id_is_good(SPAN("v=STSv1; id=;")));
	assert_false(policy_id_is_good(SPAN("v=STSv1; id=a-b")));
}

UNIT_TESTS("check/policy", cmocka_unit_test(test_a_policy_is_whole_or_it_is_told_what_is_missing),
           cmocka_unit_test(test_a_star_stands_for_one_label),
           cmocka_unit_test(test_a_policy_record_has_an_id));
