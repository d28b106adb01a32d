/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/plain.h"

#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 1000000u /* of one attribute; a shared value may stand in it often */

struct telling {
	struct lists_charset *charset;
	struct value_walk walk;
};

/* ── one line ────────────────────────────────────────────────────────────────────────────────── */

/* Decoded text for a terminal: "\n" for a line's end, and for quotes inside quotes. */
static void add_text(struct buf *out, struct span text, bool quoted)
{
	struct span rest = text;

	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != '\n' && rest.p[n] != '\t' &&
		       !(quoted && rest.p[n] == '"'))
			n++;
		buf_add_printable(out, (struct span){ rest.p, n });
		if (n == rest.n)
			return;
		buf_add_char(out, '\\');
		buf_add_char(out, rest.p[n] == '\n' ? 'n' : rest.p[n] == '\t' ? 't' : rest.p[n]);
		rest = span_from(rest, n + 1);
	}
}

static void add_string(struct telling *t, struct value v, struct buf *out, bool quoted)
{
	AUTO_BUF struct buf text = { 0 };

	(void)lists_decode_value(t->charset, v, &text);
	if (quoted)
		buf_add_char(out, '"');
	add_text(out, buf_span(&text), quoted);
	if (quoted)
		buf_add_char(out, '"');
}

/* The shortest digits that are this number again. */
static void add_float(struct buf *out, double f)
{
	char digits[40];

	for (int precision = 15; precision <= 17; precision++) {
		(void)snprintf(digits, sizeof digits, "%.*g", precision, f);
		if (strtod(digits, NULL) == f)
			break;
	}
	buf_add_text(out, digits);
	if (!strpbrk(digits, ".en"))
		buf_add_text(out, ".0");
}

static int compare_keys(const void *a, const void *b)
{
	const struct value_pair *x = a, *y = b;
	struct span p = SPAN(""), q = SPAN("");
	int order;

	(void)value_get_chars(x->key, &p);
	(void)value_get_chars(y->key, &q);
	order = memcmp(p.p, q.p, p.n < q.n ? p.n : q.n);
	return order ? order : (p.n > q.n) - (p.n < q.n);
}

struct value_pair *lists_plain_pairs(struct value dict, size_t *n)
{
	const struct value_pair *pairs;
	struct value_pair *sorted;

	*n = value_dict_pairs(dict, &pairs);
	sorted = xcalloc(*n + 1, sizeof *sorted);
	for (size_t i = 0; i < *n; i++)
		sorted[i] = pairs[i];
	qsort(sorted, *n, sizeof *sorted, compare_keys);
	return sorted;
}

static void add_value(struct telling *t, struct value v, struct buf *out);

static void add_items(struct telling *t, struct value v, struct buf *out)
{
	buf_add_char(out, value_kind(v) == VALUE_LIST ? '[' : '(');
	for (size_t i = 0; i < value_count(v); i++) {
		if (i)
			buf_add_text(out, ", ");
		add_value(t, value_item(v, i), out);
	}
	buf_add_char(out, value_kind(v) == VALUE_LIST ? ']' : ')');
}

static void add_dict(struct telling *t, struct value v, struct buf *out)
{
	size_t n;
	AUTO_FREE struct value_pair *pairs = lists_plain_pairs(v, &n);

	buf_add_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_text(out, ", ");
		add_value(t, pairs[i].key, out);
		buf_add_text(out, ": ");
		add_value(t, pairs[i].value, out);
	}
	buf_add_char(out, '}');
}

static void add_instance(struct telling *t, struct value v, struct buf *out)
{
	struct span module = SPAN(""), name = SPAN("");

	(void)value_get_class(v, &module, &name);
	buf_add_printable(out, module);
	buf_add_char(out, '.');
	buf_add_printable(out, name);
	if (value_object(v))
		add_value(t, value_object(v)->state, out);
}

static void add_inside(struct telling *t, struct value v, struct buf *out)
{
	int64_t i = 0;
	double f = 0;
	bool b = false;
	struct span digits;

	switch (value_kind(v)) {
	case VALUE_ABSENT:
	case VALUE_NONE:
		buf_add_text(out, "None");
		break;
	case VALUE_BOOL:
		(void)value_get_bool(v, &b);
		buf_add_text(out, b ? "yes" : "no");
		break;
	case VALUE_INT:
		(void)value_get_int(v, &i);
		buf_addf(out, "%lld", (long long)i);
		break;
	case VALUE_LONG:
		if (value_get_digits(v, &digits))
			buf_add_printable(out, digits);
		break;
	case VALUE_FLOAT:
		(void)value_get_number(v, &f);
		add_float(out, f);
		break;
	case VALUE_STR:
	case VALUE_TEXT:
		add_string(t, v, out, true);
		break;
	case VALUE_TUPLE:
	case VALUE_LIST:
	case VALUE_SET:
	case VALUE_FROZENSET:
		add_items(t, v, out);
		break;
	case VALUE_DICT:
		add_dict(t, v, out);
		break;
	case VALUE_GLOBAL:
	case VALUE_INSTANCE:
	case VALUE_CALL:
		add_instance(t, v, out);
		break;
	}
}

static void add_value(struct telling *t, struct value v, struct buf *out)
{
	if (value_enter(&t->walk, v) != VALUE_STEP_IN) {
		buf_add_text(out, "...");
		return;
	}
	add_inside(t, v, out);
	value_leave(&t->walk, v);
}

void lists_plain_quoted(struct lists_charset *c, struct value v, struct buf *out)
{
	struct telling t = { .charset = c, .walk = { .left = VALUES_MAX } };

	add_value(&t, v, out);
}

void lists_plain_line(struct lists_charset *c, struct value v, struct buf *out)
{
	struct telling t = { .charset = c, .walk = { .left = VALUES_MAX } };

	if (value_kind(v) == VALUE_STR || value_kind(v) == VALUE_TEXT)
		add_string(&t, v, out, false);
	else
		add_value(&t, v, out);
}

void lists_plain_time(double at, struct buf *out)
{
	char text[32];

	if (!(at > 0) || at > 1e11) {
		buf_add_text(out, at > 0 ? "a time far away" : "never");
		return;
	}
	(void)clock_text(text, (int64_t)at * 1000);
	/* "2026-11-22T15:15:00.000Z": Mailman's fractions are of no use to a person */
	buf_add(out, text, strlen("2026-11-22T15:15:00"));
	buf_add_char(out, 'Z');
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

static json_t *text_json(struct span text)
{
	json_t *json = json_stringn(text.n ? text.p : "", text.n);

	return json ? json : json_string("");
}

static json_t *octets_json(struct span octets)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];

		if (c > 0x7f)
			buf_add_char(&text, (char)(0xc0 | c >> 6));
		buf_add_char(&text, (char)(c > 0x7f ? 0x80 | (c & 0x3f) : c));
	}
	return json_pack("{s:o}", "octets", text_json(buf_span(&text)));
}

static json_t *string_json(struct telling *t, struct value v)
{
	AUTO_BUF struct buf text = { 0 };
	struct span octets = SPAN("");

	if (lists_decode_value(t->charset, v, &text) != LISTS_DECODED_OCTETS)
		return text_json(buf_span(&text));
	if (value_get_str(v, &octets))
		return octets_json(octets);
	buf_reset(&text);
	(void)value_get_text(v, &octets);
	(void)lists_escaped_octets(octets, &text);
	return octets_json(buf_span(&text));
}

static json_t *value_json(struct telling *t, struct value v);

static json_t *items_json(struct telling *t, struct value v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < value_count(v); i++)
		json_array_append_new(array, value_json(t, value_item(v, i)));
	return array;
}

/* An object, if every key is text and none comes twice; else an array of pairs. */
static json_t *dict_json(struct telling *t, struct value v)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(v, &pairs);
	json_t *object = json_object(), *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *key = value_json(t, pairs[i].key), *value = value_json(t, pairs[i].value);

		if (object && json_is_string(key) &&
		    !json_object_get(object, json_string_value(key)) &&
		    strlen(json_string_value(key)) == json_string_length(key)) {
			json_object_set(object, json_string_value(key), value);
		} else {
			json_decref(object);
			object = NULL;
		}
		json_array_append_new(array, json_pack("[o, o]", key, value));
	}
	if (!object)
		return array;
	json_decref(array);
	return object;
}

static json_t *instance_json(struct telling *t, struct value v)
{
	AUTO_BUF struct buf class = { 0 };
	struct span module = SPAN(""), name = SPAN("");
	const struct value_object *o = value_object(v);

	(void)value_get_class(v, &module, &name);
	buf_add_printable(&class, module);
	buf_add_char(&class, '.');
	buf_add_printable(&class, name);
	return json_pack("{s:o, s:o}", "instance", text_json(buf_span(&class)), "state",
	                 o ? value_json(t, o->state) : json_null());
}

static json_t *number_json(struct value v)
{
	struct span digits = SPAN("");
	double f = 0;
	int64_t i;

	if (value_kind(v) == VALUE_LONG && value_get_digits(v, &digits))
		return json_pack("{s:o}", "long", text_json(digits));
	if (value_get_int(v, &i))
		return json_integer(i);
	(void)value_get_number(v, &f);
	return f - f == 0 ? json_real(f) : json_string(f != f ? "nan" : f > 0 ? "inf" : "-inf");
}

static json_t *inside_json(struct telling *t, struct value v)
{
	bool b = false;

	switch (value_kind(v)) {
	case VALUE_ABSENT:
	case VALUE_NONE:
		break;
	case VALUE_BOOL:
		(void)value_get_bool(v, &b);
		return json_boolean(b);
	case VALUE_INT:
	case VALUE_LONG:
	case VALUE_FLOAT:
		return number_json(v);
	case VALUE_STR:
	case VALUE_TEXT:
		return string_json(t, v);
	case VALUE_TUPLE:
	case VALUE_LIST:
	case VALUE_SET:
	case VALUE_FROZENSET:
		return items_json(t, v);
	case VALUE_DICT:
		return dict_json(t, v);
	case VALUE_GLOBAL:
	case VALUE_INSTANCE:
	case VALUE_CALL:
		return instance_json(t, v);
	}
	return json_null();
}

static json_t *value_json(struct telling *t, struct value v)
{
	json_t *json;

	if (value_enter(&t->walk, v) != VALUE_STEP_IN)
		return json_string("...");
	json = inside_json(t, v);
	value_leave(&t->walk, v);
	return json;
}

json_t *lists_plain_json(struct lists_charset *c, struct value v)
{
	struct telling t = { .charset = c, .walk = { .left = VALUES_MAX } };

	return value_json(&t, v);
}

json_t *lists_plain_json_octets(struct lists_charset *c, struct span octets)
{
	AUTO_BUF struct buf text = { 0 };

	if (lists_decode(c, octets, &text) == LISTS_DECODED_OCTETS)
		return octets_json(octets);
	return text_json(buf_span(&text));
}

json_t *lists_plain_json_text(const char *text)
{
	AUTO_BUF struct buf printable = { 0 };

	if (!text)
		return json_null();
	buf_add_printable(&printable, span_of(text));
	return text_json(buf_span(&printable));
}

json_t *lists_plain_json_time(double at)
{
	return at != 0 && at - at == 0 ? json_real(at) : json_null();
}
