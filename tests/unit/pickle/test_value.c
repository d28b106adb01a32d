/* SPDX-License-Identifier: BSD-2-Clause */

#include "unit/pickle/reading.h"

#include "pickle/out.h"

#include <stdio.h>

static struct value str(struct value_arena *a, const char *text)
{
	return value_str(a, span_of(text));
}

static void a_dict_finds_each_of_many_keys(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *a = value_arena_new();
	struct value dict = value_new_dict(a), v;
	int64_t i;

	for (int n = 0; n < 100000; n++) {
		char key[32];

		snprintf(key, sizeof key, "user%d@example.com", n);
		value_dict_set(a, dict, str(a, key), value_int(a, n));
	}
	for (int n = 0; n < 100000; n += 7) {
		char key[32];

		snprintf(key, sizeof key, "user%d@example.com", n);
		assert_true(value_get_int(value_dict_find(dict, span_of(key)), &i) && i == n);
	}
	v = value_dict_find(dict, SPAN("user100000@example.com"));
	assert_true(value_is_absent(v));
}

static void keys_are_compared_as_python_does(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *a = value_arena_new();
	struct value dict = value_new_dict(a), tuple = value_new_items(a, VALUE_TUPLE),
		     same = value_new_items(a, VALUE_TUPLE);
	int64_t i;

	value_add_item(a, tuple, value_int(a, 1));
	value_add_item(a, tuple, str(a, "x"));
	value_add_item(a, same, value_float(a, 1.0));
	value_add_item(a, same, value_text(a, SPAN("x")));
	value_dict_set(a, dict, value_int(a, 1), value_int(a, 10));
	value_dict_set(a, dict, tuple, value_int(a, 20));
	value_dict_set(a, dict, value_float(a, 2.5), value_int(a, 30));
	assert_true(value_get_int(value_dict_find_key(dict, value_bool(true)), &i) && i == 10);
	assert_true(value_get_int(value_dict_find_key(dict, value_float(a, 1.0)), &i) && i == 10);
	assert_true(value_get_int(value_dict_find_key(dict, value_long(a, SPAN("+01"))), &i) &&
	            i == 10);
	assert_true(value_get_int(value_dict_find_key(dict, same), &i) && i == 20);
	assert_true(value_get_int(value_dict_find_key(dict, value_float(a, 2.5)), &i) && i == 30);
	assert_true(value_is_absent(value_dict_find_key(dict, value_int(a, 2))));
	assert_true(value_is_absent(value_dict_find(value_none(), SPAN("x"))));
}

static void settling_keeps_the_last_of_each_key(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	const struct value_pair *pairs;
	struct error err = { 0 };
	int64_t i;

	assert_good(reading_file(&f, SPAN("}(U\1aK\1U\1bK\2U\1aK\3X\1\0\0\0bK\4u."), &limits, &err),
	            &err);
	assert_int_equal(value_dict_pairs(f.rows[0], &pairs), 4);
	assert_true(value_get_int(value_dict_find(f.rows[0], SPAN("a")), &i) && i == 3);
	assert_int_equal(value_dict_settle(f.rows[0]), 1);
	assert_int_equal(value_dict_pairs(f.rows[0], &pairs), 3);
	assert_true(value_get_int(pairs[0].value, &i) && i == 3);
	assert_true(value_get_int(value_dict_find(f.rows[0], SPAN("a")), &i) && i == 3);
	assert_int_equal(value_dict_settle(f.rows[0]), 0);
	assert_int_equal(value_dict_settle(value_none()), 0);
}

static void equality_knows_kinds_and_order(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "I1\n.", "K\1.", true },
		{ "I1\n.", "I01\n.", false },
		{ "I1\n.", "L1L\n.", false },
		{ "S'a'\n.", "U\1a.", true },
		{ "S'a'\n.", "Va\n.", false },
		{ "(I1\nI2\nl.", "(I2\nI1\nl.", false },
		{ "(I1\nI2\nd.", "(I1\nI2\nI1\nI2\nd.", true },
		{ "(I1\nNI2\nNd.", "(I2\nNI1\nNd.", true },
		{ "(I1\nNI2\nNd.", "(I2\nNI3\nNd.", false },
		{ "(I1\nl.", "(I1\nt.", false },
		{ "]q\1h\1a.", "]q\1h\1a.", true },
		{ "]q\1h\1a.", "]]a.", false },
		{ "(iMailman.X\nX\n.", "(iMailman.X\nX\n.", true },
		{ "(iMailman.X\nX\n.", "(iMailman.X\nY\n.", false },
		{ "(iMailman.X\nX\n}b.", "(iMailman.X\nX\n.", false },
		{ "F0.0\n.", "F-0.0\n.", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_VALUE_FILE struct value_file a = { 0 }, b = { 0 };
		const struct read_limits limits = { 0 };
		struct error err = { 0 };

		assert_good(reading_file(&a, span_of(rows[i].a), &limits, &err), &err);
		assert_good(reading_file(&b, span_of(rows[i].b), &limits, &err), &err);
		if (value_equal(a.rows[0], b.rows[0]) != rows[i].equal ||
		    value_equal(b.rows[0], a.rows[0]) != rows[i].equal)
			fail_msg("row %zu", i);
		assert_true(value_equal(a.rows[0], a.rows[0]));
	}
}

static void rows_can_be_changed(void **state)
{
	AUTO_VALUE_ARENA struct value_arena *a = value_arena_new();
	struct value list = value_new_items(a, VALUE_LIST);
	int64_t i;

	for (int n = 0; n < 3000; n++)
		value_add_item(a, list, value_int(a, n));
	value_remove_item(list, 0);
	value_set_item(list, 1, value_int(a, 77));
	value_remove_item(list, 5000);
	assert_int_equal(value_count(list), 2999);
	assert_true(value_get_int(value_item(list, 0), &i) && i == 1);
	assert_true(value_get_int(value_item(list, 1), &i) && i == 77);
	assert_true(value_get_int(value_item(list, 2998), &i) && i == 2999);
	assert_true(value_get_int(value_int(a, INT64_MIN), &i) && i == INT64_MIN);
	assert_true(value_get_int(value_int(a, INT64_MAX), &i) && i == INT64_MAX);
}

static void no_key_but_strings(struct value key, struct buf *text)
{
	fail();
}

/* Keys that are equal in their first octets, in few of them or in many, and come in any order. */
static void check_order(size_t n, size_t shared)
{
	AUTO_VALUE_ARENA struct value_arena *a = value_arena_new();
	AUTO_ORDERED struct ordered order = { 0 };
	AUTO_BUF struct buf key = { 0 };
	struct value dict = value_new_dict(a);
	struct span before = { 0 }, now;
	uint32_t dice = 1;

	for (size_t i = 0; i < n; i++) {
		dice = dice * 1664525 + 1013904223;
		buf_reset(&key);
		for (size_t at = 0; at < shared; at++)
			buf_add_char(&key, 'x');
		buf_addf(&key, "%0*x", 1 + (int)(dice >> 28), dice >> 12);
		value_dict_set(a, dict, value_str(a, buf_span(&key)), value_none());
	}
	n = value_dict_pairs(dict, &order.pairs);
	ordered_make(&order, dict, no_key_but_strings);
	assert_int_equal(order.n, n);
	for (size_t i = 0; i < n; i++, before = now) {
		size_t least;
		int c;

		assert_true(value_get_str(order.pairs[order.rows[i].row].key, &now));
		least = now.n < before.n ? now.n : before.n;
		c = least ? memcmp(before.p, now.p, least) : 0;
		assert_true(c < 0 || (c == 0 && before.n < now.n));
	}
}

static void rows_are_sorted_by_key_however_many_and_alike(void **state)
{
	static const size_t numbers[] = { 1, 2, 3, 20, 33, 500, 5000 };
	static const size_t shared[] = { 0, 3, 8, 12, 16, 40, 300 };

	for (size_t i = 0; i < ROWS(numbers); i++)
		for (size_t k = 0; k < ROWS(shared); k++)
			check_order(numbers[i], shared[k]);
}

static void people_see_what_pprint_shows(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	AUTO_BUF struct buf text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	struct error err = { 0 };

	assert_good(
		reading_file(
			&f,
			SPAN("(dS'list'\n(lI1\naF0.5\naI01\nasS'name'\nV\\u20ac'\nsI3\nL7L\ns"
	                     "S'tuple'\n(S'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n"
	                     "S'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'\nts"
	                     "S'who'\n(iMailman.UserDesc\nUserDesc\n(dS'a'\nNsbs."),
			&limits, &err),
		&err);
	assert_good(show_text(f.rows[0], 0, &sink, &err), &err);
	assert_string_equal(
		buf_text(&text),
		"{   3: 7L,\n"
		"    'list': [1, 0.5, True],\n"
		"    'name': u\"\\u20ac'\",\n"
		"    'tuple': (   'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',\n"
		"                 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'),\n"
		"    'who': <Mailman.UserDesc.UserDesc {   'a': None}>}\n");
}

static void text_alone_is_shown_as_its_lines(void **state)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct read_limits limits = { 0 };
	AUTO_BUF struct buf text = { 0 };
	const struct show_sink sink = { reading_keep, &text };
	struct error err = { 0 };

	assert_good(reading_file(&f, SPAN("S'From: a\\n\\n\\x1b[2Jb\\n'\n."), &limits, &err), &err);
	assert_good(show_text(f.rows[0], 0, &sink, &err), &err);
	assert_string_equal(buf_text(&text), "From: a\n\n\\x1b[2Jb\n");
}

UNIT_TESTS("pickle/value", cmocka_unit_test(a_dict_finds_each_of_many_keys),
           cmocka_unit_test(keys_are_compared_as_python_does),
           cmocka_unit_test(settling_keeps_the_last_of_each_key),
           cmocka_unit_test(equality_knows_kinds_and_order), cmocka_unit_test(rows_can_be_changed),
           cmocka_unit_test(rows_are_sorted_by_key_however_many_and_alike),
           cmocka_unit_test(people_see_what_pprint_shows),
           cmocka_unit_test(text_alone_is_shown_as_its_lines));
