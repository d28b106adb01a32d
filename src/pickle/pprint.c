/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pprint -- values as pprint of Python 2.7 lays them out, with an indent of 4 and a width of 80.
 *
 * Its rule: what fits on the rest of the line stands there; else each item has a line. It asks for
 * the whole repr() of a thing at each depth; here a repr is broken off where it has become too long.
 */

#include "pickle/show.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "pickle/out.h"
#include "pickle/repr.h"
#include "pickle/represent.h"

#include <stdlib.h>

#define WIDTH 80u
#define INDENT 4u
#define REPR_OCTETS_MAX 65536u /* of a key that has items */
#define KEY_ITEMS_MAX 100u

struct text {
	struct out *out;
	struct value_walk walk; /* of what is written */
	bool cut, deep;
};

/* ── order ───────────────────────────────────────────────────────────────────────────────────── */

/* Python 2 compares None, then numbers, then strings of both kinds, then the rest. */
static unsigned rank(struct value v)
{
	enum value_kind kind = value_kind(v);

	return kind <= VALUE_NONE ? 0 : kind <= VALUE_FLOAT ? 1 : kind <= VALUE_TEXT ? 2 : 3;
}

/* At most *left rows of tuples in tuples are looked at. */
static int compare_values(struct value a, struct value b, unsigned *left)
{
	unsigned x = rank(a), y = rank(b);
	double f = 0, g = 0;
	struct span s, t;
	size_t n;
	int c = 0;

	if (x != y)
		return x < y ? -1 : 1;
	if (x == 1) {
		value_get_number(a, &f);
		value_get_number(b, &g);
		return f < g ? -1 : f > g;
	}
	if (value_get_chars(a, &s) && value_get_chars(b, &t)) {
		n = s.n < t.n ? s.n : t.n;
		c = n ? memcmp(s.p, t.p, n) : 0;
		return c ? c : s.n < t.n ? -1 : s.n > t.n;
	}
	for (size_t i = 0; *left && i < value_count(a) && i < value_count(b) && !c; i++) {
		--*left;
		c = compare_values(value_item(a, i), value_item(b, i), left);
	}
	return c ? c : value_count(a) < value_count(b) ? -1 : value_count(a) > value_count(b);
}

struct row {
	struct value_pair pair;
	size_t at;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	unsigned left = KEY_ITEMS_MAX;
	int c = compare_values(x->pair.key, y->pair.key, &left);

	return c ? c : x->at < y->at ? -1 : 1;
}

/* The caller frees the rows. */
static struct row *sort_dict(struct value dict, size_t *n)
{
	const struct value_pair *pairs;
	struct row *rows;

	value_dict_settle(dict);
	*n = value_dict_pairs(dict, &pairs);
	rows = xmalloc((*n + 1) * sizeof *rows);
	for (size_t i = 0; i < *n; i++)
		rows[i] = (struct row){ pairs[i], i };
	qsort(rows, *n, sizeof *rows, compare_rows);
	return rows;
}

/* ── on one line ─────────────────────────────────────────────────────────────────────────────── */

struct repr {
	struct buf *out;
	size_t max; /* octets of *out, and no more */
	unsigned depth;
};

static bool repr(struct repr *r, struct value v);

static bool repr_rows(struct repr *r, const char *head, struct value v, const char *tail)
{
	buf_add_text(r->out, head);
	for (size_t i = 0; i < value_count(v); i++) {
		if (i)
			buf_add_text(r->out, ", ");
		if (!repr(r, value_item(v, i)))
			return false;
	}
	buf_add_text(r->out, tail);
	return r->out->n <= r->max;
}

/* In the order of the file: only how long it is matters. */
static bool repr_dict(struct repr *r, struct value v)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(v, &pairs);

	buf_add_char(r->out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_text(r->out, ", ");
		if (!repr(r, pairs[i].key))
			return false;
		buf_add_text(r->out, ": ");
		if (!repr(r, pairs[i].value))
			return false;
	}
	buf_add_char(r->out, '}');
	return r->out->n <= r->max;
}

static bool repr_object(struct repr *r, struct value v)
{
	const struct value_object *o = value_object(v);
	struct span module = { 0 }, name = { 0 };

	value_get_class(v, &module, &name);
	buf_add_text(r->out, value_kind(v) == VALUE_CALL ? "<call " : "<");
	buf_add_printable(r->out, module);
	buf_add_char(r->out, '.');
	buf_add_printable(r->out, name);
	if (!o)
		buf_add_text(r->out, ">");
	if (!o || r->out->n > r->max)
		return r->out->n <= r->max;
	if (show_wants_args(v) && !(buf_add_char(r->out, ' '), repr(r, o->args)))
		return false;
	for (size_t i = 0; i < 4; i++) {
		struct value part = ((struct value[]){ o->keywords, o->state, o->items,
		                                       o->pairs })[i];

		if (!value_is_absent(part) && !(buf_add_char(r->out, ' '), repr(r, part)))
			return false;
	}
	buf_add_char(r->out, '>');
	return r->out->n <= r->max;
}

static void repr_number(struct buf *out, struct value v)
{
	char text[32];
	struct span digits;
	int64_t i;

	if (value_kind(v) == VALUE_BOOL)
		buf_add_text(out, value_small(v) ? "True" : "False");
	else if (value_get_int(v, &i))
		buf_addf(out, "%lld", (long long)i);
	else if (value_kind(v) == VALUE_FLOAT)
		buf_add_text(out, show_float(text, value_double(v)));
	else if (value_get_digits(v, &digits))
		buf_addf(out, "%.*sL", (int)digits.n, digits.p);
	else
		buf_add_text(out, "None");
}

static bool repr_inside(struct repr *r, struct value v)
{
	struct span s;

	switch (value_kind(v)) {
	case VALUE_STR:
	case VALUE_TEXT:
		value_get_chars(v, &s);
		return repr_chars(r->out, s, value_kind(v) == VALUE_TEXT, r->max);
	case VALUE_TUPLE:
		return repr_rows(r, "(", v, value_count(v) == 1 ? ",)" : ")");
	case VALUE_LIST:
		return repr_rows(r, "[", v, "]");
	case VALUE_SET:
		return repr_rows(r, "set([", v, "])");
	case VALUE_FROZENSET:
		return repr_rows(r, "frozenset([", v, "])");
	case VALUE_DICT:
		return repr_dict(r, v);
	case VALUE_GLOBAL:
	case VALUE_INSTANCE:
	case VALUE_CALL:
		return repr_object(r, v);
	case VALUE_ABSENT:
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_LONG:
	case VALUE_FLOAT:
		break;
	}
	repr_number(r->out, v);
	return r->out->n <= r->max;
}

static bool repr(struct repr *r, struct value v)
{
	bool result;

	if (r->out->n > r->max || r->depth == WIDTH)
		return false;
	r->depth++;
	result = repr_inside(r, v);
	r->depth--;
	return result;
}

/* ── on lines ────────────────────────────────────────────────────────────────────────────────── */

/* Where the line stands; how much belongs behind the value on its last line. */
struct place {
	size_t indent, allowance;
};

static void format(struct text *t, struct value v, struct place at);

static void add_text(struct text *t, const char *words)
{
	out_add(t->out, words, strlen(words));
}

static void add_blanks(struct text *t, size_t n)
{
	while (n--)
		OUT_LITERAL(t->out, " ");
}

/* Writes one that has no items, whole; returns how long it is. */
static size_t add_repr(struct text *t, struct value v)
{
	AUTO_BUF struct buf line = { 0 };
	struct repr r = { .out = &line, .max = value_count(v) ? REPR_OCTETS_MAX : SIZE_MAX };

	if (!repr(&r, v))
		buf_add_text(&line, "...");
	out_add(t->out, line.p, line.n);
	return line.n;
}

static bool fits(struct value v, struct place at)
{
	AUTO_BUF struct buf line = { 0 };
	size_t taken = at.indent + at.allowance + 1;
	struct repr r = { .out = &line, .max = taken < WIDTH ? WIDTH - taken : 0 };

	return repr(&r, v);
}

static void next_item(struct text *t, bool apart, size_t indent)
{
	add_text(t, apart ? ",\n" : ", ");
	if (apart)
		add_blanks(t, indent);
}

static void format_rows(struct text *t, struct value v, struct place at, const char *head,
                        const char *tail)
{
	bool apart = !fits(v, at);
	size_t inner = at.indent + INDENT + strlen(head) - 1;

	add_text(t, head);
	if (apart)
		add_blanks(t, INDENT - 1);
	for (size_t i = 0; i < value_count(v) && !t->cut; i++) {
		if (i)
			next_item(t, apart, inner);
		format(t, value_item(v, i), (struct place){ inner, at.allowance + 1 });
	}
	add_text(t, tail);
}

static void format_dict(struct text *t, struct value v, struct place at)
{
	bool apart = !fits(v, at);
	size_t n, inner = at.indent + INDENT;
	AUTO_FREE struct row *rows = sort_dict(v, &n);

	add_text(t, "{");
	add_blanks(t, INDENT - 1);
	for (size_t i = 0; i < n && !t->cut; i++) {
		size_t key;

		if (i)
			next_item(t, apart, inner);
		key = add_repr(t, rows[i].pair.key);
		add_text(t, ": ");
		format(t, rows[i].pair.value, (struct place){ inner + key + 2, at.allowance + 1 });
	}
	add_text(t, "}");
}

static void format_object(struct text *t, struct value v, struct place at)
{
	const struct value_object *o = value_object(v);
	struct span module = { 0 }, name = { 0 };
	AUTO_BUF struct buf head = { 0 };

	value_get_class(v, &module, &name);
	buf_add_text(&head, value_kind(v) == VALUE_CALL ? "<call " : "<");
	buf_add_printable(&head, module);
	buf_add_char(&head, '.');
	buf_add_printable(&head, name);
	out_add(t->out, head.p, head.n);
	for (size_t i = 0; i < 5; i++) {
		struct value part = ((struct value[]){
			show_wants_args(v) ? o->args : (struct value){ 0 }, o->keywords, o->state,
			o->items, o->pairs })[i];

		if (value_is_absent(part))
			continue;
		add_text(t, " ");
		format(t, part, (struct place){ at.indent + head.n + 1, at.allowance + 1 });
	}
	add_text(t, ">");
}

static void format_inside(struct text *t, struct value v, struct place at)
{
	switch (value_kind(v)) {
	case VALUE_TUPLE:
		format_rows(t, v, at, "(", value_count(v) == 1 ? ",)" : ")");
		break;
	case VALUE_LIST:
		format_rows(t, v, at, "[", "]");
		break;
	case VALUE_SET:
		format_rows(t, v, at, "set([", "])");
		break;
	case VALUE_FROZENSET:
		format_rows(t, v, at, "frozenset([", "])");
		break;
	case VALUE_DICT:
		format_dict(t, v, at);
		break;
	case VALUE_INSTANCE:
	case VALUE_CALL:
		format_object(t, v, at);
		break;
	case VALUE_ABSENT:
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_LONG:
	case VALUE_FLOAT:
	case VALUE_STR:
	case VALUE_TEXT:
	case VALUE_GLOBAL:
		add_repr(t, v);
		break;
	}
}

static void format(struct text *t, struct value v, struct place at)
{
	enum value_step step = out_is_full(t->out) ? VALUE_STEP_MANY : value_enter(&t->walk, v);

	if (step == VALUE_STEP_IN) {
		format_inside(t, v, at);
		value_leave(&t->walk, v);
		return;
	}
	t->cut |= step == VALUE_STEP_MANY;
	t->deep |= step == VALUE_STEP_DEEP;
	add_text(t, "<Recursion on ");
	add_text(t, value_kind_name(value_kind(v)));
	add_text(t, ">");
}

/* The text of a message, say: its own lines. */
static void show_lines(struct text *t, struct span s)
{
	struct span line;

	while (span_next_line(&s, &line)) {
		AUTO_BUF struct buf safe = { 0 };

		buf_add_printable(&safe, line);
		buf_add_char(&safe, '\n');
		out_add(t->out, safe.p, safe.n);
	}
}

int show_text(struct value v, uint64_t octets, const struct show_sink *sink, struct error *err)
{
	struct text t = { .out = out_new(sink, octets), .walk.left = UINT64_MAX };
	struct span lines;

	if (value_get_chars(v, &lines)) {
		show_lines(&t, lines);
	} else {
		format(&t, v, (struct place){ 0, 0 });
		OUT_LITERAL(t.out, "\n");
	}
	out_free(t.out);
	return show_result(t.cut, t.deep, err);
}
