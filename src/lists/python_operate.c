/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/python_expression.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static struct python_value *refuse(struct buf *why, const char *words)
{
	buf_add_text(why, words);
	return NULL;
}

static bool is_whole(const struct python_value *v)
{
	return v->kind == PYTHON_INT || v->kind == PYTHON_BOOL;
}

static bool is_number(const struct python_value *v)
{
	return is_whole(v) || v->kind == PYTHON_FLOAT;
}

static double real_of(const struct python_value *v)
{
	return v->kind == PYTHON_FLOAT ? v->real : (double)v->number;
}

/* ── whole numbers ───────────────────────────────────────────────────────────────────────────── */

/* Each gives false for what does not fit in 64 bits, or is not defined. */
static bool add(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static bool subtract(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_sub_overflow(a, b, out);
}

static bool multiply(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Python rounds down, C to zero. */
static bool divide(int64_t a, int64_t b, int64_t *out)
{
	if (b == 0 || (a == INT64_MIN && b == -1))
		return false;
	*out = a / b - (a % b != 0 && (a < 0) != (b < 0));
	return true;
}

static bool remainder_of(int64_t a, int64_t b, int64_t *out)
{
	int64_t whole;

	if (!divide(a, b, &whole))
		return false;
	*out = a - whole * b;
	return true;
}

static bool shift_left(int64_t a, int64_t b, int64_t *out)
{
	return b >= 0 && b < 62 && !__builtin_mul_overflow(a, (int64_t)1 << b, out);
}

static bool shift_right(int64_t a, int64_t b, int64_t *out)
{
	*out = b >= 0 && b < 63 ? a >> b : 0;
	return b >= 0 && b < 63;
}

static bool bits_or(int64_t a, int64_t b, int64_t *out)
{
	*out = a | b;
	return true;
}

static bool bits_and(int64_t a, int64_t b, int64_t *out)
{
	*out = a & b;
	return true;
}

static bool bits_xor(int64_t a, int64_t b, int64_t *out)
{
	*out = a ^ b;
	return true;
}

static const struct {
	const char *operator;
	bool (*work)(int64_t a, int64_t b, int64_t *out);
} whole_operators[] = {
	{ "+", add },         { "-", subtract },     { "*", multiply }, { "/", divide },
	{ "//", divide },     { "%", remainder_of }, { "|", bits_or },  { "&", bits_and },
	{ "<<", shift_left }, { ">>", shift_right }, { "^", bits_xor },
};

static struct python_value *operate_whole(struct span operator, int64_t a, int64_t b,
                                          struct buf *why)
{
	for (size_t i = 0; i < ROWS(whole_operators); i++) {
		int64_t result;

		if (!span_is(operator, whole_operators[i].operator))
			continue;
		if (!whole_operators[i].work(a, b, &result))
			break;
		return python_int(result);
	}
	return refuse(why, "a calculation that has no whole number of 64 bits as its result");
}

static struct python_value *operate_real(struct span operator, double a, double b, struct buf *why)
{
	if (span_is(operator, "+"))
		return python_float(a + b);
	if (span_is(operator, "-"))
		return python_float(a - b);
	if (span_is(operator, "*"))
		return python_float(a * b);
	if (span_is(operator, "/") && fpclassify(b) != FP_ZERO)
		return python_float(a / b);
	return refuse(why, "a calculation with fractions that is not understood");
}

/* ── texts and lists ─────────────────────────────────────────────────────────────────────────── */

static struct python_value *text_or_refuse(const struct buf *text, struct buf *why)
{
	struct python_value *v = python_str(buf_span(text));

	return v ? v : refuse(why, "a text that is too long");
}

static struct python_value *join_texts(const struct python_value *a, const struct python_value *b,
                                       struct buf *why)
{
	AUTO_BUF struct buf all = { 0 };

	buf_add_span(&all, buf_span(&a->text));
	buf_add_span(&all, buf_span(&b->text));
	return text_or_refuse(&all, why);
}

static struct python_value *join_rows(const struct python_value *a, const struct python_value *b,
                                      struct buf *why)
{
	AUTO_PYTHON_VALUE struct python_value *all = python_new(a->kind);

	for (size_t i = 0; i < a->n + b->n; i++)
		if (!python_add(all,
		                python_value_keep(i < a->n ? a->parts[i] : b->parts[i - a->n])))
			return refuse(why, "a list that is too long");
	return python_value_keep(all);
}

static struct python_value *repeat(const struct python_value *text, int64_t times, struct buf *why)
{
	AUTO_BUF struct buf all = { 0 };
	char *room = NULL;

	if (times > 0 && text->text.n > PYTHON_TEXT_MAX / (uint64_t)times)
		return refuse(why, "a text that is too long");
	if (times > 0 && text->text.n)
		room = buf_room(&all, text->text.n * (size_t)times);
	for (int64_t i = 0; room && i < times; i++)
		memcpy(room + text->text.n * (size_t)i, text->text.p, text->text.n);
	if (room)
		buf_grown(&all, text->text.n * (size_t)times);
	return text_or_refuse(&all, why);
}

/* ── 'text %s' % ... ─────────────────────────────────────────────────────────────────────────── */

/* Appends what "%s" or "%d" makes of a value; false: not understood. */
static bool format_one(char conversion, const struct python_value *v, struct buf *out)
{
	if (conversion == 's' && v->kind == PYTHON_STR)
		buf_add_span(out, buf_span(&v->text));
	else if (conversion == 's' && v->kind != PYTHON_FLOAT && v->n == 0)
		python_repr(v, out);
	else if ((conversion == 'd' || conversion == 'i') && is_whole(v))
		buf_addf(out, "%" PRId64, v->number);
	else
		return false;
	return true;
}

/* The value that the conversion at *rest takes: the next one, or the one that "(name)" names, which
 * is cut off. */
static const struct python_value *format_argument(struct span *rest, const struct python_value *b,
                                                  size_t *used)
{
	if (rest->n && *rest->p == '(') {
		ssize_t end = span_find(*rest, ')');
		struct span name = { rest->p + 1, end > 0 ? (size_t)end - 1 : 0 };

		if (end < 0 || b->kind != PYTHON_DICT)
			return NULL;
		*rest = span_from(*rest, (size_t)end + 1);
		return python_dict_get(b, name);
	}
	if (b->kind == PYTHON_TUPLE)
		return *used < b->n ? b->parts[(*used)++] : NULL;
	return (*used)++ ? NULL : b;
}

static struct python_value *format(const struct python_value *a, const struct python_value *b,
                                   struct buf *why)
{
	static const char words[] = "a format that is not understood";
	AUTO_BUF struct buf out = { 0 };
	struct span rest = buf_span(&a->text);
	size_t used = 0;

	while (rest.n) {
		ssize_t at = span_find(rest, '%');
		size_t plain = at < 0 ? rest.n : (size_t)at;
		const struct python_value *v;

		buf_add(&out, rest.p, plain);
		rest = span_from(rest, plain);
		if (out.n > PYTHON_TEXT_MAX)
			return refuse(why, "a text that is too long");
		if (!rest.n)
			break;
		rest = span_from(rest, 1);
		if (rest.n && *rest.p == '%') {
			buf_add_char(&out, '%');
			rest = span_from(rest, 1);
			continue;
		}
		v = format_argument(&rest, b, &used);
		if (!v || !rest.n || !format_one(*rest.p, v, &out))
			return refuse(why, words);
		rest = span_from(rest, 1);
	}
	if (b->kind != PYTHON_DICT && used != (b->kind == PYTHON_TUPLE ? b->n : 1))
		return refuse(why, words);
	return text_or_refuse(&out, why);
}

struct python_value *python_operate(struct span operator, const struct python_value * a,
                                    const struct python_value *b, struct buf *why)
{
	if (is_whole(a) && is_whole(b))
		return operate_whole(operator, a->number, b->number, why);
	if (is_number(a) && is_number(b))
		return operate_real(operator, real_of(a), real_of(b), why);
	if (a->kind == PYTHON_STR && span_is(operator, "%"))
		return format(a, b, why);
	if (a->kind == PYTHON_STR && b->kind == PYTHON_STR && span_is(operator, "+"))
		return join_texts(a, b, why);
	if (a->kind == PYTHON_STR && is_whole(b) && span_is(operator, "*"))
		return repeat(a, b->number, why);
	if (a->kind == b->kind && (a->kind == PYTHON_LIST || a->kind == PYTHON_TUPLE) &&
	    span_is(operator, "+"))
		return join_rows(a, b, why);
	return refuse(why, "an operation that is not understood");
}
