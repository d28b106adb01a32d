/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * order -- the rows of a dict, sorted by key.
 *
 * A large list has dicts of a hundred thousand addresses, and to compare them where they stand would
 * cost more than all else: so sixteen octets of each are copied, sorted by radix, and only those that
 * are equal in them are looked at further.
 */

#include "pickle/out.h"

#include "base/memory.h"
#include "pickle/represent.h"

#include <stdlib.h>

#define RENDERED_MAX ((size_t)64 << 20) /* octets of all keys that are no strings */
#define FEW 32u                         /* rows that are sorted where they stand */
#define MANY 2000u                      /* more are sorted by radix */
#define RUN 16u
#define OCTETS_COPIED 256u /* of each key at most; so deep may sort_from() go */

void ordered_fini(struct ordered *o)
{
	free(o->rows);
	free(o->spare);
	free(o->texts);
	buf_fini(&o->rendered);
}

static struct span text_of(const struct ordered *o, uint32_t row)
{
	struct value key = o->pairs[row].key;
	enum tag tag = value_tag(key);

	return tag_is_chars(tag) ? tag_span(tag, value_inside(key)) : o->texts[row];
}

/* For qsort_r(3). */
static int compare(const void *a, const void *b, void *context)
{
	const struct order *x = a, *y = b;
	struct span s = text_of(context, x->row), t = text_of(context, y->row);
	size_t n = s.n < t.n ? s.n : t.n;
	int c = n && s.p != t.p ? memcmp(s.p, t.p, n) : 0;

	if (c)
		return c;
	if (s.n != t.n)
		return s.n < t.n ? -1 : 1;
	return x->row < y->row ? -1 : 1;
}

static uint64_t eight_octets(struct span text, size_t from)
{
	uint64_t word = 0;

	if (text.n >= from + 8) {
		memcpy(&word, text.p + from, 8);
		return __builtin_bswap64(word);
	}
	for (size_t i = 0; i < 8; i++)
		word = word << 8 | (from + i < text.n ? (unsigned char)text.p[from + i] : 0);
	return word;
}

static void radix_sort(struct order *rows, struct order *spare, size_t n)
{
	uint32_t counts[8][256] = { 0 };
	struct order *from = rows, *to = spare, *swapped;

	for (size_t i = 0; i < n; i++)
		for (unsigned octet = 0; octet < 8; octet++)
			counts[octet][rows[i].first >> 8 * octet & 255]++;
	for (unsigned octet = 0; octet < 8; octet++) {
		uint32_t *count = counts[octet], at = 0;

		if (count[rows[0].first >> 8 * octet & 255] == n)
			continue; /* all have the same */
		for (unsigned i = 0; i < 256; i++) {
			uint32_t here = count[i];

			count[i] = at;
			at += here;
		}
		for (size_t i = 0; i < n; i++)
			to[count[from[i].first >> 8 * octet & 255]++] = from[i];
		swapped = from;
		from = to;
		to = swapped;
	}
	if (from != rows)
		memcpy(rows, from, n * sizeof *rows);
}

static void insertion_sort(struct order *rows, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct order row = rows[i];
		size_t at = i;

		for (; at && rows[at - 1].first > row.first; at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

/* Rows in runs of `run`, each of which is sorted, become runs twice as long. */
static void merge_runs(const struct order *from, struct order *to, size_t n, size_t run)
{
	for (size_t begin = 0; begin < n; begin += 2 * run) {
		size_t a = begin, middle = begin + run < n ? begin + run : n, b = middle;
		size_t end = middle + run < n ? middle + run : n;

		for (size_t at = begin; at < end; at++)
			to[at] = a < middle && (b == end || from[a].first <= from[b].first)
			                 ? from[a++]
			                 : from[b++];
	}
}

static void merge_sort(struct order *rows, struct order *spare, size_t n)
{
	struct order *from = rows, *to = spare, *swapped;

	for (size_t begin = 0; begin < n; begin += RUN)
		insertion_sort(rows + begin, n - begin < RUN ? n - begin : RUN);
	for (size_t run = RUN; run < n; run *= 2) {
		merge_runs(from, to, n, run);
		swapped = from;
		from = to;
		to = swapped;
	}
	if (from != rows)
		memcpy(rows, from, n * sizeof *rows);
}

/* By `first`; rows that are equal in it stay in their order. */
static void sort_rows(struct ordered *o, struct order *rows, size_t n)
{
	if (n <= FEW)
		insertion_sort(rows, n);
	else if (n <= MANY)
		merge_sort(rows, o->spare, n);
	else
		radix_sort(rows, o->spare, n);
}

/* Behind the last row that is equal in `first` to the one at `i`. */
static size_t end_of_equals(const struct order *rows, size_t i, size_t n)
{
	size_t end = i + 1;

	while (end < n && rows[end].first == rows[i].first)
		end++;
	return end;
}

static void sort_from(struct ordered *o, struct order *rows, size_t n, size_t from);

/* Rows that are equal in all that was copied: the keys from `from` on decide. */
static void sort_equals(struct ordered *o, struct order *rows, size_t n, size_t from)
{
	bool ends = n < 3 || from >= OCTETS_COPIED;

	for (size_t i = 0; i < n && !ends; i++)
		ends = text_of(o, rows[i].row).n <= from;
	if (ends)
		qsort_r(rows, n, sizeof *rows, compare, o);
	else
		sort_from(o, rows, n, from);
}

/* Rows that are equal in `first`. */
static void sort_by_second(struct ordered *o, struct order *rows, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		rows[i].first = rows[i].second;
	sort_rows(o, rows, n);
	for (size_t i = 0, end; i < n; i = end) {
		end = end_of_equals(rows, i, n);
		if (end - i > 1)
			sort_equals(o, rows + i, end - i, from);
	}
}

/* Rows whose keys are equal in their first `from` octets. */
static void sort_from(struct ordered *o, struct order *rows, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		struct span text = text_of(o, rows[i].row);

		rows[i].first = eight_octets(text, from);
		rows[i].second = eight_octets(text, from + 8);
	}
	sort_rows(o, rows, n);
	for (size_t i = 0, end; i < n; i = end) {
		end = end_of_equals(rows, i, n);
		if (end - i > 1)
			sort_by_second(o, rows + i, end - i, from + 16);
	}
}

/* str, then unicode, then the others; each in the order of the file. Where each begins. */
static void group_rows(struct ordered *o, size_t n, size_t begins[4])
{
	unsigned of_kind[3] = { 0 };

	for (size_t i = 0; i < n; i++) {
		enum tag tag = value_tag(o->pairs[i].key);

		of_kind[tag_is_str(tag) ? 0 : tag_is_text(tag) ? 1 : 2]++;
	}
	begins[0] = 0;
	begins[1] = of_kind[0];
	begins[2] = begins[1] + of_kind[1];
	begins[3] = n;
	of_kind[0] = of_kind[1] = of_kind[2] = 0;
	for (size_t i = 0; i < n; i++) {
		enum tag tag = value_tag(o->pairs[i].key);
		unsigned kind = tag_is_str(tag) ? 0 : tag_is_text(tag) ? 1 : 2;

		o->rows[begins[kind] + of_kind[kind]++].row = (uint32_t)i;
	}
}

static void render_others(struct ordered *o, size_t from, size_t to, size_t n,
                          void (*render)(struct value key, struct buf *text))
{
	size_t at = 0;

	if (from == to)
		return;
	o->texts = xcalloc(n, sizeof *o->texts);
	for (size_t i = from; i < to; i++) {
		size_t before = o->rendered.n;

		if (o->rendered.n < RENDERED_MAX)
			render(o->pairs[o->rows[i].row].key, &o->rendered);
		o->texts[o->rows[i].row].n = o->rendered.n - before;
	}
	for (size_t i = from; i < to; i++) { /* `rendered` stays where it is now */
		struct span *text = &o->texts[o->rows[i].row];

		text->p = o->rendered.p + at;
		at += text->n;
	}
}

/* What is compared is all of the key. */
static bool is_whole(const struct ordered *o, const struct order *row)
{
	size_t n = text_of(o, row->row).n;

	return tag_is_chars(value_tag(o->pairs[row->row].key)) || (n && n < KEY_OCTETS_MAX);
}

/* Of rows with equal keys, which stand in the order of the file, the last. */
static size_t drop_overridden(struct ordered *o, struct order *rows, size_t n, struct order *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || rows[i].first != rows[i + 1].first ||
		    !span_equal(text_of(o, rows[i].row), text_of(o, rows[i + 1].row)) ||
		    !is_whole(o, &rows[i]))
			to[kept++] = rows[i];
	return kept;
}

void ordered_make(struct ordered *o, struct value dict,
                  void (*render)(struct value key, struct buf *text))
{
	size_t n = value_dict_pairs(dict, &o->pairs), begins[4], kept = 0;

	o->rows = xmalloc((n + 1) * sizeof *o->rows);
	if (n > FEW)
		o->spare = xmalloc(n * sizeof *o->spare);
	group_rows(o, n, begins);
	render_others(o, begins[2], begins[3], n, render);
	for (unsigned kind = 0; kind < 3; kind++) {
		struct order *rows = o->rows + begins[kind];
		size_t rows_n = begins[kind + 1] - begins[kind];

		sort_from(o, rows, rows_n, 0);
		kept += drop_overridden(o, rows, rows_n, o->rows + kept);
	}
	o->n = kept;
}
