/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "base/text.h"
#include "unit/unit.h"

static void lines_end_with_lf_or_crlf_and_the_last_needs_none(void **state)
{
	struct span rest = SPAN("a\r\n\nlast"), line;

	(void)state;
	assert_true(span_next_line(&rest, &line));
	assert_true(span_is(line, "a"));
	assert_true(span_next_line(&rest, &line));
	assert_int_equal(line.n, 0);
	assert_true(span_next_line(&rest, &line));
	assert_true(span_is(line, "last"));
	assert_false(span_next_line(&rest, &line));
}

static void numbers_are_digits_and_in_range(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(text_parse_u64("18446744073709551615", &v));
	assert_true(v == UINT64_MAX);
	v = 7;
	assert_false(text_parse_u64("18446744073709551616", &v));
	assert_false(text_parse_u64("", &v));
	assert_false(text_parse_u64("-1", &v));
	assert_false(text_parse_u64("1 ", &v));
	assert_int_equal(v, 7);
}

static void what_a_terminal_would_obey_is_spelled_out(void **state)
{
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	buf_add_printable(&b, SPAN("a\033[2J\xc3\xa9\xff\xc2\x9b\0z"));
	assert_string_equal(buf_text(&b), "a\\x1b[2J\xc3\xa9\\xff\\xc2\\x9b\\x00z");
}

static void what_means_something_to_a_page_is_an_entity(void **state)
{
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	buf_add_markup(&b, SPAN("\"<b>&amp;\033\xff\""));
	assert_string_equal(buf_text(&b), "&quot;&lt;b&gt;&amp;amp;\\x1b\\xff&quot;");
}

static void a_list_takes_each_line_of_a_text(void **state)
{
	AUTO_STRINGS struct strings s = { 0 }, all = { 0 };

	(void)state;
	strings_add_lines(&s, SPAN(""));
	assert_int_equal(s.n, 0);
	strings_add_lines(&s, SPAN("one\r\n\ntwo"));
	assert_int_equal(s.n, 3);
	assert_string_equal(s.rows[0], "one");
	assert_string_equal(s.rows[1], "");
	assert_string_equal(s.rows[2], "two");
	strings_add_each(&all, "of it: ", &s);
	assert_int_equal(all.n, 3);
	assert_string_equal(all.rows[0], "of it: one");
	assert_string_equal(all.rows[1], "of it: ");
}

static void sizes_and_durations_read_as_people_say_them(void **state)
{
	char size[16], duration[24];

	(void)state;
	assert_string_equal(text_size(size, 312), "312 octets");
	assert_string_equal(text_size(size, 1400000), "1.4 MB");
	assert_string_equal(text_size(size, UINT64_MAX), "18 EB");
	assert_string_equal(text_duration(duration, 12.34), "12.3 s");
	assert_string_equal(text_duration(duration, 3720), "1 h 02 min");
}

static void log_times_are_read_in_both_forms(void **state)
{
	int64_t ms, near;
	size_t used;

	(void)state;
	assert_true(clock_parse(SPAN("2026-03-01T02:13:07.250+01:00 host"), 0, &ms, &used));
	assert_true(ms == 1772327587250);
	assert_int_equal(used, 29);
	assert_true(clock_parse(SPAN("2026-03-01T01:13:07Z"), 0, &near, &used));
	setenv("TZ", "UTC", 1);
	assert_true(clock_parse(SPAN("Dec 31 23:59:59 host"), near, &ms, &used));
	assert_true(ms == 1767225599000); /* the year before: not ten months ahead */
	assert_false(clock_parse(SPAN("Foo 31 23:59:59"), near, &ms, &used));
	assert_false(clock_parse(SPAN(""), near, &ms, &used));
}

UNIT_TESTS("base/text", cmocka_unit_test(lines_end_with_lf_or_crlf_and_the_last_needs_none),
           cmocka_unit_test(numbers_are_digits_and_in_range),
           cmocka_unit_test(what_a_terminal_would_obey_is_spelled_out),
           cmocka_unit_test(what_means_something_to_a_page_is_an_entity),
           cmocka_unit_test(a_list_takes_each_line_of_a_text),
           cmocka_unit_test(sizes_and_durations_read_as_people_say_them),
           cmocka_unit_test(log_times_are_read_in_both_forms));
