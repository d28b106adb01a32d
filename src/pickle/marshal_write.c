/* SPDX-License-Identifier: BSD-2-Clause */

#include "pickle/write.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "pickle/represent.h"

#include <stdlib.h>

#define OCTETS_MAX ((size_t)1 << 30)

struct marshaller {
	struct buf *out;
	struct value_walk walk;
	size_t max; /* octets of *out */
	struct error *err;
};

static int write_value(struct marshaller *m, struct value v);

static int fail(struct marshaller *m, const char *words)
{
	return error_set(m->err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
	                 "can't be written as marshal: %s", words);
}

static void add_number(struct buf *out, uint64_t n, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		buf_add_char(out, (char)(unsigned char)(n >> (8 * i)));
}

static void write_int(struct marshaller *m, int64_t i)
{
	bool wide = i < INT32_MIN || i > INT32_MAX;

	buf_add_char(m->out, wide ? 'I' : 'i');
	add_number(m->out, (uint64_t)i, wide ? 8 : 4);
}

/* Decimal digits into digits of 15 bits, the lowest first. */
static void write_long(struct marshaller *m, struct span digits)
{
	bool minus = digits.n && *digits.p == '-';
	AUTO_FREE uint16_t *parts = xcalloc(digits.n / 4 + 1, sizeof *parts);
	uint32_t n = 0;

	for (size_t i = minus; i < digits.n; i++) {
		uint32_t carry = (uint32_t)(digits.p[i] - '0');

		for (uint32_t at = 0; at < n; at++) {
			carry += 10u * parts[at];
			parts[at] = carry & 0x7fff;
			carry >>= 15;
		}
		if (carry)
			parts[n++] = (uint16_t)carry;
	}
	buf_add_char(m->out, 'l');
	add_number(m->out, minus ? 0 - n : n, 4);
	for (uint32_t at = 0; at < n; at++)
		add_number(m->out, parts[at], 2);
}

static void write_chars(struct marshaller *m, char type, struct span s)
{
	buf_add_char(m->out, type);
	add_number(m->out, s.n, 4);
	buf_add_span(m->out, s);
}

static int write_rows(struct marshaller *m, char type, struct value v)
{
	buf_add_char(m->out, type);
	add_number(m->out, value_count(v), 4);
	for (size_t i = 0; i < value_count(v); i++)
		if (write_value(m, value_item(v, i)) < 0)
			return -1;
	return 0;
}

static int write_dict(struct marshaller *m, struct value v)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(v, &pairs);

	buf_add_char(m->out, '{');
	for (size_t i = 0; i < n; i++)
		if (write_value(m, pairs[i].key) < 0 || write_value(m, pairs[i].value) < 0)
			return -1;
	buf_add_char(m->out, '0');
	return 0;
}

static int write_inside(struct marshaller *m, struct value v)
{
	struct span s = { 0 };
	int64_t i = 0;
	uint64_t bits;

	switch (value_kind(v)) {
	case VALUE_ABSENT:
	case VALUE_NONE:
		buf_add_char(m->out, 'N');
		return 0;
	case VALUE_BOOL:
		buf_add_char(m->out, value_small(v) ? 'T' : 'F');
		return 0;
	case VALUE_INT:
		value_get_int(v, &i);
		write_int(m, i);
		return 0;
	case VALUE_LONG:
		value_get_digits(v, &s);
		write_long(m, s);
		return 0;
	case VALUE_FLOAT:
		memcpy(&bits, value_inside(v), sizeof bits);
		buf_add_char(m->out, 'g');
		add_number(m->out, bits, 8);
		return 0;
	case VALUE_STR:
	case VALUE_TEXT:
		value_get_chars(v, &s);
		write_chars(m, value_kind(v) == VALUE_STR ? 's' : 'u', s);
		return 0;
	case VALUE_TUPLE:
		return write_rows(m, '(', v);
	case VALUE_LIST:
		return write_rows(m, '[', v);
	case VALUE_SET:
		return write_rows(m, '<', v);
	case VALUE_FROZENSET:
		return write_rows(m, '>', v);
	case VALUE_DICT:
		return write_dict(m, v);
	case VALUE_GLOBAL:
	case VALUE_INSTANCE:
	case VALUE_CALL:
		break;
	}
	return fail(m, "it holds a class or an instance");
}

static int write_value(struct marshaller *m, struct value v)
{
	int result;

	if (m->out->n > m->max)
		return fail(m, "what it shares with itself expands to too much");
	switch (value_enter(&m->walk, v)) {
	case VALUE_STEP_IN:
		break;
	case VALUE_STEP_AGAIN:
		return fail(m, "something holds itself");
	case VALUE_STEP_DEEP:
		return fail(m, "too many things are inside one another");
	case VALUE_STEP_MANY:
		return fail(m, "what it shares with itself expands to too much");
	}
	result = write_inside(m, v);
	value_leave(&m->walk, v);
	return result;
}

int marshal_write(struct value v, struct buf *out, struct error *err)
{
	struct marshaller m = {
		.out = out, .walk.left = UINT64_MAX, .max = out->n + OCTETS_MAX, .err = err
	};
	size_t before = out->n;

	if (write_value(&m, v) == 0)
		return 0;
	out->n = before;
	return -1;
}
