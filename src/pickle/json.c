/* SPDX-License-Identifier: BSD-2-Clause */

/* json -- values as JSON that says of each what it is; the form is in show.h. */

#include "pickle/show.h"

#include "base/memory.h"
#include "pickle/out.h"
#include "pickle/reader.h"

#include <stdio.h>

#define AHEAD 12u /* rows of a dict that the processor fetches meanwhile */

struct json {
	struct out *out;
	struct value_walk walk;
	bool cut, deep;
};

static void show(struct json *j, struct value v);

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

/* How many octets at the beginning of `p` stand in JSON as they are. */
static size_t plain_run(const char *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w, quote, slash, low;

		memcpy(&w, p + i, 8);
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		/* the high bit of each octet that is below 32, '"', '\\', or above 127 */
		low = (w - ones * 0x20) | (quote - ones) | (slash - ones) | w | (w + ones);
		if (low & highs)
			break;
	}
	for (; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			break;
	}
	return i;
}

static char *add_unit(char *to, unsigned unit)
{
	static const char digits[] = "0123456789abcdef";
	static const char from[] = "\"\\\n\r\t\b\f", letters[] = "\"\\nrtbf";
	const char *found = unit && unit < 0x80 ? strchr(from, (int)unit) : NULL;

	*to++ = '\\';
	if (found) {
		*to++ = letters[found - from];
		return to;
	}
	*to++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*to++ = digits[unit >> shift & 15];
	return to;
}

/* The character at u[0], which is good WTF-8. */
static size_t take_character(const unsigned char *u, uint32_t *c)
{
	if (u[0] < 0x80) {
		*c = u[0];
		return 1;
	}
	if (u[0] < 0xe0) {
		*c = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
		return 2;
	}
	if (u[0] < 0xf0) {
		*c = (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
		return 3;
	}
	*c = (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
	return 4;
}

/* What is not plain at the beginning of s; returns how many octets that were. */
static size_t add_escaped(struct out *o, struct span s, bool is_text)
{
	uint32_t c = (unsigned char)*s.p;
	size_t n = is_text ? take_character((const unsigned char *)s.p, &c) : 1;
	char *to = out_room(o, 12), *end = to;

	if (c > 0xffff) {
		end = add_unit(end, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	end = add_unit(end, c);
	o->n += (size_t)(end - to);
	return n;
}

static void add_string(struct out *o, struct span s, bool is_text)
{
	while (s.n) {
		size_t run = plain_run(s.p, s.n);

		out_add(o, s.p, run);
		s = span_from(s, run);
		if (s.n)
			s = span_from(s, add_escaped(o, s, is_text));
	}
}

#define SHORT 512u

/* Most strings are short and plain. */
static bool show_short(struct out *o, struct span s, char kind)
{
	char *to = out_room(o, SHORT + 4);

	if (s.n > SHORT || plain_run(s.p, s.n) < s.n)
		return false;
	*to++ = '"';
	*to++ = kind;
	*to++ = ':';
	memcpy(to, s.p, s.n);
	to[s.n] = '"';
	o->n += s.n + 4;
	return true;
}

static void show_chars(struct out *o, struct span s, bool is_text)
{
	if (show_short(o, s, is_text ? 'u' : 'b'))
		return;
	if (is_text)
		OUT_LITERAL(o, "\"u:");
	else
		OUT_LITERAL(o, "\"b:");
	add_string(o, s, is_text);
	OUT_LITERAL(o, "\"");
}

/* ── numbers ─────────────────────────────────────────────────────────────────────────────────── */

static void show_int(struct out *o, int64_t i)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (i < 0)
		*--p = '-';
	out_add(o, p, (size_t)(digits + sizeof digits - p));
}

static void show_float_value(struct out *o, double f)
{
	char text[32];

	show_float(text, f);
	OUT_LITERAL(o, "{\"$float\": \"");
	out_add(o, text, strlen(text));
	OUT_LITERAL(o, "\"}");
}

/* ── containers ──────────────────────────────────────────────────────────────────────────────── */

static void show_rows(struct json *j, struct value v)
{
	OUT_LITERAL(j->out, "[");
	for (size_t i = 0; i < value_count(v) && !j->cut; i++) {
		if (i)
			OUT_LITERAL(j->out, ", ");
		show(j, value_item(v, i));
	}
	OUT_LITERAL(j->out, "]");
}

/* Keys are compared as they would be shown; a hostile one only by what it begins with. */
static void keep(void *context, struct span octets)
{
	buf_add_span(context, octets);
}

static void render_key(struct value key, struct buf *text)
{
	const struct show_sink sink = { keep, text };
	struct json j = { .out = out_new(&sink, 0), .walk.left = UINT64_MAX };

	j.out->written_max = KEY_OCTETS_MAX;
	show(&j, key);
	out_free(j.out);
}

static void show_dict(struct json *j, struct value v)
{
	AUTO_ORDERED struct ordered order = { 0 };
	const struct value_pair *pairs;

	value_dict_pairs(v, &pairs);
	ordered_make(&order, v, render_key);
	OUT_LITERAL(j->out, "{\"$dict\": [");
	for (size_t i = 0; i < order.n && !j->cut; i++) {
		const struct value_pair *pair = &pairs[order.rows[i].row];

		/* sorted rows stand anywhere in a large file, and their strings too */
		if (i + 2 * AHEAD < order.n)
			__builtin_prefetch(&pairs[order.rows[i + 2 * AHEAD].row]);
		if (i + AHEAD < order.n) {
			const struct value_pair *ahead = &pairs[order.rows[i + AHEAD].row];

			__builtin_prefetch(value_inside(ahead->key));
			__builtin_prefetch(value_inside(ahead->value));
		}

		if (i)
			OUT_LITERAL(j->out, ", ");
		OUT_LITERAL(j->out, "[");
		show(j, pair->key);
		OUT_LITERAL(j->out, ", ");
		show(j, pair->value);
		OUT_LITERAL(j->out, "]");
	}
	OUT_LITERAL(j->out, "]}");
}

static void show_named(struct json *j, const char *what, struct value v)
{
	struct span module, name;

	if (!value_get_class(v, &module, &name))
		module = name = (struct span){ 0 };
	OUT_LITERAL(j->out, "{\"");
	out_add(j->out, what, strlen(what));
	OUT_LITERAL(j->out, "\": \"");
	add_string(j->out, module, text_is_wtf8(module));
	OUT_LITERAL(j->out, ".");
	add_string(j->out, name, text_is_wtf8(name));
	OUT_LITERAL(j->out, "\"");
}

static void show_member(struct json *j, const char *name, struct value v)
{
	OUT_LITERAL(j->out, ", \"");
	out_add(j->out, name, strlen(name));
	OUT_LITERAL(j->out, "\": ");
	if (value_is_absent(v))
		OUT_LITERAL(j->out, "null");
	else
		show(j, v);
}

static void show_object(struct json *j, struct value v)
{
	const struct value_object *o = value_object(v);
	bool is_call = value_kind(v) == VALUE_CALL;

	show_named(j, is_call ? "$call" : "$inst", v);
	if (show_wants_args(v)) {
		OUT_LITERAL(j->out, ", \"args\": ");
		show_rows(j, o->args);
	}
	if (value_kind(o->keywords) == VALUE_DICT)
		show_member(j, "keywords", o->keywords);
	if (!is_call || !value_is_absent(o->state))
		show_member(j, "state", o->state);
	if (!value_is_absent(o->items))
		show_member(j, "items", o->items);
	if (!value_is_absent(o->pairs))
		show_member(j, "pairs", o->pairs);
	OUT_LITERAL(j->out, "}");
}

static void show_wrapped(struct json *j, const char *head, struct value v)
{
	out_add(j->out, head, strlen(head));
	show_rows(j, v);
	OUT_LITERAL(j->out, "}");
}

/* ── all kinds ───────────────────────────────────────────────────────────────────────────────── */

static void show_inside(struct json *j, struct value v)
{
	struct span s = { 0 };

	switch (value_kind(v)) {
	case VALUE_TUPLE:
		show_wrapped(j, "{\"$tuple\": ", v);
		break;
	case VALUE_LIST:
		show_rows(j, v);
		break;
	case VALUE_SET:
		show_wrapped(j, "{\"$set\": ", v);
		break;
	case VALUE_FROZENSET:
		show_wrapped(j, "{\"$frozenset\": ", v);
		break;
	case VALUE_DICT:
		show_dict(j, v);
		break;
	case VALUE_INSTANCE:
	case VALUE_CALL:
		show_object(j, v);
		break;
	case VALUE_GLOBAL:
		show_named(j, "$global", v);
		OUT_LITERAL(j->out, "}");
		break;
	case VALUE_LONG:
		OUT_LITERAL(j->out, "{\"$long\": \"");
		value_get_digits(v, &s);
		out_add(j->out, s.p, s.n);
		OUT_LITERAL(j->out, "\"}");
		break;
	case VALUE_FLOAT:
		show_float_value(j->out, value_double(v));
		break;
	case VALUE_ABSENT:
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_STR:
	case VALUE_TEXT:
		OUT_LITERAL(j->out, "null");
		break;
	}
}

static void show_cut(struct json *j, struct value v, enum value_step step)
{
	const char *name = value_kind_name(value_kind(v));

	j->cut |= step == VALUE_STEP_MANY;
	j->deep |= step == VALUE_STEP_DEEP;
	OUT_LITERAL(j->out, "{\"$again\": \"");
	out_add(j->out, name, strlen(name));
	OUT_LITERAL(j->out, "\"}");
}

static void show(struct json *j, struct value v)
{
	enum tag tag = value_tag(v);
	enum value_step step;
	int64_t i;

	if (tag_is_chars(tag) && !out_is_full(j->out)) {
		show_chars(j->out, tag_span(tag, value_inside(v)), tag_is_text(tag));
	} else if (tag == TAG_BOOL) {
		if (value_small(v))
			OUT_LITERAL(j->out, "true");
		else
			OUT_LITERAL(j->out, "false");
	} else if (value_get_int(v, &i)) {
		show_int(j->out, i);
	} else {
		step = out_is_full(j->out) ? VALUE_STEP_MANY : value_enter(&j->walk, v);
		if (step != VALUE_STEP_IN) {
			show_cut(j, v, step);
			return;
		}
		show_inside(j, v);
		value_leave(&j->walk, v);
	}
}

int show_json(struct value v, uint64_t octets, const struct show_sink *sink, struct error *err)
{
	struct json j = { .out = out_new(sink, octets), .walk.left = UINT64_MAX };

	show(&j, v);
	out_free(j.out);
	return show_result(j.cut, j.deep, err);
}

void show_json_text(struct span s, struct buf *out)
{
	const struct show_sink sink = { keep, out };
	struct out *o = out_new(&sink, s.n);

	OUT_LITERAL(o, "\"");
	add_string(o, s, text_is_wtf8(s));
	OUT_LITERAL(o, "\"");
	out_free(o);
}
