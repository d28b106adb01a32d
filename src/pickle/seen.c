/* SPDX-License-Identifier: BSD-2-Clause */
#include "pickle/writer.h"

#include "base/memory.h"
#include "pickle/represent.h"

#include <stdlib.h>

void seen_fini(struct seen_table *t)
{
	free(t->rows);
}

static struct seen *find_row(const struct seen_table *t, struct value v)
{
	size_t at = (v.word * 0x9E3779B97F4A7C15u) >> 20;

	for (;; at++) {
		struct seen *row = &t->rows[at & (t->room - 1)];

		if (value_is_absent(row->value) || value_same(row->value, v))
			return row;
	}
}

struct seen *seen_find(const struct seen_table *t, struct value v)
{
	struct seen *row = t->room ? find_row(t, v) : NULL;

	return row && !value_is_absent(row->value) ? row : NULL;
}

bool seen_is_put(const struct seen_table *t, struct value v)
{
	const struct seen *row = seen_find(t, v);

	return row && row->memo;
}

static void grow(struct seen_table *t)
{
	struct seen_table larger = { .n = t->n, .room = t->room ? 2 * t->room : 256 };

	larger.rows = xcalloc(larger.room, sizeof *larger.rows);
	for (size_t i = 0; i < t->room; i++)
		if (!value_is_absent(t->rows[i].value))
			*find_row(&larger, t->rows[i].value) = t->rows[i];
	free(t->rows);
	*t = larger;
}

/* True the first time. While it is open, what is inside it is counted. */
static bool note(struct seen_table *t, struct value v)
{
	struct seen *row;

	if (2 * t->n >= t->room)
		grow(t);
	row = find_row(t, v);
	if (!value_is_absent(row->value)) {
		row->times = 2;
		t->has_loop |= row->is_open;
		return false;
	}
	*row = (struct seen){ .value = v, .times = 1, .is_open = true };
	t->n++;
	return true;
}

static int count(struct seen_table *t, struct value v, unsigned depth, struct error *err);

static int count_object(struct seen_table *t, const struct value_object *o, unsigned depth,
                        struct error *err)
{
	const struct value parts[] = {
		o->class, o->args, o->keywords, o->state, o->items, o->pairs
	};

	for (size_t i = 0; i < ROWS(parts); i++)
		if (count(t, parts[i], depth, err) < 0)
			return -1;
	return 0;
}

static int count_inside(struct seen_table *t, struct value v, unsigned depth, struct error *err)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(v, &pairs);

	for (size_t i = 0; i < value_count(v); i++)
		if (count(t, value_item(v, i), depth, err) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (count(t, pairs[i].key, depth, err) < 0 ||
		    count(t, pairs[i].value, depth, err) < 0)
			return -1;
	return value_object(v) ? count_object(t, value_object(v), depth, err) : 0;
}

static int count(struct seen_table *t, struct value v, unsigned depth, struct error *err)
{
	if (!tag_is_chars(value_tag(v)) && value_tag(v) < TAG_TUPLE)
		return 0;
	if (!note(t, v))
		return 0;
	if (depth > VALUE_DEPTH_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "more than %u things are inside one another", VALUE_DEPTH_MAX);
	if (count_inside(t, v, depth + 1, err) < 0)
		return -1;
	find_row(t, v)->is_open = false;
	return 0;
}

int seen_count(struct seen_table *t, struct value v, struct error *err)
{
	return count(t, v, 0, err);
}
