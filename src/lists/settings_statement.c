/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

static int look(void *context, struct span name, struct python_value **value, struct buf *why)
{
	struct lists_statements *s = context;
	const struct lists_setting *row = lists_settings_row(&s->module->settings, name);

	if (!row || row->gone)
		return 0;
	if (row->value)
		return *value = row->value, 1;
	if (!why->n) {
		buf_add_text(why, "names ");
		buf_add_printable(why, name);
		buf_addf(why, ", whose value is not known (%s:%u)", row->file, row->line);
	}
	return -1;
}

struct python_value *lists_statements_evaluate(struct lists_statements *s,
                                               const struct python_token *tokens, size_t n,
                                               struct buf *why)
{
	struct python_names names = { s, s->reading->work, look };
	struct python_value *v = python_evaluate(tokens, n, &names, why);

	s->reading->work = names.work;
	return v;
}

/* ── assignments ─────────────────────────────────────────────────────────────────────────────── */

static bool is_constant(const struct python_token *t)
{
	return python_token_is(t, "True") || python_token_is(t, "False") ||
	       python_token_is(t, "None");
}

void lists_statements_unknown(struct lists_statements *s, const struct python_token *name,
                              const char *why)
{
	struct lists_module *m = s->module;
	struct lists_setting *row;

	if (is_constant(name))
		return;
	row = lists_settings_put(&m->settings, name->text, NULL, m->file, name->line);
	if (row)
		row->given = !m->is_defaults;
	if (row)
		row->gone = false;
	if (why)
		lists_settings_report(&m->settings, m->file, name->line, name->text, why);
}

/* A dict of Defaults.py that its functions add to. */
static bool is_added_to(const struct python_token *name)
{
	return python_token_is(name, "VIRTUAL_HOSTS") || python_token_is(name, "LC_DESCRIPTIONS");
}

static void assign_name(struct lists_statements *s, const struct python_token *name,
                        struct python_value *value)
{
	struct lists_module *m = s->module;
	struct lists_setting *row;
	AUTO_FREE char *text = span_dup(name->text);

	if (is_constant(name))
		return;
	if (strings_has(&s->fixed, text)) {
		lists_statements_unknown(s, name, "a function sets it too");
		return;
	}
	if (m->is_defaults && is_added_to(name) && value->kind == PYTHON_DICT &&
	    value->references == 1)
		value->changes = true;
	row = lists_settings_put(&m->settings, name->text, python_value_keep(value), m->file,
	                         name->line);
	if (!row)
		return;
	row->given = !m->is_defaults;
	row->gone = false;
}

/* Tokens up to the next `what` at depth 0. */
size_t lists_statements_up_to(const struct python_token *tokens, size_t n, const char *what)
{
	size_t i = 0;

	while (i < n && (tokens[i].depth || !python_token_is(&tokens[i], what)))
		i++;
	return i;
}

bool lists_statements_has(const struct python_token *tokens, size_t n, const char *what)
{
	size_t i = 0;

	while (i < n && !python_token_is(&tokens[i], what))
		i++;
	return i < n;
}

/* Is it NAME, NAME, NAME (also in brackets)? How many; 0: no. */
static size_t count_names(const struct python_token *tokens, size_t n)
{
	size_t names = 0;

	for (size_t i = 0; i < n; i++) {
		if (tokens[i].kind == PYTHON_TOKEN_NAME)
			names++;
		else if (!python_token_is(&tokens[i], ",") && !python_token_is(&tokens[i], "(") &&
		         !python_token_is(&tokens[i], ")"))
			return 0;
		if (i && tokens[i].kind == PYTHON_TOKEN_NAME &&
		    tokens[i - 1].kind == PYTHON_TOKEN_NAME)
			return 0;
	}
	return names;
}

/* NAME[key] = value, of a dict that may change; false: it is none. */
static bool assign_key(struct lists_statements *s, const struct python_token *tokens, size_t n,
                       struct python_value *value)
{
	AUTO_BUF struct buf why = { 0 };
	AUTO_PYTHON_VALUE struct python_value *key = NULL;
	const struct lists_setting *row;

	if (n < 4 || tokens[0].kind != PYTHON_TOKEN_NAME || !python_token_is(&tokens[1], "[") ||
	    !python_token_is(&tokens[n - 1], "]") || tokens[1].depth != tokens[n - 1].depth)
		return false;
	row = lists_settings_row(&s->module->settings, tokens[0].text);
	if (!row || !row->value || !row->value->changes)
		return false;
	key = lists_statements_evaluate(s, tokens + 2, n - 3, &why);
	return key && python_dict_set(row->value, TAKE(key), python_value_keep(value));
}

static void assign(struct lists_statements *s, const struct python_token *target, size_t n,
                   struct python_value *value, const char *why)
{
	size_t names = count_names(target, n), k = 0;
	bool rows = value && (value->kind == PYTHON_TUPLE || value->kind == PYTHON_LIST) &&
	            value->n == names;

	if (value && assign_key(s, target, n, value))
		return;
	if (names == 1 && n > 1)
		names = 0;
	if (value && !names)
		why = "is changed in its place";
	else if (value && names > 1 && !rows)
		why = "gets a part of something";
	for (size_t i = 0; i < n; i++) {
		bool is_part = i && python_token_is(&target[i - 1], ".");

		if (target[i].kind != PYTHON_TOKEN_NAME || is_part)
			continue;
		if (!value || !names || (names > 1 && !rows))
			lists_statements_unknown(s, &target[i], why);
		else
			assign_name(s, &target[i], names > 1 ? value->parts[k++] : value);
		if (!names)
			return;
	}
}

/* A = B = value. */
static void assign_all(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	AUTO_PYTHON_VALUE struct python_value *value = NULL;
	AUTO_BUF struct buf why = { 0 };
	size_t last = 0, from = 0;

	for (size_t i = 0; i < n; i++)
		if (!tokens[i].depth && python_token_is(&tokens[i], "="))
			last = i;
	value = lists_statements_evaluate(s, tokens + last + 1, n - last - 1, &why);
	while (from <= last) {
		size_t length = lists_statements_up_to(tokens + from, n - from, "=");

		assign(s, tokens + from, length, value, buf_text(&why));
		from += length + 1;
	}
}

/* A += value: the operator without its "=". */
static void assign_augmented(struct lists_statements *s, const struct python_token *tokens,
                             size_t n)
{
	AUTO_PYTHON_VALUE struct python_value *more = NULL, *value = NULL;
	AUTO_BUF struct buf why = { 0 };
	struct span operator= { tokens[1].text.p, tokens[1].text.n - 1 };
	struct python_value *before = NULL;

	if (look(s, tokens[0].text, &before, &why) > 0)
		more = lists_statements_evaluate(s, tokens + 2, n - 2, &why);
	if (more && before->changes)
		buf_add_text(&why, "is changed in its place");
	if (more)
		s->reading->work += before->text.n + before->weight + more->text.n + more->weight;
	if (more && !why.n && s->reading->work <= PYTHON_WORK_MAX)
		value = python_operate(operator, before, more, &why);
	if (value) {
		assign_name(s, &tokens[0], value);
	} else {
		lists_statements_unknown(s, &tokens[0],
		                         why.n  ? buf_text(&why)
		                         : more ? "more work than settings can ask for"
		                                : "adds to what nothing sets");
	}
}

static bool is_augmented(const struct python_token *t)
{
	static const char *const operators[] = { "+=", "-=", "*=",  "/=",  "%=",  "&=",
		                                 "|=", "^=", "//=", "**=", ">>=", "<<=" };

	for (size_t i = 0; i < ROWS(operators); i++)
		if (python_token_is(t, operators[i]))
			return true;
	return false;
}

bool lists_statements_assigns(const struct python_token *t)
{
	return python_token_is(t, "=") || is_augmented(t);
}

/* ── statements ──────────────────────────────────────────────────────────────────────────────── */

static void take_del(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	bool plain = count_names(tokens + 1, n - 1) > 0;

	for (size_t i = 1; i < n; i++) {
		struct lists_setting *row;

		if (tokens[i].kind != PYTHON_TOKEN_NAME)
			continue;
		if (!plain) {
			lists_statements_unknown(s, &tokens[i], "a part of it is deleted");
			return;
		}
		row = lists_settings_row(&s->module->settings, tokens[i].text);
		if (row)
			row->gone = true;
	}
}

static void take_statement(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	if (tokens[0].kind != PYTHON_TOKEN_NAME) {
		/* a text by itself is a comment */
		if (tokens[0].kind != PYTHON_TOKEN_STRING)
			lists_statements_touch(s, tokens, n);
	} else if (python_token_is(&tokens[0], "from")) {
		lists_statements_from(s, tokens, n);
	} else if (python_token_is(&tokens[0], "import")) {
		lists_statements_import(s, tokens, n);
	} else if (python_token_is(&tokens[0], "del")) {
		take_del(s, tokens, n);
	} else if (lists_statements_is_boundless(&tokens[0])) {
		lists_statements_touch(s, tokens, n);
	} else if (lists_statements_up_to(tokens, n, "=") < n) {
		assign_all(s, tokens, n);
	} else if (n > 2 && is_augmented(&tokens[1])) {
		assign_augmented(s, tokens, n);
	} else if (n > 2) {
		lists_statements_call(s, tokens, n);
	} else {
		lists_statements_touch(s, tokens, n);
	}
}

static void take_statements(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	if (!s->taken)
		s->block = (struct span){ 0 };
	for (size_t i = 0; i < n;) {
		size_t length = lists_statements_up_to(tokens + i, n - i, ";");

		if (length)
			take_statement(s, tokens + i, length);
		i += length + 1;
	}
}

void lists_statements_line(struct lists_statements *s, const struct python_line *line)
{
	const struct python_token *t = line->tokens;
	struct lists_module *m = s->module;

	if (line->bad)
		lists_settings_report(&m->settings, m->file, line->n ? t->line : 0, SPAN(""),
		                      "is no Python that can be read: a string or bracket does not "
		                      "end");
	if (line->bad || !line->n)
		return;
	if (s->in_function && line->indent > s->function_indent) {
		lists_statements_function_line(s, t, line->n);
		return;
	}
	s->in_function = false;
	if (s->passed && line->indent)
		return;
	if (!line->indent)
		s->taken = s->passed = false;
	if (lists_statements_begins_function(t)) {
		lists_statements_function(s, line);
	} else if (lists_statements_begins_block(t)) {
		s->taken = false;
		lists_statements_block(s, line);
	} else if (line->indent && !s->taken) {
		lists_statements_touch(s, t, line->n);
	} else {
		take_statements(s, t, line->n);
	}
}
