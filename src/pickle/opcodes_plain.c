/* SPDX-License-Identifier: BSD-2-Clause */

/* opcodes_plain -- stack, memo, and the values that stand as octets in a pickle. */

#include "pickle/reader.h"

#include "base/memory.h"

#include <stdlib.h>

#define PROTOCOL_LAST 5u

/* ── stack and memo ──────────────────────────────────────────────────────────────────────────── */

int act_mark(struct reader *r)
{
	if (r->marks_n == r->marks_room) {
		ARRAY_GROW(r->marks, r->marks_n, r->marks_room);
		if (reader_check_memory(r) < 0)
			return -1;
	}
	r->marks[r->marks_n++] = (uint32_t)r->n;
	return 0;
}

int act_stop(struct reader *r)
{
	if (r->marks_n)
		return reader_fail(r, "a mark is left on the stack");
	if (r->n != 1)
		return reader_fail(r, "%zu values are on the stack, and not one", r->n);
	return 0;
}

int act_pop(struct reader *r)
{
	struct value v;

	/* a mark is a thing on the stack, too */
	if (r->marks_n && !reader_above(r)) {
		r->marks_n--;
		return 0;
	}
	return reader_pop(r, &v);
}

int act_pop_mark(struct reader *r)
{
	struct value *rows;
	size_t n;

	return reader_pop_mark(r, &rows, &n);
}

int act_dup(struct reader *r)
{
	struct value *top;

	return reader_top(r, &top) < 0 ? -1 : reader_push(r, *top);
}

int act_proto(struct reader *r)
{
	const char *p;

	if (reader_take(r, 1, &p) < 0)
		return -1;
	r->protocol = (unsigned char)*p;
	if (r->protocol > PROTOCOL_LAST)
		return reader_fail(r, "protocol %u; %u is the last that is known", r->protocol,
		                   PROTOCOL_LAST);
	return 0;
}

static int take_number(struct reader *r, size_t octets, uint64_t *number)
{
	const char *p;

	if (reader_take(r, octets, &p) < 0)
		return -1;
	*number = 0;
	while (octets--)
		*number = *number << 8 | (unsigned char)p[octets];
	return 0;
}

int act_frame(struct reader *r)
{
	uint64_t size;

	if (take_number(r, 8, &size) < 0)
		return -1;
	if (size > (size_t)(r->end - r->p))
		return reader_fail(r, "of %llu octets, and the file has %zu more",
		                   (unsigned long long)size, (size_t)(r->end - r->p));
	return 0;
}

static int take_row(struct reader *r, uint64_t *row)
{
	struct span line;

	if (reader_take_line(r, &line) < 0)
		return -1;
	if (!span_parse_u64(line, row))
		return reader_fail(r, "no number of a memo row");
	return 0;
}

int act_put(struct reader *r)
{
	uint64_t row;

	return take_row(r, &row) < 0 ? -1 : reader_put(r, row);
}

int act_binput(struct reader *r)
{
	const char *p;

	return reader_take(r, 1, &p) < 0 ? -1 : reader_put(r, (unsigned char)*p);
}

int act_long_binput(struct reader *r)
{
	const char *p;

	return reader_take(r, 4, &p) < 0 ? -1 : reader_put(r, read_u32(p));
}

int act_memoize(struct reader *r)
{
	return reader_put(r, r->memo_puts++);
}

int act_get(struct reader *r)
{
	uint64_t row;

	return take_row(r, &row) < 0 ? -1 : reader_get(r, row);
}

int act_binget(struct reader *r)
{
	const char *p;

	return reader_take(r, 1, &p) < 0 ? -1 : reader_get(r, (unsigned char)*p);
}

int act_long_binget(struct reader *r)
{
	const char *p;

	return reader_take(r, 4, &p) < 0 ? -1 : reader_get(r, read_u32(p));
}

/* ── numbers ─────────────────────────────────────────────────────────────────────────────────── */

int act_none(struct reader *r)
{
	return reader_push(r, value_none());
}

int act_true(struct reader *r)
{
	return reader_push(r, value_bool(true));
}

int act_false(struct reader *r)
{
	return reader_push(r, value_bool(false));
}

int act_binint(struct reader *r)
{
	const char *p;

	return reader_take(r, 4, &p) < 0 ? -1
	                                 : reader_push(r, value_of_small((int32_t)read_u32(p)));
}

int act_binint1(struct reader *r)
{
	const char *p;

	return reader_take(r, 1, &p) < 0 ? -1 : reader_push(r, value_of_small((unsigned char)*p));
}

int act_binint2(struct reader *r)
{
	uint64_t number;

	return take_number(r, 2, &number) < 0 ? -1
	                                      : reader_push(r, value_of_small((int64_t)number));
}

static int push_long(struct reader *r, size_t size)
{
	AUTO_BUF struct buf digits = { 0 };
	struct span octets = { .n = size };
	int64_t i;

	if (size > NUMBER_OCTETS_MAX)
		return reader_fail(r, "a number of %zu octets", size);
	if (reader_take(r, size, &octets.p) < 0)
		return -1;
	digits_of_octets(octets, &digits);
	/* Python 3 has no long; its larger numbers are written so */
	if (r->protocol >= 3 && digits_get_int(buf_span(&digits), &i))
		return reader_push(r, value_int(r->arena, i));
	return reader_push(r, value_long(r->arena, buf_span(&digits)));
}

int act_long1(struct reader *r)
{
	const char *p;

	return reader_take(r, 1, &p) < 0 ? -1 : push_long(r, (unsigned char)*p);
}

int act_long4(struct reader *r)
{
	const char *p;

	return reader_take(r, 4, &p) < 0 ? -1 : push_long(r, read_u32(p));
}

int act_binfloat(struct reader *r)
{
	uint64_t bits = 0;
	const char *p;
	double f;

	if (reader_take(r, 8, &p) < 0)
		return -1;
	for (unsigned i = 0; i < 8; i++) /* the highest first, unlike all others */
		bits = bits << 8 | (unsigned char)p[i];
	memcpy(&f, &bits, sizeof f);
	return reader_push(r, value_float(r->arena, f));
}

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

/* Its length stands in `width` octets before it, which is how struct value has it: no copy. */
static int push_string(struct reader *r, enum tag tag, size_t width)
{
	const char *begin = r->p, *p;
	uint64_t n;

	if (take_number(r, width, &n) < 0)
		return -1;
	if (n > (size_t)(r->end - r->p))
		return reader_fail(r, "of %llu octets, and the file has %zu more",
		                   (unsigned long long)n, (size_t)(r->end - r->p));
	if (reader_take(r, n, &p) < 0)
		return -1;
	if (tag_is_text(tag) && !text_is_wtf8((struct span){ p, n }))
		return reader_fail(r, "what should be UTF-8 is not");
	return reader_push(r, value_of(tag, begin));
}

int act_str1(struct reader *r)
{
	return push_string(r, TAG_STR1, 1);
}

int act_binstring(struct reader *r)
{
	if (r->end - r->p >= 4 && read_u32(r->p) > INT32_MAX)
		return reader_fail(r, "of a length below zero");
	return push_string(r, TAG_STR4, 4);
}

int act_str4(struct reader *r)
{
	return push_string(r, TAG_STR4, 4);
}

int act_str8(struct reader *r)
{
	return push_string(r, TAG_STR8, 8);
}

int act_text1(struct reader *r)
{
	return push_string(r, TAG_TEXT1, 1);
}

int act_text4(struct reader *r)
{
	return push_string(r, TAG_TEXT4, 4);
}

int act_text8(struct reader *r)
{
	return push_string(r, TAG_TEXT8, 8);
}
