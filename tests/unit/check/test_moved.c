/* SPDX-License-Identifier: BSD-2-Clause */

/* A map of redirects. */

#include "check/moved.h"
#include "unit/unit.h"

#include <string.h>

#define BASE "https://lists.example.org/"

static void expect(const char *text, const char *from, const char *to)
{
	struct moved_map map = { .text = span_of(text), .base = BASE };
	AUTO_MOVED struct moved m = { 0 };

	assert_true(moved_next(&map, &m));
	if (!from) {
		assert_null(m.from);
		assert_null(m.to);
		return;
	}
	assert_string_equal(m.from, from);
	assert_string_equal(m.to, to);
	assert_false(moved_next(&map, &m));
}

static void test_a_line_is_an_old_and_a_new_address(void **state)
{
	expect("/a/b.html https://example.org/c\n", "https://lists.example.org/a/b.html",
	       "https://example.org/c");
	expect("http://example.net/x?y\t/c\r\n", "http://example.net/x?y",
	       "https://lists.example.org/c");
	expect("# for people\n\n  \n/a /b", "https://lists.example.org/a",
	       "https://lists.example.org/b");
}

static void test_what_is_no_line_of_a_map_is_told_so(void **state)
{
	static const char *const bad[] = {
		"/a",        "/a /b /c",       "/a ftp://example.org/", "a b", "//example.org/ /b",
		"/a\033 /b", "/a javascript:x"
	};

	for (size_t i = 0; i < ROWS(bad); i++)
		expect(bad[i], NULL, NULL);
}

static void test_paths_want_to_know_whose_they_are(void **state)
{
	struct moved_map map = { .text = SPAN("/a https://example.org/b\n") };
	AUTO_MOVED struct moved m = { 0 };

	assert_true(moved_next(&map, &m));
	assert_null(m.from);
}

static void test_a_line_is_found_again_by_its_place(void **state)
{
	struct moved_map map = { .text = SPAN("#\n/a /b\nnone\n/c /d"), .base = BASE };
	AUTO_MOVED struct moved m = { 0 }, again = { 0 };
	unsigned lines = 0;

	while (moved_next(&map, &m)) {
		lines += m.line;
		moved_at(&map, m.offset, &again);
		assert_true(!m.from == !again.from);
		if (m.from)
			assert_string_equal(m.from, again.from);
	}
	assert_int_equal(lines, 2 + 3 + 4);
}

UNIT_TESTS("check/moved", cmocka_unit_test(test_a_line_is_an_old_and_a_new_address),
           cmocka_unit_test(test_what_is_no_line_of_a_map_is_told_so),
           cmocka_unit_test(test_paths_want_to_know_whose_they_are),
           cmocka_unit_test(test_a_line_is_found_again_by_its_place));
