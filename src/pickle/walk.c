/* SPDX-License-Identifier: BSD-2-Clause */

/* walk -- going through values that a hostile file may have tied together. */

#include "pickle/value.h"

#include "pickle/represent.h"

#include <string.h>

#define EQUAL_VALUES_MAX 20000000u

enum value_step value_enter(struct value_walk *walk, struct value v)
{
	struct inside *inside;

	if (!walk->left)
		return VALUE_STEP_MANY;
	walk->left--;
	if (!tag_has_inside(value_tag(v)))
		return VALUE_STEP_IN;
	inside = value_inside(v);
	if (inside->walked)
		return VALUE_STEP_AGAIN;
	if (walk->depth == VALUE_DEPTH_MAX)
		return VALUE_STEP_DEEP;
	walk->depth++;
	inside->walked = 1;
	return VALUE_STEP_IN;
}

void value_leave(struct value_walk *walk, struct value v)
{
	struct inside *inside;

	if (!tag_has_inside(value_tag(v)))
		return;
	inside = value_inside(v);
	inside->walked = 0;
	walk->depth--;
}

/* ── equality ────────────────────────────────────────────────────────────────────────────────── */

struct comparison {
	uint64_t left;
	unsigned depth;
};

static bool equal(struct comparison *c, struct value a, struct value b);

static bool rows_equal(struct comparison *c, struct value a, struct value b)
{
	if (value_count(a) != value_count(b))
		return false;
	for (size_t i = 0; i < value_count(a); i++)
		if (!equal(c, value_item(a, i), value_item(b, i)))
			return false;
	return true;
}

static bool set_holds(struct comparison *c, struct value set, struct value row, size_t guess)
{
	if (equal(c, value_item(set, guess), row))
		return true;
	for (size_t i = 0; i < value_count(set); i++)
		if (c->left && equal(c, value_item(set, i), row))
			return true;
	return false;
}

static bool sets_equal(struct comparison *c, struct value a, struct value b)
{
	if (value_count(a) != value_count(b))
		return false;
	for (size_t i = 0; i < value_count(a); i++)
		if (!set_holds(c, b, value_item(a, i), i))
			return false;
	return true;
}

static bool dicts_equal(struct comparison *c, struct value a, struct value b)
{
	const struct value_pair *x, *y;
	size_t n, m;

	value_dict_settle(a);
	value_dict_settle(b);
	n = value_dict_pairs(a, &x);
	m = value_dict_pairs(b, &y);
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++) {
		/* mostly in the same order */
		bool same_place = equal(c, x[i].key, y[i].key);
		struct value other = same_place ? y[i].value : value_dict_find_key(b, x[i].key);

		if (value_is_absent(other) || !equal(c, x[i].value, other))
			return false;
	}
	return true;
}

static bool both_or_none(struct comparison *c, struct value a, struct value b)
{
	if (value_is_absent(a) || value_is_absent(b))
		return value_is_absent(a) && value_is_absent(b);
	return equal(c, a, b);
}

static bool names_equal(struct value a, struct value b)
{
	struct span module, name, module_b, name_b;

	return value_get_class(a, &module, &name) && value_get_class(b, &module_b, &name_b) &&
	       span_equal(module, module_b) && span_equal(name, name_b);
}

static bool objects_equal(struct comparison *c, struct value a, struct value b)
{
	const struct value_object *x = value_object(a), *y = value_object(b);

	return x->made == y->made && names_equal(a, b) && both_or_none(c, x->args, y->args) &&
	       both_or_none(c, x->keywords, y->keywords) && both_or_none(c, x->state, y->state) &&
	       both_or_none(c, x->items, y->items) && both_or_none(c, x->pairs, y->pairs);
}

static bool plain_equal(struct value a, struct value b)
{
	struct span x, y;
	int64_t i, j;

	if (value_get_chars(a, &x) || value_get_digits(a, &x))
		return (value_get_chars(b, &y) || value_get_digits(b, &y)) && span_equal(x, y);
	if (value_get_int(a, &i))
		return value_get_int(b, &j) && i == j;
	return value_kind(a) == VALUE_FLOAT && !memcmp(value_inside(a), value_inside(b), 8);
}

static bool insides_equal(struct comparison *c, struct value a, struct value b)
{
	switch (value_kind(a)) {
	case VALUE_TUPLE:
	case VALUE_LIST:
		return rows_equal(c, a, b);
	case VALUE_SET:
	case VALUE_FROZENSET:
		return sets_equal(c, a, b);
	case VALUE_DICT:
		return dicts_equal(c, a, b);
	case VALUE_GLOBAL:
		return names_equal(a, b);
	case VALUE_INSTANCE:
	case VALUE_CALL:
		return objects_equal(c, a, b);
	case VALUE_ABSENT:
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_LONG:
	case VALUE_FLOAT:
	case VALUE_STR:
	case VALUE_TEXT:
		break;
	}
	return plain_equal(a, b);
}

static bool equal(struct comparison *c, struct value a, struct value b)
{
	bool result, marked = tag_has_inside(value_tag(a));
	struct inside *inside = value_inside(a);

	if (value_same(a, b))
		return true;
	if (!c->left)
		return false;
	c->left--;
	if (value_kind(a) != value_kind(b) || c->depth == VALUE_DEPTH_MAX)
		return false;
	if (!marked)
		return insides_equal(c, a, b);
	if (inside->walked) /* it holds itself; where b does not as well, a row differs elsewhere */
		return ((struct inside *)value_inside(b))->walked != 0;
	c->depth++;
	inside->walked = 1;
	((struct inside *)value_inside(b))->walked = 1;
	result = insides_equal(c, a, b);
	inside->walked = 0;
	((struct inside *)value_inside(b))->walked = 0;
	c->depth--;
	return result;
}

bool value_equal(struct value a, struct value b)
{
	struct comparison c = { .left = EQUAL_VALUES_MAX };

	return equal(&c, a, b);
}
