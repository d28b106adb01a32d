/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mbox_date.h"
#include "lists/mbox_index.h"
#include "lists/mbox_marks.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Four lines that begin with "From "; cleanarch takes two of them for messages. */
static const char text[] = "before\n"
			   "From a@example.com  Sun Nov 22 15:00:00 2026\n"
			   "Subject: one\n"
			   "Message-ID: <1@example.com>\n"
			   "Date: Sun, 22 Nov 2026 16:00:01 +0100\n"
			   "Content-Length: 400\n"
			   "\n"
			   "Dear all,\n"
			   ">From the start\n"
			   ">>From the very start\n"
			   "From what I know\n"
			   "it is so.\n"
			   "\r\n"
			   "From b@example.com Sun Nov 22 15:00:02 2026\r\n"
			   "Message-Id:\r\n"
			   "\t<2@example.com>\r\n"
			   "\r\n"
			   "F\n"
			   "From\n"
			   "From a@example.com  Sun Nov 22 15:00:03 2026\n"
			   "From c@example.com  Sun Nov 22 15:00:04 2026\n"
			   "message-id: <1@example.com>\n"
			   "\n"
			   "\n"
			   "the end";

static void check(const struct lists_mbox_index *ix)
{
	const struct lists_mbox_row *r = ix->rows;

	assert_int_equal(ix->n, 5);
	assert_int_equal(ix->octets, strlen(text));
	assert_int_equal(ix->separators, 3);
	assert_int_equal(ix->before, 7);
	assert_int_equal(ix->quoted, 1);
	assert_int_equal(ix->quoted_again, 1);
	assert_int_equal(ix->again, 1);
	assert_true(ix->is_cut);
	for (size_t i = 0; i < ix->n; i++)
		assert_memory_equal(text + r[i].offset, "From ", 5);
	assert_int_equal(r[0].flags,
	                 LISTS_MBOX_SEPARATOR | LISTS_MBOX_HAS_DATE | LISTS_MBOX_LONGER);
	assert_int_equal(r[0].at, 1795359601);
	assert_memory_equal(text + r[0].offset + r[0].from_octets, "Subject", 7);
	assert_memory_equal(text + r[0].offset + r[0].body_offset, "Dear", 4);
	assert_int_equal(r[0].id_octets, 15);
	assert_memory_equal(text + r[0].offset + r[0].id_offset, "<1@example.com>", 15);
	assert_int_equal(r[1].flags, LISTS_MBOX_NO_BLANK);
	assert_int_equal(r[1].id, 0);
	assert_int_equal(r[2].flags, LISTS_MBOX_SEPARATOR | LISTS_MBOX_FROM_DATE);
	assert_int_equal(r[2].at, 1795359602);
	assert_memory_equal(text + r[2].offset + r[2].id_offset, "<2@example.com>", 15);
	assert_memory_equal(text + r[2].offset + r[2].body_offset, "F\nFrom\n", 7);
	assert_int_equal(r[3].flags, LISTS_MBOX_NO_BLANK | LISTS_MBOX_FROM_DATE);
	assert_int_equal(r[4].flags, LISTS_MBOX_SEPARATOR | LISTS_MBOX_FROM_DATE |
	                                     LISTS_MBOX_NO_BLANK | LISTS_MBOX_AGAIN);
	assert_int_equal(lists_mbox_index_octets(ix, 4), strlen(text) - r[4].offset);
	assert_int_equal(lists_mbox_index_octets(ix, 3), r[4].offset - r[3].offset);
}

static void test_messages_begin_where_pipermail_says(void **state)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };

	lists_mbox_index_feed(&ix, span_of(text));
	lists_mbox_index_end(&ix);
	check(&ix);
}

static void test_it_does_not_matter_where_the_octets_are_cut(void **state)
{
	for (size_t first = 0; first < strlen(text); first++) {
		AUTO_LISTS_MBOX_INDEX struct lists_mbox_index two = { 0 }, small = { 0 };
		struct span rest = span_of(text);

		lists_mbox_index_feed(&two, (struct span){ text, first });
		lists_mbox_index_feed(&two, span_from(span_of(text), first));
		lists_mbox_index_end(&two);
		check(&two);
		while (rest.n) {
			size_t n = first % 7 + 1 < rest.n ? first % 7 + 1 : rest.n;

			lists_mbox_index_feed(&small, (struct span){ rest.p, n });
			rest = span_from(rest, n);
		}
		lists_mbox_index_end(&small);
		check(&small);
	}
}

static void test_a_message_is_found_by_its_id(void **state)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };

	lists_mbox_index_feed(&ix, span_of(text));
	lists_mbox_index_end(&ix);
	assert_int_equal(lists_mbox_index_find(&ix, SPAN("<1@example.com>")), 0);
	assert_int_equal(lists_mbox_index_find(&ix, SPAN("2@example.com")), 2);
	assert_int_equal(lists_mbox_index_find(&ix, SPAN("3@example.com")), ix.n);
	assert_int_equal(lists_mbox_index_find(&ix, SPAN("")), ix.n);
	assert_int_equal(lists_mbox_index_next(&ix, 0), 4);
	assert_int_equal(lists_mbox_index_next(&ix, 4), ix.n);
}

static void test_a_file_is_read_as_its_octets_are(void **state)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };
	struct error err = { 0 };
	FILE *file = tmpfile();

	assert_non_null(file);
	/* behind the first piece that is read at once */
	for (size_t i = 0; i < 40000; i++)
		fputs("From a@example.com  Sun Nov 22 15:00:03 2026\nMessage-ID: <x>\n\nbody\n\n",
		      file);
	assert_int_equal(fflush(file), 0);
	assert_good(lists_mbox_index_file(&ix, fileno(file), &err), &err);
	assert_int_equal(ix.n, 40000);
	assert_int_equal(ix.separators, 40000);
	assert_int_equal(ix.again, 39999);
	(void)fclose(file);
}

static void test_an_empty_file_has_no_message(void **state)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };

	lists_mbox_index_end(&ix);
	assert_int_equal(ix.n, 0);
	assert_int_equal(ix.before, 0);
	assert_int_equal(lists_mbox_index_find(&ix, SPAN("x")), 0);
}

static void test_a_header_without_end_costs_no_more_than_its_bound(void **state)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };

	lists_mbox_index_feed(&ix, SPAN("From a@example.com  Sun Nov 22 15:00:03 2026\n"));
	for (size_t i = 0; i < 30; i++) {
		AUTO_BUF struct buf lines = { 0 };

		for (size_t k = 0; k < 1000; k++)
			buf_add_text(&lines, "X-Header: it goes on and on\n");
		lists_mbox_index_feed(&ix, buf_span(&lines));
	}
	assert_true(ix.rest.n < 300000);
	lists_mbox_index_feed(&ix, SPAN("From b@example.com  Sun Nov 22 15:00:03 2026\nA: b\n"));
	lists_mbox_index_end(&ix);
	assert_int_equal(ix.n, 2);
}

static void test_dates_are_read_as_they_are_written(void **state)
{
	static const struct {
		const char *text;
		int64_t at; /* 0: it is none */
	} rows[] = {
		{ "Sun, 22 Nov 2026 15:00:00 +0000", 1795359600 },
		{ "22 Nov 2026 15:00 GMT", 1795359600 },
		{ "Sun, 22 Nov 2026 10:00:00 -0500 (EST)", 1795359600 },
		{ "Sun, 22 Nov 2026 10:00:00 EST", 1795359600 },
		{ "Sun Nov 22 15:00:00 2026", 1795359600 },
		{ "22-Nov-2026 15:00:00 +0000", 1795359600 },
		{ "Sunday, 22-Nov-26 15:00:00 GMT", 1795359600 },
		{ "Thu, 1 Jan 1970 00:00:05 +0000", 5 },
		{ "Tue, 29 Feb 2000 12:00:00 +0000", 951825600 },
		{ "Fri, 31 Dec 99 23:59:60 +0000", 946684800 },
		{ "Sun, 22 Nov 126 15:00:00 +0000", 1795359600 },
		{ "", 0 },
		{ "yesterday", 0 },
		{ "Sun, 32 Nov 2026 15:00:00 +0000", 0 },
		{ "Sun, 22 Nov 2026 25:00:00 +0000", 0 },
		{ "Sun, 22 Nov 2026", 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		int64_t at = 0;

		assert_int_equal(lists_mbox_date(span_of(rows[i].text), &at), rows[i].at != 0);
		assert_int_equal(at, rows[i].at);
	}
}

static void test_marks_are_found_at_every_place(void **state)
{
	char octets[200];

	for (size_t at = 1; at < sizeof octets; at++) {
		const char *end = octets + sizeof octets;

		memset(octets, 'F', sizeof octets);
		octets[at - 1] = '\n';
		assert_ptr_equal(lists_mbox_next_mark(octets, end), octets + at);
		octets[at] = 'x';
		assert_null(lists_mbox_next_mark(octets, end));
		octets[at] = '>';
		assert_ptr_equal(lists_mbox_next_mark(octets, end), octets + at);
	}
	octets[sizeof octets - 1] = '\n';
	octets[sizeof octets - 2] = 'x';
	assert_ptr_equal(lists_mbox_next_mark(octets, octets + sizeof octets),
	                 octets + sizeof octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_begin_where_pipermail_says),
		cmocka_unit_test(test_it_does_not_matter_where_the_octets_are_cut),
		cmocka_unit_test(test_a_message_is_found_by_its_id),
		cmocka_unit_test(test_a_file_is_read_as_its_octets_are),
		cmocka_unit_test(test_an_empty_file_has_no_message),
		cmocka_unit_test(test_a_header_without_end_costs_no_more_than_its_bound),
		cmocka_unit_test(test_dates_are_read_as_they_are_written),
		cmocka_unit_test(test_marks_are_found_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
