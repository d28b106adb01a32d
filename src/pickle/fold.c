/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * fold -- what a pickle that breaks off had said so far.
 *
 * Its opcodes put things together after the things themselves, so that the stack holds what waits to
 * be put in. Behind a mark stand rows that are whole, but for the last: keys and values in turn where
 * a dict is below the mark. Where no mark is, as in protocol 0, each thing waits for the one below
 * it: a value for its list, a key and a value for their dict, a state for its instance.
 */

#include "pickle/reader.h"

static bool takes_state(struct value v, struct value state)
{
	const struct value_object *o = value_object(v);

	return o && value_is_absent(o->state) && value_tag(state) == TAG_DICT;
}

/* A list or dict is no key: where one stands, it waits for the value before it. */
static bool waits(struct value v)
{
	return value_tag(v) == TAG_LIST || value_tag(v) == TAG_DICT;
}

static void take_waiting(struct reader *r, struct value v, struct value waiting)
{
	if (takes_state(v, waiting))
		value_set_state(v, waiting);
	else if (value_tag(v) == TAG_LIST)
		(void)reader_add_rows(r, value_inside(v), &waiting, 1);
}

/* A key that has no value yet is dropped. */
static void fold_pairs(struct reader *r, struct pairs *to, const struct value *rows, size_t n)
{
	for (size_t i = 0; i + 1 < n;) {
		const struct value *pair = rows + i;

		for (i += 2; i < n && waits(rows[i]); i++)
			take_waiting(r, pair[1], rows[i]);
		(void)reader_add_pairs(r, to, pair, 2);
	}
}

/* The rows of a mark, into what stands below it. False if that can hold none. */
static bool fold_marked(struct reader *r, struct value below, struct value *rows, size_t n)
{
	if (value_tag(below) == TAG_DICT) {
		fold_pairs(r, value_inside(below), rows, n);
		return true;
	}
	if (value_tag(below) != TAG_LIST && value_tag(below) != TAG_SET)
		return false;
	(void)reader_add_rows(r, value_inside(below), rows, n);
	return true;
}

/* From the top down: each that can hold something takes what waits for it. */
static void fold_chain(struct reader *r)
{
	for (size_t at = r->n; at-- > 0;) {
		struct value v = r->stack[at], *above = r->stack + at + 1;
		size_t n = r->n - at - 1;

		if (value_tag(v) == TAG_DICT && n >= 1)
			fold_pairs(r, value_inside(v), above, n);
		else if (n && (value_tag(v) == TAG_LIST || takes_state(v, *above)))
			take_waiting(r, v, *above);
		else
			continue;
		r->n = at + 1;
	}
}

struct value reader_fold(struct reader *r)
{
	struct error *told = r->err, unused = { 0 };

	r->err = &unused; /* the damage has been told of */
	while (r->marks_n) {
		size_t mark = r->marks[--r->marks_n], n = r->n - mark;
		size_t below = r->marks_n ? r->marks[r->marks_n - 1] : 0;
		struct value *rows = r->stack + mark;
		struct rows *made;

		if (n >= 2 && takes_state(rows[n - 2], rows[n - 1])) {
			value_set_state(rows[n - 2], rows[n - 1]);
			r->n--;
			n--;
		}
		if (!n)
			continue;
		if (mark > below && fold_marked(r, rows[-1], rows, n)) {
			r->n = mark;
			continue;
		}
		made = rows_new(r->arena);
		(void)reader_add_rows(r, made, rows, n);
		*rows = value_of(TAG_TUPLE, made);
		r->n = mark + 1;
	}
	fold_chain(r);
	r->err = told;
	return r->n ? r->stack[0] : (struct value){ 0 };
}
