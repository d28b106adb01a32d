/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* unit -- cmocka, behind the headers that it wants first, and two words for our errors. */

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

/* Fails with the error's own words. */
#define assert_good(call, err)                                                                     \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s", #call, (err)->text);                                    \
	} while (0)

/* The call fails, and its words hold `words`. */
#define assert_fails(call, err, words)                                                             \
	do {                                                                                       \
		assert_int_equal((call), -1);                                                      \
		if (!strstr((err)->text, (words)))                                                 \
			fail_msg("\"%s\" is not in \"%s\"", (words), (err)->text);                 \
	} while (0)

#define UNIT_TESTS(name, ...)                                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests_[] = { __VA_ARGS__ };                                \
		return cmocka_run_group_tests_name(name, tests_, NULL, NULL);                      \
	}                                                                                          \
	_Static_assert(1, "wants a semicolon")
