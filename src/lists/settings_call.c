/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

static struct lists_module *defaults_of(struct lists_reading *reading)
{
	for (size_t i = 0; i < reading->n; i++)
		if (reading->modules[i]->is_defaults)
			return reading->modules[i];
	return NULL;
}

static struct python_value *lower(const struct python_value *v)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < v->text.n; i++)
		buf_add_char(&out, ascii_lower(v->text.p[i]));
	return python_str(buf_span(&out));
}

/* What a call adds under the key of its first argument; NULL: not understood. */
static struct python_value *host_of(const struct python_value *arguments)
{
	const struct python_value *url = arguments->parts[0];
	struct span rest = buf_span(&url->text);
	ssize_t dot = span_find(rest, '.');

	if (arguments->n == 2 && arguments->parts[1]->kind == PYTHON_STR)
		return lower(arguments->parts[1]);
	if (arguments->n == 2 && arguments->parts[1]->kind != PYTHON_NONE)
		return NULL;
	if (arguments->n > 2)
		return NULL;
	AUTO_PYTHON_VALUE struct python_value *email = python_str(
		dot < 0 ? SPAN("") : span_from(rest, (size_t)dot + 1));
	return lower(email);
}

static struct python_value *language_of(const struct python_value *arguments)
{
	AUTO_PYTHON_VALUE struct python_value *row = python_new(PYTHON_TUPLE);

	if (arguments->n != 3 && arguments->n != 4)
		return NULL;
	for (size_t i = 1; i < 4; i++) {
		struct python_value *part = i < arguments->n
		                                    ? python_value_keep(arguments->parts[i])
		                                    : python_str(SPAN("ltr"));

		if (!python_add(row, part))
			return NULL;
	}
	return TAKE(row);
}

static const struct adder {
	const char *function, *dict;
	struct python_value *(*value_of)(const struct python_value *arguments);
	bool lowers;
} adders[] = {
	{ "add_virtualhost", "VIRTUAL_HOSTS", host_of, true },
	{ "add_language", "LC_DESCRIPTIONS", language_of, false },
};

/* The arguments between the brackets as a tuple, or NULL. */
static struct python_value *arguments_of(struct lists_statements *s,
                                         const struct python_token *tokens, size_t n,
                                         struct buf *why)
{
	struct python_value *v = lists_statements_evaluate(s, tokens, n, why), *one;

	if (!v || v->kind == PYTHON_TUPLE)
		return v;
	one = python_new(PYTHON_TUPLE);
	if (!python_add(one, v)) {
		python_value_free(one);
		return NULL;
	}
	return one;
}

/* Adds to the dict as the function of Defaults.py does: to that of its own module. */
static void call_adder(struct lists_statements *s, const struct adder *adder,
                       const struct python_token *tokens, size_t n)
{
	AUTO_PYTHON_VALUE struct python_value *arguments = NULL, *value = NULL;
	struct lists_module *defaults = defaults_of(s->reading);
	AUTO_BUF struct buf why = { 0 };
	struct lists_setting *row = defaults ? lists_settings_row(&defaults->settings,
	                                                          span_of(adder->dict))
	                                     : NULL;
	struct python_token name = tokens[0];

	name.text = span_of(adder->dict);
	if (row && row->value && row->value->changes)
		arguments = arguments_of(s, tokens + 1, n - 1, &why);
	else
		buf_add_text(&why, "is added to, and what it holds is not known");
	if (arguments && arguments->n && arguments->parts[0]->kind == PYTHON_STR)
		value = adder->value_of(arguments);
	if (value) {
		struct python_value *key = adder->lowers ? lower(arguments->parts[0])
		                                         : python_value_keep(arguments->parts[0]);

		s->reading->work += row->value->n;
		if (key && s->reading->work <= PYTHON_WORK_MAX &&
		    python_dict_set(row->value, key, TAKE(value)))
			return;
	}
	if (!why.n)
		buf_addf(&why, "%s() with arguments that are not understood", adder->function);
	lists_statements_unknown(s, &name, buf_text(&why));
	if (row && s->module != defaults) {
		python_value_free(row->value);
		row->value = NULL;
	}
}

/* NAME.clear() of a dict that may change. */
static bool call_clear(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	struct lists_setting *row;

	if (n != 5 || !python_token_is(&tokens[1], ".") || !python_token_is(&tokens[2], "clear"))
		return false;
	row = lists_settings_row(&s->module->settings, tokens[0].text);
	if (!row || !row->value || !row->value->changes)
		return false;
	python_dict_clear(row->value);
	return true;
}

void lists_statements_call(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	struct lists_setting *row = lists_settings_row(&s->module->settings, tokens[0].text);

	for (size_t i = 0; i < ROWS(adders); i++)
		if (python_token_is(&tokens[0], adders[i].function) && (!row || !row->given)) {
			call_adder(s, &adders[i], tokens, n);
			return;
		}
	if (!call_clear(s, tokens, n))
		lists_statements_touch(s, tokens, n);
}
