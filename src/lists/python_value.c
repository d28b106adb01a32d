/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/python_value.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void python_value_free(struct python_value *v)
{
	if (!v || --v->references)
		return;
	/* as deep as PYTHON_DEPTH_MAX */
	for (size_t i = 0; i < v->n; i++)
		python_value_free(v->parts[i]);
	free(v->parts);
	buf_fini(&v->text);
	free(v);
}

struct python_value *python_value_keep(struct python_value *v)
{
	v->references++;
	return v;
}

struct python_value *python_new(enum python_kind kind)
{
	struct python_value *v = xcalloc(1, sizeof *v);

	v->kind = kind;
	v->references = 1;
	v->weight = 1;
	return v;
}

struct python_value *python_none(void)
{
	return python_new(PYTHON_NONE);
}

struct python_value *python_bool(bool truth)
{
	struct python_value *v = python_new(PYTHON_BOOL);

	v->number = truth;
	return v;
}

struct python_value *python_int(int64_t number)
{
	struct python_value *v = python_new(PYTHON_INT);

	v->number = number;
	return v;
}

struct python_value *python_float(double real)
{
	struct python_value *v = python_new(PYTHON_FLOAT);

	v->real = real;
	return v;
}

struct python_value *python_str(struct span text)
{
	struct python_value *v;

	if (text.n > PYTHON_TEXT_MAX)
		return NULL;
	v = python_new(PYTHON_STR);
	buf_add_span(&v->text, text);
	return v;
}

bool python_add(struct python_value *to, struct python_value *part)
{
	if (part->changes || part->depth >= PYTHON_DEPTH_MAX ||
	    to->weight + part->weight > PYTHON_WEIGHT_MAX) {
		python_value_free(part);
		return false;
	}
	if (part->depth >= to->depth)
		to->depth = part->depth + 1;
	to->weight += part->weight;
	ARRAY_GROW(to->parts, to->n, to->room);
	to->parts[to->n++] = part;
	return true;
}

/* What the settings of Mailman have as keys. */
static bool is_key(const struct python_value *v)
{
	return v->kind == PYTHON_STR || v->kind == PYTHON_INT || v->kind == PYTHON_BOOL ||
	       v->kind == PYTHON_NONE;
}

static bool same_key(const struct python_value *a, const struct python_value *b)
{
	bool texts = a->kind == PYTHON_STR && b->kind == PYTHON_STR;

	if (texts)
		return span_equal(buf_span(&a->text), buf_span(&b->text));
	if (a->kind == PYTHON_STR || b->kind == PYTHON_STR)
		return false;
	return (a->kind == PYTHON_NONE) == (b->kind == PYTHON_NONE) && a->number == b->number;
}

bool python_dict_set(struct python_value *dict, struct python_value *key,
                     struct python_value *value)
{
	bool good = is_key(key) && !value->changes && value->depth < PYTHON_DEPTH_MAX;

	for (size_t i = 0; good && i < dict->n; i += 2) {
		if (!same_key(dict->parts[i], key))
			continue;
		/* the weight of what goes stays counted: it bounds the work */
		good = dict->weight + value->weight <= PYTHON_WEIGHT_MAX;
		if (!good)
			break;
		dict->weight += value->weight;
		if (value->depth >= dict->depth)
			dict->depth = value->depth + 1;
		python_value_free(dict->parts[i + 1]);
		dict->parts[i + 1] = value;
		python_value_free(key);
		return true;
	}
	/* each key is held against those before it */
	if (!good || dict->n > 10000 || dict->weight + value->weight + 1 > PYTHON_WEIGHT_MAX) {
		python_value_free(key);
		python_value_free(value);
		return false;
	}
	return python_add(dict, key) && python_add(dict, value);
}

void python_dict_clear(struct python_value *dict)
{
	for (size_t i = 0; i < dict->n; i++)
		python_value_free(dict->parts[i]);
	dict->n = 0;
}

const struct python_value *python_dict_get(const struct python_value *dict, struct span key)
{
	for (size_t i = 0; i < dict->n; i += 2)
		if (dict->parts[i]->kind == PYTHON_STR &&
		    span_equal(buf_span(&dict->parts[i]->text), key))
			return dict->parts[i + 1];
	return NULL;
}

bool python_is_true(const struct python_value *v)
{
	switch (v->kind) {
	case PYTHON_NONE:
		return false;
	case PYTHON_BOOL:
	case PYTHON_INT:
		return v->number != 0;
	case PYTHON_FLOAT:
		return v->real != 0.0;
	case PYTHON_STR:
		return v->text.n > 0;
	case PYTHON_TUPLE:
	case PYTHON_LIST:
	case PYTHON_DICT:
		break;
	}
	return v->n > 0;
}

/* ── repr() ──────────────────────────────────────────────────────────────────────────────────── */

static void repr_text(struct span s, struct buf *out)
{
	char quote = span_find(s, '\'') >= 0 && span_find(s, '"') < 0 ? '"' : '\'';

	buf_add_char(out, quote);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == (unsigned char)quote || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c == '\n')
			buf_add_text(out, "\\n");
		else if (c == '\t')
			buf_add_text(out, "\\t");
		else if (c == '\r')
			buf_add_text(out, "\\r");
		else if (c < ' ' || c > '~')
			buf_addf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, quote);
}

/* The shortest words that give the same number again. */
static void repr_float(double real, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	for (int digits = 1; digits <= 17; digits++) {
		buf_reset(&text);
		buf_addf(&text, "%.*g", digits, real);
		if (!(strtod(buf_text(&text), NULL) < real) &&
		    !(strtod(buf_text(&text), NULL) > real))
			break;
	}
	if (real >= -1e15 && real <= 1e15 && strchr(buf_text(&text), 'e') &&
	    !(real < (double)(int64_t)real) && !(real > (double)(int64_t)real)) {
		buf_reset(&text);
		buf_addf(&text, "%" PRId64, (int64_t)real);
	}
	if (!strpbrk(buf_text(&text), ".en"))
		buf_add_text(&text, ".0");
	buf_add_span(out, buf_span(&text));
}

static void repr_parts(const struct python_value *v, struct buf *out)
{
	static const char *const brackets[] = {
		[PYTHON_TUPLE] = "()", [PYTHON_LIST] = "[]", [PYTHON_DICT] = "{}"
	};

	buf_add_char(out, brackets[v->kind][0]);
	for (size_t i = 0; i < v->n; i++) {
		bool is_value = v->kind == PYTHON_DICT && i % 2;

		if (i)
			buf_add_text(out, is_value ? ": " : ", ");
		python_repr(v->parts[i], out);
	}
	if (v->kind == PYTHON_TUPLE && v->n == 1)
		buf_add_char(out, ',');
	buf_add_char(out, brackets[v->kind][1]);
}

void python_repr(const struct python_value *v, struct buf *out)
{
	switch (v->kind) {
	case PYTHON_NONE:
		buf_add_text(out, "None");
		break;
	case PYTHON_BOOL:
		buf_add_text(out, v->number ? "True" : "False");
		break;
	case PYTHON_INT:
		buf_addf(out, "%" PRId64, v->number);
		break;
	case PYTHON_FLOAT:
		repr_float(v->real, out);
		break;
	case PYTHON_STR:
		repr_text(buf_span(&v->text), out);
		break;
	case PYTHON_TUPLE:
	case PYTHON_LIST:
	case PYTHON_DICT:
		repr_parts(v, out);
		break;
	}
}
