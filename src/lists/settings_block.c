/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

#define FIXED_MAX 1000u /* names that functions set by `global` */

/* Functions that Defaults.py defines, and which are understood. */
static bool is_known_function(const struct python_token *name)
{
	static const char *const names[] = { "seconds", "minutes",         "hours",       "days",
		                             "_",       "add_virtualhost", "add_language" };

	for (size_t i = 0; i < ROWS(names); i++)
		if (python_token_is(name, names[i]))
			return true;
	return false;
}

/* ── what can't be followed ──────────────────────────────────────────────────────────────────── */

static const char *reason(const struct lists_statements *s, struct buf *words)
{
	buf_reset(words);
	if (s->block.n)
		buf_addf(words, "is set below \"%.*s\"", (int)s->block.n, s->block.p);
	else
		buf_add_text(words, "is changed by more than an assignment");
	return buf_text(words);
}

static void open_end(struct lists_statements *s, const struct python_token *t, const char *why)
{
	lists_settings_report(&s->module->settings, s->module->file, t->line, SPAN(""), why);
}

/* Words of a statement that sets nothing. */
static bool is_harmless(const struct python_token *t)
{
	static const char *const words[] = { "pass",   "print", "assert",   "raise",
		                             "return", "break", "continue", "yield" };

	for (size_t i = 0; i < ROWS(words); i++)
		if (python_token_is(t, words[i]))
			return true;
	return false;
}

/* Words that may set any name. */
bool lists_statements_is_boundless(const struct python_token *t)
{
	static const char *const words[] = { "exec", "execfile", "globals", "locals",
		                             "vars", "setattr",  "eval",    "reload" };

	for (size_t i = 0; i < ROWS(words); i++)
		if (python_token_is(t, words[i]))
			return true;
	return false;
}

/* A call as a statement. */
static void touch_call(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	const struct lists_setting *row = lists_settings_row(&s->module->settings, tokens->text);
	AUTO_BUF struct buf why = { 0 };
	struct python_token name = *tokens;

	if (python_token_is(tokens, "add_virtualhost"))
		name.text = SPAN("VIRTUAL_HOSTS");
	else if (python_token_is(tokens, "add_language"))
		name.text = SPAN("LC_DESCRIPTIONS");
	if (name.text.p != tokens->text.p || (row && row->value))
		lists_statements_unknown(s, &name, reason(s, &why));
	else if (lists_statements_has(tokens, n, "("))
		lists_settings_report(&s->module->settings, s->module->file, tokens->line,
		                      tokens->text, "is called");
}

static bool is_assignment(const struct python_token *tokens, size_t n, size_t *last)
{
	bool found = false;

	for (size_t i = 0; i < n; i++)
		if (!tokens[i].depth && tokens[i].kind == PYTHON_TOKEN_OPERATOR &&
		    lists_statements_assigns(&tokens[i])) {
			*last = i;
			found = true;
		}
	return found;
}

static void touch_targets(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	AUTO_BUF struct buf why = { 0 };

	for (size_t i = 0; i < n; i++)
		if (tokens[i].kind == PYTHON_TOKEN_NAME &&
		    !(i && python_token_is(&tokens[i - 1], ".")))
			lists_statements_unknown(s, &tokens[i], reason(s, &why));
}

static void touch_statement(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	size_t last;

	if (tokens->kind != PYTHON_TOKEN_NAME && tokens->kind != PYTHON_TOKEN_OPERATOR)
		return;
	if (is_harmless(tokens))
		return;
	for (size_t i = 0; i < n; i++)
		if (tokens[i].kind == PYTHON_TOKEN_NAME &&
		    lists_statements_is_boundless(&tokens[i])) {
			open_end(s, tokens, "runs code that may set anything");
			return;
		}
	if (python_token_is(tokens, "import"))
		lists_statements_import(s, tokens, n);
	else if (python_token_is(tokens, "from") && python_token_is(&tokens[n - 1], "*"))
		open_end(s, tokens, "takes all that a module sets, below a condition");
	else if (python_token_is(tokens, "from"))
		touch_targets(s, tokens + lists_statements_up_to(tokens, n, "import"),
		              n - lists_statements_up_to(tokens, n, "import"));
	else if (python_token_is(tokens, "del") || python_token_is(tokens, "global"))
		touch_targets(s, tokens + 1, n - 1);
	else if (is_assignment(tokens, n, &last))
		touch_targets(s, tokens, last);
	else if (tokens->kind == PYTHON_TOKEN_NAME)
		touch_call(s, tokens, n);
}

void lists_statements_touch(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t length = lists_statements_up_to(tokens + i, n - i, ";");

		if (length)
			touch_statement(s, tokens + i, length);
		i += length + 1;
	}
}

/* ── functions and blocks ────────────────────────────────────────────────────────────────────── */

/* The functions and classes themselves; what they set is their own, but for `global`. */
void lists_statements_function_line(struct lists_statements *s, const struct python_token *tokens,
                                    size_t n)
{
	bool global = false;

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *name = NULL;

		if (tokens[i].kind != PYTHON_TOKEN_NAME) {
			global = global && python_token_is(&tokens[i], ",");
			continue;
		}
		if (!global) {
			global = python_token_is(&tokens[i], "global");
			continue;
		}
		name = span_dup(tokens[i].text);
		lists_statements_unknown(s, &tokens[i], "a function sets it");
		if (s->fixed.n < FIXED_MAX && !strings_has(&s->fixed, name))
			strings_add(&s->fixed, name);
		else if (s->fixed.n == FIXED_MAX)
			s->module->settings.open_ended = true;
	}
}

bool lists_statements_begins_function(const struct python_token *t)
{
	return python_token_is(t, "def") || python_token_is(t, "class");
}

void lists_statements_function(struct lists_statements *s, const struct python_line *line)
{
	const struct python_token *name = line->n > 1 ? &line->tokens[1] : &line->tokens[0];

	s->in_function = true;
	s->function_indent = line->indent;
	if (!s->module->is_defaults || !is_known_function(name))
		lists_statements_unknown(s, name, s->module->is_defaults ? NULL : "is code");
	lists_statements_function_line(s, line->tokens, line->n);
}

bool lists_statements_begins_block(const struct python_token *t)
{
	static const char *const words[] = { "if",  "elif", "else",   "for",    "while",
		                             "try", "with", "except", "finally" };

	for (size_t i = 0; i < ROWS(words); i++)
		if (python_token_is(t, words[i]))
			return true;
	return false;
}

/* Defaults.py asks whether configure(1) left '${prefix}' in EXEC_PREFIX, in each release. */
static void decide(struct lists_statements *s, const struct python_token *t, size_t n)
{
	size_t equal = lists_statements_up_to(t, n, "==");
	AUTO_PYTHON_VALUE struct python_value *a = NULL, *b = NULL;
	AUTO_BUF struct buf why = { 0 };

	if (equal + 1 >= n)
		return;
	a = lists_statements_evaluate(s, t, equal, &why);
	b = lists_statements_evaluate(s, t + equal + 1, n - equal - 1, &why);
	if (!a || !b || a->kind != PYTHON_STR || b->kind != PYTHON_STR)
		return;
	s->taken = span_equal(buf_span(&a->text), buf_span(&b->text));
	s->passed = !s->taken;
}

void lists_statements_block(struct lists_statements *s, const struct python_line *line)
{
	const struct python_token *t = line->tokens;
	size_t colon = lists_statements_up_to(t, line->n, ":");

	s->block = t->text;
	if (s->module->is_defaults && python_token_is(t, "if") && colon + 1 == line->n &&
	    !line->indent)
		decide(s, t + 1, colon - 1);
	size_t in = python_token_is(t, "for") ? lists_statements_up_to(t, line->n, "in") : 0;
	if (in)
		for (size_t i = 1; i < in; i++)
			if (t[i].kind == PYTHON_TOKEN_NAME)
				lists_statements_unknown(s, &t[i], "is set by for");
	if (python_token_is(t, "with") && colon > 2 && python_token_is(&t[colon - 2], "as"))
		lists_statements_unknown(s, &t[colon - 1], "is set by with");
	if (colon + 1 < line->n)
		lists_statements_touch(s, t + colon + 1, line->n - colon - 1);
}
