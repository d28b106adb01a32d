/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/python_expression.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define NESTING_MAX 60u /* brackets and signs in each other */

struct expression {
	const struct python_token *tokens; /* borrowed */
	size_t i, n;
	struct python_names *names;
	struct buf *why;
	unsigned nesting;
};

static struct python_value *refuse(struct expression *e, const char *words)
{
	if (!e->why->n)
		buf_add_text(e->why, words);
	return NULL;
}

static const struct python_token *peek(const struct expression *e)
{
	return e->i < e->n ? &e->tokens[e->i] : NULL;
}

static bool next_is(const struct expression *e, const char *text)
{
	return e->i < e->n && python_token_is(&e->tokens[e->i], text);
}

static bool take(struct expression *e, const char *text)
{
	bool is = next_is(e, text);

	e->i += is;
	return is;
}

static struct python_value *read_operation(struct expression *e, unsigned least);

static struct python_value *read_expression(struct expression *e)
{
	struct python_value *v;

	if (++e->nesting > NESTING_MAX)
		return refuse(e, "too many brackets in each other");
	v = read_operation(e, 0);
	e->nesting--;
	return v;
}

/* ── literals ────────────────────────────────────────────────────────────────────────────────── */

static struct python_value *read_strings(struct expression *e)
{
	AUTO_BUF struct buf all = { 0 };
	struct python_value *v;

	for (; e->i < e->n && e->tokens[e->i].kind == PYTHON_TOKEN_STRING; e->i++)
		if (!python_string_value(e->tokens[e->i].text, &all))
			return refuse(e, "a string with an escape that is not understood");
	v = python_str(buf_span(&all));
	return v ? v : refuse(e, "a text that is too long");
}

/* The digits behind 0x, 0o, 0b, or 0 alone; NULL: it is none of these. */
static const char *base_of(const char *digits, int *base)
{
	static const struct {
		char letter;
		int base;
	} rows[] = { { 'x', 16 }, { 'o', 8 }, { 'b', 2 } };

	for (size_t i = 0; i < ROWS(rows); i++)
		if (digits[0] == '0' && ascii_lower(digits[1]) == rows[i].letter)
			return *base = rows[i].base, digits + 2;
	*base = digits[0] == '0' ? 8 : 10;
	return digits;
}

static struct python_value *read_number(struct expression *e)
{
	AUTO_FREE char *text = span_dup(e->tokens[e->i++].text);
	size_t n = strlen(text);
	const char *digits;
	char *end;
	int base;
	long long number;

	if (n > 1 && ascii_lower(text[n - 1]) == 'l')
		text[n - 1] = '\0';
	digits = base_of(text, &base);
	errno = 0;
	number = strtoll(digits, &end, base);
	if (!*end && end != digits && !errno)
		return python_int(number);
	if (errno)
		return refuse(e, "a number that is too large");
	double real = strtod(text, &end);
	return !*end && base != 16 && base != 2 ? python_float(real)
	                                        : refuse(e, "a number that is none");
}

/* What stands between brackets, up to `close`; parts are put into `into`. */
static struct python_value *read_parts(struct expression *e, enum python_kind kind,
                                       const char *close)
{
	AUTO_PYTHON_VALUE struct python_value *into = python_new(kind);

	while (!take(e, close)) {
		AUTO_PYTHON_VALUE struct python_value *key = NULL;
		struct python_value *v;
		bool good;

		if (kind == PYTHON_DICT) {
			key = read_expression(e);
			if (!key)
				return NULL;
			if (!take(e, ":"))
				return refuse(e, "a dict that is not understood");
		}
		v = read_expression(e);
		if (!v)
			return NULL;
		good = key ? python_dict_set(into, TAKE(key), v) : python_add(into, v);
		if (!good)
			return refuse(e, "a list that is too long or too deep");
		if (!take(e, ",") && !next_is(e, close))
			return refuse(e, "an expression that is not understood");
	}
	return TAKE(into);
}

static struct python_value *read_brackets(struct expression *e)
{
	AUTO_PYTHON_VALUE struct python_value *all = NULL;
	bool comma;

	if (take(e, "["))
		return read_parts(e, PYTHON_LIST, "]");
	if (take(e, "{"))
		return read_parts(e, PYTHON_DICT, "}");
	e->i++;
	all = read_parts(e, PYTHON_TUPLE, ")");
	if (!all)
		return NULL;
	comma = python_token_is(&e->tokens[e->i - 2], ",");
	if (all->n == 1 && !comma)
		return python_value_keep(all->parts[0]);
	return TAKE(all);
}

/* ── names and calls ─────────────────────────────────────────────────────────────────────────── */

static struct python_value *call_join(struct expression *e, const struct python_value *arguments)
{
	AUTO_BUF struct buf path = { 0 };

	for (size_t i = 0; i < arguments->n; i++) {
		const struct python_value *v = arguments->parts[i];
		struct span s = buf_span(&v->text);

		if (v->kind != PYTHON_STR)
			return refuse(e, "os.path.join() of what is no text");
		if (span_starts(s, "/"))
			buf_reset(&path);
		else if (path.n && path.p[path.n - 1] != '/')
			buf_add_char(&path, '/');
		buf_add_span(&path, s);
		if (path.n > PYTHON_TEXT_MAX)
			return refuse(e, "a text that is too long");
	}
	return arguments->n ? python_str(buf_span(&path)) : refuse(e, "os.path.join() of nothing");
}

/* seconds(), minutes(), hours(), days() of Defaults.py */
static struct python_value *call_times(struct expression *e, const struct python_value *arguments,
                                       int64_t seconds)
{
	AUTO_PYTHON_VALUE struct python_value *factor = python_int(seconds);

	if (arguments->n != 1)
		return refuse(e, "a time that is not understood");
	return python_operate(SPAN("*"), arguments->parts[0], factor, e->why);
}

static struct python_value *call(struct expression *e, struct span name,
                                 const struct python_value *arguments)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} times[] = { { "seconds", 1 }, { "minutes", 60 }, { "hours", 3600 }, { "days", 86400 } };

	if (span_is(name, "os.path.join"))
		return call_join(e, arguments);
	if (span_is(name, "_") && arguments->n == 1)
		return python_value_keep(arguments->parts[0]);
	for (size_t i = 0; i < ROWS(times); i++)
		if (span_is(name, times[i].name))
			return call_times(e, arguments, times[i].seconds);
	return refuse(e, "a call that is not understood");
}

static bool is_callable(struct span name)
{
	static const char *const names[] = { "os.path.join", "_",     "seconds",
		                             "minutes",      "hours", "days" };

	for (size_t i = 0; i < ROWS(names); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* NAME.NAME.NAME with nothing but dots between them, as one span without blanks; or just the first.
 *  */
static struct span read_dotted(struct expression *e, struct buf *dotted)
{
	buf_add_span(dotted, e->tokens[e->i++].text);
	while (e->i + 1 < e->n && next_is(e, ".") &&
	       e->tokens[e->i + 1].kind == PYTHON_TOKEN_NAME && dotted->n < 1000) {
		buf_add_char(dotted, '.');
		buf_add_span(dotted, e->tokens[e->i + 1].text);
		e->i += 2;
	}
	return buf_span(dotted);
}

static struct python_value *read_call(struct expression *e, struct span first, struct span name)
{
	AUTO_PYTHON_VALUE struct python_value *arguments = NULL;
	AUTO_BUF struct buf why = { 0 };
	struct python_value *other;

	/* Defaults.py's own functions are known; a site's of the same name would be others */
	if (!is_callable(name) || e->names->look(e->names->context, first, &other, &why) != 0) {
		if (!e->why->n) {
			buf_add_text(e->why, "calls ");
			buf_add_printable(e->why, name);
			buf_add_text(e->why, "()");
		}
		return NULL;
	}
	e->i++;
	arguments = read_parts(e, PYTHON_TUPLE, ")");
	return arguments ? call(e, name, arguments) : NULL;
}

static bool is_keyword(struct span name)
{
	static const char *const words[] = { "lambda", "not", "and", "or", "if",
		                             "else",   "for", "in",  "is", "yield" };

	for (size_t i = 0; i < ROWS(words); i++)
		if (span_is(name, words[i]))
			return true;
	return false;
}

static struct python_value *read_name(struct expression *e)
{
	AUTO_BUF struct buf dotted = { 0 };
	struct span first = e->tokens[e->i].text, name;
	struct python_value *v = NULL;
	int found;

	if (span_is(first, "None") || span_is(first, "True") || span_is(first, "False")) {
		e->i++;
		return span_is(first, "None") ? python_none() : python_bool(*first.p == 'T');
	}
	if (is_keyword(first))
		return refuse(e, "more than a value");
	name = read_dotted(e, &dotted);
	if (next_is(e, "("))
		return read_call(e, first, name);
	if (name.n != first.n)
		return refuse(e, "a part of something else (with a dot)");
	found = e->names->look(e->names->context, first, &v, e->why);
	if (found > 0)
		return python_value_keep(v);
	if (found == 0 && !e->why->n) {
		buf_add_text(e->why, "names ");
		buf_add_printable(e->why, first);
		buf_add_text(e->why, ", which nothing sets");
	}
	return NULL;
}

/* ── operations ──────────────────────────────────────────────────────────────────────────────── */

static struct python_value *read_signed(struct expression *e)
{
	AUTO_PYTHON_VALUE struct python_value *v = NULL, *zero = python_int(0);
	struct span sign = e->tokens[e->i++].text;

	v = ++e->nesting > NESTING_MAX ? refuse(e, "too many signs") : read_operation(e, 100);
	e->nesting--;
	if (!v || *sign.p == '+')
		return TAKE(v);
	if (*sign.p == '-')
		return python_operate(SPAN("-"), zero, v, e->why);
	if (v->kind != PYTHON_INT && v->kind != PYTHON_BOOL)
		return refuse(e, "an operation that is not understood");
	return python_int(~v->number);
}

static struct python_value *read_primary(struct expression *e)
{
	const struct python_token *t = peek(e);
	AUTO_PYTHON_VALUE struct python_value *v = NULL;

	if (!t)
		return refuse(e, "an expression that ends too early");
	if (t->kind == PYTHON_TOKEN_STRING)
		v = read_strings(e);
	else if (t->kind == PYTHON_TOKEN_NUMBER)
		v = read_number(e);
	else if (t->kind == PYTHON_TOKEN_NAME)
		v = read_name(e);
	else if (next_is(e, "(") || next_is(e, "[") || next_is(e, "{"))
		v = read_brackets(e);
	else if (next_is(e, "-") || next_is(e, "+") || next_is(e, "~"))
		return read_signed(e);
	else
		return refuse(e, "an expression that is not understood");
	if (v && (next_is(e, ".") || next_is(e, "[") || next_is(e, "(") || next_is(e, "**")))
		return refuse(e, "a part, a call or a power of something");
	return TAKE(v);
}

/* How strongly an operator binds; 0: it is none that is understood. */
static unsigned strength(const struct python_token *t)
{
	static const struct {
		const char *operator;
		unsigned strength;
	} rows[] = {
		{ "|", 1 }, { "^", 2 }, { "&", 3 }, { "<<", 4 }, { ">>", 4 }, { "+", 5 },
		{ "-", 5 }, { "*", 6 }, { "/", 6 }, { "//", 6 }, { "%", 6 },
	};

	if (t->kind != PYTHON_TOKEN_OPERATOR)
		return 0;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (span_is(t->text, rows[i].operator))
			return rows[i].strength;
	return 0;
}

/* Operators that bind more strongly than `least`, from left to right. */
static struct python_value *read_operation(struct expression *e, unsigned least)
{
	AUTO_PYTHON_VALUE struct python_value *a = read_primary(e);

	while (a && peek(e) && strength(peek(e)) > least) {
		AUTO_PYTHON_VALUE struct python_value *b = NULL;
		const struct python_token *operator= & e->tokens[e->i++];
		struct python_value *result;

		b = read_operation(e, strength(operator));
		if (b)
			e->names->work += a->text.n + b->text.n + a->weight + b->weight;
		if (e->names->work > PYTHON_WORK_MAX)
			return refuse(e, "more work than settings can ask for");
		result = b ? python_operate(operator->text, a, b, e->why) : NULL;
		python_value_free(a);
		a = result;
		if (a)
			e->names->work += a->text.n + a->weight;
	}
	return TAKE(a);
}

struct python_value *python_evaluate(const struct python_token *tokens, size_t n,
                                     struct python_names *names, struct buf *why)
{
	struct expression e = { .tokens = tokens, .n = n, .names = names, .why = why };
	AUTO_PYTHON_VALUE struct python_value *v = NULL, *all = NULL;

	buf_reset(why);
	v = read_expression(&e);
	if (v && next_is(&e, ",")) {
		all = python_new(PYTHON_TUPLE);
		if (!python_add(all, TAKE(v)))
			return refuse(&e, "a list that is too long or too deep");
		while (take(&e, ",") && e.i < e.n) {
			v = read_expression(&e);
			if (!v)
				return NULL;
			if (!python_add(all, TAKE(v)))
				return refuse(&e, "a list that is too long or too deep");
		}
		v = TAKE(all);
	}
	if (v && e.i < e.n)
		return refuse(&e, "more than a value");
	return TAKE(v);
}
