/* SPDX-License-Identifier: BSD-2-Clause */
#include "pickle/value.h"

#include "base/cleanup.h"
#include "pickle/arena.h"
#include "pickle/represent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const enum value_kind tag_kinds[] = {
	[TAG_ABSENT] = VALUE_ABSENT,
	[TAG_NONE] = VALUE_NONE,
	[TAG_BOOL] = VALUE_BOOL,
	[TAG_INT] = VALUE_INT,
	[TAG_INT_FAR] = VALUE_INT,
	[TAG_LONG] = VALUE_LONG,
	[TAG_FLOAT] = VALUE_FLOAT,
	[TAG_STR1] = VALUE_STR,
	[TAG_STR4] = VALUE_STR,
	[TAG_STR8] = VALUE_STR,
	[TAG_TEXT1] = VALUE_TEXT,
	[TAG_TEXT4] = VALUE_TEXT,
	[TAG_TEXT8] = VALUE_TEXT,
	[TAG_TUPLE] = VALUE_TUPLE,
	[TAG_LIST] = VALUE_LIST,
	[TAG_SET] = VALUE_SET,
	[TAG_FROZENSET] = VALUE_FROZENSET,
	[TAG_DICT] = VALUE_DICT,
	[TAG_GLOBAL] = VALUE_GLOBAL,
	[TAG_INSTANCE] = VALUE_INSTANCE,
	[TAG_CALL] = VALUE_CALL,
};

enum value_kind value_kind(struct value v)
{
	return tag_kinds[value_tag(v)];
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[] = {
		[VALUE_ABSENT] = "nothing",    [VALUE_NONE] = "None",
		[VALUE_BOOL] = "bool",         [VALUE_INT] = "int",
		[VALUE_LONG] = "long",         [VALUE_FLOAT] = "float",
		[VALUE_STR] = "str",           [VALUE_TEXT] = "unicode",
		[VALUE_TUPLE] = "tuple",       [VALUE_LIST] = "list",
		[VALUE_SET] = "set",           [VALUE_FROZENSET] = "frozenset",
		[VALUE_DICT] = "dict",         [VALUE_GLOBAL] = "class",
		[VALUE_INSTANCE] = "instance", [VALUE_CALL] = "call",
	};

	return names[kind];
}

/* ── plain values ────────────────────────────────────────────────────────────────────────────── */

bool value_get_bool(struct value v, bool *out)
{
	if (value_tag(v) != TAG_BOOL)
		return false;
	*out = value_small(v) != 0;
	return true;
}

bool value_get_int(struct value v, int64_t *out)
{
	enum tag tag = value_tag(v);

	if (tag == TAG_INT || tag == TAG_BOOL)
		*out = value_small(v);
	else if (tag == TAG_INT_FAR)
		memcpy(out, value_inside(v), sizeof *out);
	else
		return false;
	return true;
}

bool value_get_number(struct value v, double *out)
{
	struct span digits;
	int64_t i;

	if (value_get_int(v, &i)) {
		*out = (double)i;
	} else if (value_tag(v) == TAG_FLOAT) {
		*out = value_double(v);
	} else if (value_get_digits(v, &digits)) {
		AUTO_FREE char *text = span_dup(digits);

		*out = strtod(text, NULL);
	} else {
		return false;
	}
	return true;
}

static bool get_string(struct value v, bool fits, struct span *out)
{
	if (fits)
		*out = tag_span(value_tag(v), value_inside(v));
	return fits;
}

bool value_get_str(struct value v, struct span *out)
{
	return get_string(v, tag_is_str(value_tag(v)), out);
}

bool value_get_text(struct value v, struct span *out)
{
	return get_string(v, tag_is_text(value_tag(v)), out);
}

bool value_get_chars(struct value v, struct span *out)
{
	return get_string(v, tag_is_chars(value_tag(v)), out);
}

bool value_get_digits(struct value v, struct span *out)
{
	return get_string(v, value_tag(v) == TAG_LONG, out);
}

struct value value_none(void)
{
	return value_of(TAG_NONE, NULL);
}

struct value value_bool(bool b)
{
	return (struct value){ (uint64_t)TAG_BOOL << WORD_BITS | b };
}

struct value value_int(struct value_arena *arena, int64_t i)
{
	struct value v = value_of_small(i);
	int64_t *far;

	if (value_small(v) == i)
		return v;
	far = arena_take(arena, sizeof *far);
	*far = i;
	return value_of(TAG_INT_FAR, far);
}

struct value value_float(struct value_arena *arena, double f)
{
	double *p = arena_take(arena, sizeof *p);

	*p = f;
	return value_of(TAG_FLOAT, p);
}

char *value_string_room(struct value_arena *arena, enum tag tag4, size_t n, struct value *v)
{
	char *p = arena_take_octets(arena, 4 + n);

	for (unsigned i = 0; i < 4; i++)
		p[i] = (char)(unsigned char)(n >> (8 * i));
	*v = value_of(tag4, p);
	return p + 4;
}

static struct value new_string(struct value_arena *arena, enum tag tag4, struct span s)
{
	struct value v;
	char *p = value_string_room(arena, tag4, s.n, &v);

	if (s.n)
		memcpy(p, s.p, s.n);
	return v;
}

struct value value_long(struct value_arena *arena, struct span digits)
{
	bool minus = digits.n && digits.p[0] == '-';
	AUTO_BUF struct buf text = { 0 };

	/* one form for each number */
	if (minus || (digits.n && digits.p[0] == '+'))
		digits = span_from(digits, 1);
	while (digits.n > 1 && digits.p[0] == '0')
		digits = span_from(digits, 1);
	if (minus && !span_is(digits, "0"))
		buf_add_char(&text, '-');
	buf_add_span(&text, digits);
	return new_string(arena, TAG_LONG, buf_span(&text));
}

struct value value_str(struct value_arena *arena, struct span octets)
{
	return new_string(arena, TAG_STR4, octets);
}

struct value value_text(struct value_arena *arena, struct span utf8)
{
	return new_string(arena, TAG_TEXT4, utf8);
}

/* ── rows ────────────────────────────────────────────────────────────────────────────────────── */

struct rows *rows_new(struct value_arena *arena)
{
	struct rows *r = arena_take(arena, sizeof *r);

	*r = (struct rows){ .inside.height = 1 };
	return r;
}

static struct rows *get_rows(struct value v)
{
	return tag_is_items(value_tag(v)) ? value_inside(v) : NULL;
}

size_t value_count(struct value v)
{
	const struct rows *r = get_rows(v);

	return r ? r->n : 0;
}

struct value value_item(struct value v, size_t at)
{
	const struct rows *r = get_rows(v);

	return r && at < r->n ? r->rows[at] : (struct value){ 0 };
}

struct value value_new_items(struct value_arena *arena, enum value_kind kind)
{
	enum tag tag = kind == VALUE_TUPLE       ? TAG_TUPLE
	               : kind == VALUE_SET       ? TAG_SET
	               : kind == VALUE_FROZENSET ? TAG_FROZENSET
	                                         : TAG_LIST;

	return value_of(tag, rows_new(arena));
}

void value_add_item(struct value_arena *arena, struct value items, struct value row)
{
	struct rows *r = get_rows(items);

	if (!r)
		return;
	if (r->n == r->room)
		r->rows = arena_grow_rows(arena, r->rows, r->n, &r->room, (size_t)r->n + 1,
		                          sizeof *r->rows);
	r->rows[r->n++] = row;
}

void value_set_item(struct value items, size_t at, struct value row)
{
	struct rows *r = get_rows(items);

	if (r && at < r->n)
		r->rows[at] = row;
}

void value_remove_item(struct value items, size_t at)
{
	struct rows *r = get_rows(items);

	if (!r || at >= r->n)
		return;
	r->n--;
	memmove(r->rows + at, r->rows + at + 1, (r->n - at) * sizeof *r->rows);
}

/* ── objects ─────────────────────────────────────────────────────────────────────────────────── */

struct value value_global(struct value_arena *arena, struct span module, struct span name)
{
	struct named *g = arena_take(arena, sizeof *g);

	g->module = value_arena_keep(arena, module);
	g->name = value_arena_keep(arena, name);
	return value_of(TAG_GLOBAL, g);
}

struct object *object_new(struct value_arena *arena)
{
	struct object *o = arena_take(arena, sizeof *o);

	*o = (struct object){ .inside.height = 1 };
	return o;
}

struct value value_new_object(struct value_arena *arena, enum value_kind kind,
                              const struct value_object *is)
{
	struct object *o = object_new(arena);

	o->is = *is;
	return value_of(kind == VALUE_CALL ? TAG_CALL : TAG_INSTANCE, o);
}

static struct object *get_object(struct value v)
{
	enum tag tag = value_tag(v);

	return tag == TAG_INSTANCE || tag == TAG_CALL ? value_inside(v) : NULL;
}

const struct value_object *value_object(struct value v)
{
	const struct object *o = get_object(v);

	return o ? &o->is : NULL;
}

void value_set_state(struct value object, struct value state)
{
	struct object *o = get_object(object);

	if (o)
		o->is.state = state;
}

bool value_get_class(struct value v, struct span *module, struct span *name)
{
	const struct value_object *o = value_object(v);
	struct value class = o ? o->class : v;
	const struct named *g;

	if (value_tag(class) != TAG_GLOBAL)
		return false;
	g = value_inside(class);
	*module = g->module;
	*name = g->name;
	return true;
}

bool value_is_instance(struct value v, const char *class_name)
{
	struct span module, name;

	return value_tag(v) == TAG_INSTANCE && value_get_class(v, &module, &name) &&
	       span_is(name, class_name);
}

struct value value_attribute(struct value v, struct span name)
{
	const struct value_object *o = value_object(v);

	return o ? value_dict_find(o->state, name) : (struct value){ 0 };
}
