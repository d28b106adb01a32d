/* SPDX-License-Identifier: BSD-2-Clause */

/* file -- all that one file of Mailman holds. */

#include "pickle/read.h"

#include "base/memory.h"
#include "pickle/reader.h"

#include <stdlib.h>

#define MARSHAL_DICT '{' /* no opcode of pickle */

void value_file_fini(struct value_file *f)
{
	value_arena_free(f->arena);
	free(f->rows);
	buf_fini(&f->octets);
	*f = (struct value_file){ 0 };
}

/* The memory is that of the whole file. */
static struct read_limits limits_left(const struct value_file *f, const struct read_limits *limits)
{
	struct read_limits left = *read_limits_of(limits);
	size_t taken = value_arena_size(f->arena);

	left.memory = read_memory_max(&left, f->octets.n);
	left.memory = left.memory > taken ? left.memory - taken : 1;
	return left;
}

static int read_row(struct value_file *f, size_t *at, const struct read_limits *limits,
                    struct error *err)
{
	struct span octets = buf_span(&f->octets);
	struct read_limits left = limits_left(f, limits);
	struct value value = { 0 };
	int result = f->is_marshal ? marshal_read(f->arena, octets, at, &left, &value, err)
	                           : pickle_read(f->arena, octets, at, &left, &value, err);

	if (!value_is_absent(value)) {
		ARRAY_GROW(f->rows, f->n, f->room);
		f->rows[f->n++] = value;
		f->is_torn = result < 0;
	}
	return result;
}

int value_file_read(struct value_file *f, struct buf *octets, const struct read_limits *limits,
                    struct error *err)
{
	size_t at = 0;

	*f = (struct value_file){ .arena = value_arena_new(), .octets = *octets };
	*octets = (struct buf){ 0 };
	if (!f->octets.n)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "it is empty");
	/* Python 3 sets the highest bit of what it refers to again */
	f->is_marshal = (f->octets.p[0] & 0x7f) == MARSHAL_DICT;
	while (at < f->octets.n) {
		if (read_row(f, &at, limits, err) < 0)
			return -1;
		if (f->is_marshal && at < f->octets.n)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
			                 "octet %zu: there is more behind the end of the dict", at);
	}
	return 0;
}

/* Absent: it is no pickle, or a damaged one. */
static struct value open_one(struct value_arena *arena, struct value v,
                             const struct read_limits *limits)
{
	struct error unused = { 0 };
	struct value held, args;
	struct value_object call = { .made = VALUE_MADE_CALLED };
	struct span octets;
	size_t at = 0;

	if (!value_get_str(v, &octets) || octets.n < 2 || octets.p[octets.n - 1] != '.' ||
	    pickle_read(arena, octets, &at, limits, &held, &unused) < 0 || at != octets.n)
		return (struct value){ 0 };
	args = value_new_items(arena, VALUE_TUPLE);
	value_add_item(arena, args, held);
	call.class = value_global(arena, SPAN("pickle"), SPAN("loads"));
	call.args = args;
	return value_new_object(arena, VALUE_CALL, &call);
}

size_t value_file_open_nested(struct value_file *f, const struct read_limits *limits)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct pairs *d = value_inside(f->rows[i]);

		if (value_kind(f->rows[i]) != VALUE_DICT)
			continue;
		for (size_t at = 0; at < d->n; at++) {
			struct read_limits left = limits_left(f, limits);
			struct value held = open_one(f->arena, d->rows[at].value, &left);

			if (value_is_absent(held))
				continue;
			d->rows[at].value = held;
			n++;
		}
	}
	return n;
}
