/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/data_version.h"
#include "unit/unit.h"

static void a_release_has_the_data_version_of_its_time(void **state)
{
	assert_int_equal(lists_data_version_of("2.1.39"), 112);
	assert_int_equal(lists_data_version_of("2.1.29"), 110);
	assert_int_equal(lists_data_version_of("2.1.9"), 96);
	assert_int_equal(lists_data_version_of("2.1.12rc1"), 97);
	assert_int_equal(lists_data_version_of("2.1.1"), 88);
	/* no release: what ports to Python 3 call themselves */
	assert_int_equal(lists_data_version_of("2.2.0"), 112);
	assert_true(lists_release_is_ported("2.2.0"));
	assert_false(lists_release_is_ported("2.1.39"));
	assert_false(lists_release_is_ported(NULL));
}

static void what_is_no_release_of_mailman_21_has_none(void **state)
{
	assert_int_equal(lists_data_version_of(NULL), 0);
	assert_int_equal(lists_data_version_of("2.0.13"), 0);
	assert_int_equal(lists_data_version_of("3.3"), 0);
}

UNIT_TESTS("lists/data_version", cmocka_unit_test(a_release_has_the_data_version_of_its_time),
           cmocka_unit_test(what_is_no_release_of_mailman_21_has_none));
