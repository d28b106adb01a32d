/* SPDX-License-Identifier: BSD-2-Clause */

/* opcodes_inside -- tuples, lists, sets, dicts, and what is put into them. */

#include "pickle/reader.h"

int reader_raise_height(struct reader *r, struct inside *inside, const struct inside *child)
{
	if (child->height >= inside->height)
		inside->height = child->height + 1;
	if (inside->height > r->depth_max)
		return reader_fail(r, "more than %u things are inside one another", r->depth_max);
	return 0;
}

int reader_add_rows(struct reader *r, struct rows *to, const struct value *rows, size_t n)
{
	if (to->n + n > to->room)
		to->rows = arena_grow_rows(r->arena, to->rows, to->n, &to->room, to->n + n,
		                           sizeof *rows);
	for (size_t i = 0; i < n; i++) {
		if (reader_raise(r, &to->inside, rows[i]) < 0)
			return -1;
		to->rows[to->n++] = rows[i];
	}
	return reader_check_memory(r);
}

/* `rows` are keys and values in turn. */
int reader_add_pairs(struct reader *r, struct pairs *to, const struct value *rows, size_t n)
{
	if (n % 2)
		return reader_fail(r, "a key without a value");
	if (to->n + n / 2 > to->room)
		to->rows = arena_grow_rows(r->arena, to->rows, to->n, &to->room, to->n + n / 2,
		                           sizeof *to->rows);
	for (size_t i = 0; i < n; i += 2) {
		if (reader_raise(r, &to->inside, rows[i]) < 0 ||
		    reader_raise(r, &to->inside, rows[i + 1]) < 0)
			return -1;
		to->rows[to->n++] = (struct value_pair){ rows[i], rows[i + 1] };
	}
	return reader_check_memory(r);
}

int reader_push_rows(struct reader *r, enum tag tag, const struct value *rows, size_t n)
{
	struct rows *made = rows_new(r->arena);

	if (n && reader_add_rows(r, made, rows, n) < 0)
		return -1;
	return reader_push(r, value_of(tag, made));
}

/* ── making ──────────────────────────────────────────────────────────────────────────────────── */

static int push_empty(struct reader *r, enum tag tag)
{
	struct value v = tag == TAG_DICT ? value_new_dict(r->arena)
	                                 : value_of(tag, rows_new(r->arena));

	return reader_check_memory(r) < 0 ? -1 : reader_push(r, v);
}

int act_empty_list(struct reader *r)
{
	return push_empty(r, TAG_LIST);
}

int act_empty_dict(struct reader *r)
{
	return push_empty(r, TAG_DICT);
}

int act_empty_tuple(struct reader *r)
{
	return push_empty(r, TAG_TUPLE);
}

int act_empty_set(struct reader *r)
{
	return push_empty(r, TAG_SET);
}

static int push_marked(struct reader *r, enum tag tag)
{
	struct value *rows;
	size_t n;

	return reader_pop_mark(r, &rows, &n) < 0 ? -1 : reader_push_rows(r, tag, rows, n);
}

int act_list(struct reader *r)
{
	return push_marked(r, TAG_LIST);
}

int act_tuple(struct reader *r)
{
	return push_marked(r, TAG_TUPLE);
}

int act_frozenset(struct reader *r)
{
	return push_marked(r, TAG_FROZENSET);
}

int act_dict(struct reader *r)
{
	struct value *rows, v;
	size_t n;

	if (reader_pop_mark(r, &rows, &n) < 0)
		return -1;
	v = value_new_dict(r->arena);
	if (reader_add_pairs(r, value_inside(v), rows, n) < 0)
		return -1;
	return reader_push(r, v);
}

static int push_tuple(struct reader *r, size_t n)
{
	if (reader_above(r) < n)
		return reader_fail(r, "nothing is on the stack for it");
	r->n -= n;
	return reader_push_rows(r, TAG_TUPLE, r->stack + r->n, n);
}

int act_tuple1(struct reader *r)
{
	return push_tuple(r, 1);
}

int act_tuple2(struct reader *r)
{
	return push_tuple(r, 2);
}

int act_tuple3(struct reader *r)
{
	return push_tuple(r, 3);
}

/* ── putting in ──────────────────────────────────────────────────────────────────────────────── */

static int append(struct reader *r, struct value to, const struct value *rows, size_t n)
{
	struct object *o;

	if (value_tag(to) == TAG_LIST)
		return reader_add_rows(r, value_inside(to), rows, n);
	if (value_tag(to) != TAG_INSTANCE && value_tag(to) != TAG_CALL)
		return reader_fail(r, "to a %s", value_kind_name(value_kind(to)));
	/* of a class that is a kind of list */
	o = value_inside(to);
	if (value_is_absent(o->is.items))
		o->is.items = value_new_items(r->arena, VALUE_LIST);
	return reader_add_rows(r, value_inside(o->is.items), rows, n) < 0
	               ? -1
	               : reader_raise(r, &o->inside, o->is.items);
}

static int set_items(struct reader *r, struct value to, const struct value *rows, size_t n)
{
	struct object *o;

	if (value_tag(to) == TAG_DICT)
		return reader_add_pairs(r, value_inside(to), rows, n);
	if (value_tag(to) != TAG_INSTANCE && value_tag(to) != TAG_CALL)
		return reader_fail(r, "of a %s", value_kind_name(value_kind(to)));
	o = value_inside(to);
	if (value_is_absent(o->is.pairs))
		o->is.pairs = value_new_dict(r->arena);
	return reader_add_pairs(r, value_inside(o->is.pairs), rows, n) < 0
	               ? -1
	               : reader_raise(r, &o->inside, o->is.pairs);
}

int act_append(struct reader *r)
{
	struct value row, *top;

	if (reader_pop(r, &row) < 0 || reader_top(r, &top) < 0)
		return -1;
	return append(r, *top, &row, 1);
}

int act_appends(struct reader *r)
{
	struct value *rows, *top;
	size_t n;

	if (reader_pop_mark(r, &rows, &n) < 0 || reader_top(r, &top) < 0)
		return -1;
	return append(r, *top, rows, n);
}

int act_setitem(struct reader *r)
{
	struct value *top;

	if (reader_above(r) < 3)
		return reader_fail(r, "nothing is on the stack for it");
	r->n -= 2;
	if (reader_top(r, &top) < 0)
		return -1;
	return set_items(r, *top, r->stack + r->n, 2);
}

int act_setitems(struct reader *r)
{
	struct value *rows, *top;
	size_t n;

	if (reader_pop_mark(r, &rows, &n) < 0 || reader_top(r, &top) < 0)
		return -1;
	return set_items(r, *top, rows, n);
}

int act_additems(struct reader *r)
{
	struct value *rows, *top;
	size_t n;

	if (reader_pop_mark(r, &rows, &n) < 0 || reader_top(r, &top) < 0)
		return -1;
	if (value_tag(*top) != TAG_SET)
		return reader_fail(r, "to a %s", value_kind_name(value_kind(*top)));
	return reader_add_rows(r, value_inside(*top), rows, n);
}
