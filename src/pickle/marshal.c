/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * marshal -- Python's other format: each value is a type's octet and what belongs to it.
 *
 * Python 2 writes N F T i I l f g s t R u ( [ { and, in sets, < and >. Python 3 adds a bit to the
 * type of what it will refer to again, the reference `r`, and short forms for text and tuples.
 */

#include "pickle/read.h"

#include "base/attr.h"
#include "pickle/reader.h"

#include <stdarg.h>
#include <stdio.h>

#define FLAG_REF 0x80
#define OCTETS_MAX ((size_t)1 << 30)

struct marshal {
	struct value_arena *arena;
	const char *begin, *p, *end;
	const char *type;            /* where the value that is being read begins */
	struct value interned, refs; /* lists */
	size_t memory_max;
	unsigned depth, depth_max;
	bool is_3; /* something that only Python 3 writes was seen */
	struct error *err;
};

struct marshal_type {
	const char *name;
	/* *v is also what was read of it before a failure */
	int (*read)(struct marshal *m, struct value *v);
	bool is_3;
};
extern const struct marshal_type marshal_types[128];

static int fail(struct marshal *m, const char *format, ...) PRINTF_LIKE(2, 3);

static int fail(struct marshal *m, const char *format, ...)
{
	const char *name = m->type < m->end ? marshal_types[*m->type & 0x7f].name : NULL;
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(m->err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "octet %zu: marshal %s: %s", (size_t)(m->type - m->begin),
	                 name ? name : "type", text);
}

static int take(struct marshal *m, size_t n, const char **p)
{
	*p = m->p; /* also where it fails, so that compilers see it set */
	if ((size_t)(m->end - m->p) < n)
		return fail(m, "the file ends in it");
	m->p += n;
	return 0;
}

static int take_count(struct marshal *m, size_t width, size_t *n)
{
	const char *p;

	if (take(m, width, &p) < 0)
		return -1;
	*n = width == 1 ? (unsigned char)*p : read_u32(p);
	/* each row has at least one octet */
	if (*n > (size_t)(m->end - m->p))
		return fail(m, "of %zu, and the file has %zu more octets", *n,
		            (size_t)(m->end - m->p));
	return 0;
}

/* ── plain types ─────────────────────────────────────────────────────────────────────────────── */

static int read_none(struct marshal *m, struct value *v)
{
	*v = value_none();
	return 0;
}

static int read_true(struct marshal *m, struct value *v)
{
	*v = value_bool(true);
	return 0;
}

static int read_false(struct marshal *m, struct value *v)
{
	*v = value_bool(false);
	return 0;
}

static int read_int(struct marshal *m, struct value *v)
{
	const char *p;

	if (take(m, 4, &p) < 0)
		return -1;
	*v = value_of_small((int32_t)read_u32(p));
	return 0;
}

static int read_int64(struct marshal *m, struct value *v)
{
	const char *p;

	if (take(m, 8, &p) < 0)
		return -1;
	*v = value_int(m->arena, (int64_t)((uint64_t)read_u32(p + 4) << 32 | read_u32(p)));
	return 0;
}

/* Digits of 15 bits, the lowest first; their number has the sign. */
static int read_long(struct marshal *m, struct value *v)
{
	char octets[NUMBER_OCTETS_MAX] = { 0 };
	AUTO_BUF struct buf digits = { 0 };
	const char *p;
	uint32_t count, n;
	int64_t i;

	if (take(m, 4, &p) < 0)
		return -1;
	count = read_u32(p);
	n = count > INT32_MAX ? 0 - count : count;
	if (n > (sizeof octets - 1) * 8 / 15)
		return fail(m, "a number of %u digits of 15 bits", n);
	if (take(m, 2 * (size_t)n, &p) < 0)
		return -1;
	for (uint32_t bit = 0; bit < 15 * n; bit++)
		if ((unsigned char)p[bit / 15 * 2 + bit % 15 / 8] >> bit % 15 % 8 & 1)
			octets[bit / 8] |= (char)(1u << bit % 8);
	if (n != count)
		buf_add_char(&digits, '-');
	digits_of_octets((struct span){ octets, 15 * (size_t)n / 8 + 2 }, &digits);
	*v = m->is_3 && digits_get_int(buf_span(&digits), &i)
	             ? value_int(m->arena, i)
	             : value_long(m->arena, buf_span(&digits));
	return 0;
}

static int read_float_text(struct marshal *m, struct value *v)
{
	struct span text;
	double f;

	if (take_count(m, 1, &text.n) < 0 || take(m, text.n, &text.p) < 0)
		return -1;
	if (!text_get_float(text, &f))
		return fail(m, "not a number");
	*v = value_float(m->arena, f);
	return 0;
}

static int read_float(struct marshal *m, struct value *v)
{
	uint64_t bits;
	const char *p;
	double f;

	if (take(m, 8, &p) < 0)
		return -1;
	bits = (uint64_t)read_u32(p + 4) << 32 | read_u32(p);
	memcpy(&f, &bits, sizeof f);
	*v = value_float(m->arena, f);
	return 0;
}

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

/* The length stands in front of the octets, as struct value has it. */
static int read_string(struct marshal *m, enum tag tag, size_t width, struct value *v)
{
	const char *begin = m->p, *p;
	size_t n;

	if (take_count(m, width, &n) < 0 || take(m, n, &p) < 0)
		return -1;
	if (tag_is_text(tag) && !text_is_wtf8((struct span){ p, n }))
		return fail(m, "what should be UTF-8 is not");
	*v = value_of(tag, begin);
	return 0;
}

static int read_str(struct marshal *m, struct value *v)
{
	return read_string(m, TAG_STR4, 4, v);
}

static int read_text(struct marshal *m, struct value *v)
{
	return read_string(m, TAG_TEXT4, 4, v);
}

static int read_short_text(struct marshal *m, struct value *v)
{
	return read_string(m, TAG_TEXT1, 1, v);
}

/* In Python 2 a str that takes the next number of those that `R` refers to. */
static int read_interned(struct marshal *m, struct value *v)
{
	if (m->is_3)
		return read_text(m, v);
	if (read_str(m, v) < 0)
		return -1;
	value_add_item(m->arena, m->interned, *v);
	return 0;
}

static int read_reference(struct marshal *m, struct value from, struct value *v)
{
	const char *p;

	if (take(m, 4, &p) < 0)
		return -1;
	*v = value_item(from, read_u32(p));
	if (value_is_absent(*v))
		return fail(m, "to number %u, which is not there", read_u32(p));
	return 0;
}

static int read_interned_reference(struct marshal *m, struct value *v)
{
	return read_reference(m, m->interned, v);
}

static int read_any_reference(struct marshal *m, struct value *v)
{
	return read_reference(m, m->refs, v);
}

/* ── containers ──────────────────────────────────────────────────────────────────────────────── */

static int read_value(struct marshal *m, struct value *v);

/* References count from where a thing begins. */
static void note_reference(struct marshal *m, const char *type, struct value v, size_t *at)
{
	if (!(*type & FLAG_REF))
		return;
	*at = value_count(m->refs);
	value_add_item(m->arena, m->refs, v);
}

static int read_rows(struct marshal *m, enum tag tag, size_t width, struct value *v)
{
	size_t n, at;

	if (take_count(m, width, &n) < 0)
		return -1;
	*v = value_of(tag, rows_new(m->arena));
	note_reference(m, m->type, *v, &at);
	for (size_t i = 0; i < n; i++) {
		struct value row = { 0 };
		int result = read_value(m, &row);

		if (!value_is_absent(row))
			value_add_item(m->arena, *v, row);
		if (result < 0)
			return -1;
		if (value_is_absent(row))
			return fail(m, "the end of a dict stands in it");
	}
	return 0;
}

static int read_tuple(struct marshal *m, struct value *v)
{
	return read_rows(m, TAG_TUPLE, 4, v);
}

static int read_short_tuple(struct marshal *m, struct value *v)
{
	return read_rows(m, TAG_TUPLE, 1, v);
}

static int read_list(struct marshal *m, struct value *v)
{
	return read_rows(m, TAG_LIST, 4, v);
}

static int read_set(struct marshal *m, struct value *v)
{
	return read_rows(m, TAG_SET, 4, v);
}

static int read_frozenset(struct marshal *m, struct value *v)
{
	return read_rows(m, TAG_FROZENSET, 4, v);
}

static int read_dict(struct marshal *m, struct value *v)
{
	size_t at;

	*v = value_new_dict(m->arena);
	note_reference(m, m->type, *v, &at);
	for (;;) {
		struct value key = { 0 }, value = { 0 };
		int result;

		if (read_value(m, &key) < 0)
			return -1;
		if (value_is_absent(key))
			return 0;
		result = read_value(m, &value);
		if (!value_is_absent(value))
			pairs_add(m->arena, value_inside(*v), key, value);
		if (result < 0)
			return -1;
		if (value_is_absent(value))
			return fail(m, "the dict ends behind a key");
	}
}

/* Absent: what ends a dict. */
static int read_null(struct marshal *m, struct value *v)
{
	return 0;
}

/* clang-format off */
const struct marshal_type marshal_types[128] = {
	['0'] = { "end of a dict", read_null, false },
	['N'] = { "None", read_none, false },
	['T'] = { "True", read_true, false },
	['F'] = { "False", read_false, false },
	['i'] = { "int", read_int, false },
	['I'] = { "int of 64 bits", read_int64, false },
	['l'] = { "long", read_long, false },
	['f'] = { "float as text", read_float_text, false },
	['g'] = { "float", read_float, false },
	['s'] = { "str", read_str, false },
	['t'] = { "interned str", read_interned, false },
	['R'] = { "reference to an interned str", read_interned_reference, false },
	['u'] = { "unicode", read_text, false },
	['('] = { "tuple", read_tuple, false },
	['['] = { "list", read_list, false },
	['{'] = { "dict", read_dict, false },
	['<'] = { "set", read_set, false },
	['>'] = { "frozenset", read_frozenset, false },
	['a'] = { "ASCII text", read_text, true },
	['A'] = { "interned ASCII text", read_text, true },
	['z'] = { "short ASCII text", read_short_text, true },
	['Z'] = { "short interned ASCII text", read_short_text, true },
	[')'] = { "small tuple", read_short_tuple, true },
	['r'] = { "reference", read_any_reference, true },
};
/* clang-format on */

static int read_value(struct marshal *m, struct value *v)
{
	const struct marshal_type *type;
	const char *begin = m->p, *outer = m->type;
	size_t at = SIZE_MAX;
	int result;

	m->type = begin;
	if (m->p == m->end)
		return fail(m, "the file ends where a value should stand");
	type = &marshal_types[*m->p++ & 0x7f];
	if (!type->read)
		return fail(m, "\\x%02x is no type of plain values", (unsigned char)*begin);
	if (m->depth == m->depth_max)
		return fail(m, "more than %u things are inside one another", m->depth_max);
	if (m->arena->size > m->memory_max)
		return fail(m, "the values would take more than %zu octets of memory",
		            m->memory_max);
	m->is_3 |= type->is_3 || (*begin & FLAG_REF);
	m->depth++;
	result = type->read(m, v);
	m->depth--;
	if (result < 0)
		return -1;
	if (!tag_has_inside(value_tag(*v)) && !value_is_absent(*v))
		note_reference(m, begin, *v, &at);
	m->type = outer;
	return 0;
}

int marshal_read(struct value_arena *arena, struct span octets, size_t *at,
                 const struct read_limits *limits, struct value *value, struct error *err)
{
	limits = read_limits_of(limits);

	struct marshal m = {
		.arena = arena,
		.begin = octets.p,
		.p = octets.p + *at,
		.end = octets.p + octets.n,
		.interned = value_new_items(arena, VALUE_LIST),
		.refs = value_new_items(arena, VALUE_LIST),
		.memory_max = arena->size + read_memory_max(limits, octets.n),
		.depth_max = limits->depth ? limits->depth : VALUE_DEPTH_MAX,
		.err = err,
	};
	int result;

	*value = (struct value){ 0 };
	m.type = m.p;
	if (octets.n > (limits->octets ? limits->octets : OCTETS_MAX) || octets.n > OCTETS_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "the file has %zu octets, which is more than may be read",
		                 octets.n);
	result = read_value(&m, value);
	if (result == 0 && value_is_absent(*value))
		result = fail(&m, "it stands for no value");
	*at = (size_t)((result < 0 ? m.type : m.p) - octets.p);
	return result;
}
