/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

#define STARS_MAX 64u /* imports of everything */

static void import_row(struct lists_statements *s, const struct lists_setting *from,
                       struct span name)
{
	struct python_value *value = from->value ? python_value_keep(from->value) : NULL;
	struct lists_setting *row = lists_settings_put(&s->module->settings, name, value,
	                                               from->file, from->line);

	if (row)
		row->given = from->given;
	if (row)
		row->gone = false;
}

static void import_star(struct lists_statements *s, struct lists_module *m)
{
	for (size_t i = 0; i < m->settings.n; i++) {
		const struct lists_setting *row = &m->settings.rows[i];

		if (*row->name != '_' && !row->gone)
			import_row(s, row, span_of(row->name));
	}
}

/* a, b as c: from `m`, or unknown where that is NULL. */
static void import_names(struct lists_statements *s, struct lists_module *m,
                         const struct python_token *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool renamed = i + 2 < n && python_token_is(&tokens[i + 1], "as");
		const struct python_token *as = renamed ? &tokens[i + 2] : &tokens[i];
		const struct lists_setting *row;

		if (tokens[i].kind != PYTHON_TOKEN_NAME)
			continue;
		row = m ? lists_settings_row(&m->settings, tokens[i].text) : NULL;
		if (row && !row->gone)
			import_row(s, row, as->text);
		else if (!python_token_is(as, "os"))
			lists_statements_unknown(s, as, NULL);
		i += renamed ? 2 : 0;
	}
}

/* from MODULE import ... */
void lists_statements_from(struct lists_statements *s, const struct python_token *tokens, size_t n)
{
	size_t at = lists_statements_up_to(tokens, n, "import");
	AUTO_BUF struct buf name = { 0 }, why = { 0 };
	struct lists_module *m;
	struct span module;

	for (size_t i = 1; i < at && name.n < 200; i++)
		buf_add_span(&name, tokens[i].text);
	module = buf_span(&name);
	if (span_is(module, "__future__") || at + 1 >= n)
		return;
	if (span_starts(module, "Mailman."))
		module = span_from(module, strlen("Mailman."));
	m = lists_reading_module(s->reading, module);
	if (s->reading->failed)
		return;
	if (!python_token_is(&tokens[at + 1], "*")) {
		import_names(s, m, tokens + at + 1, n - at - 1);
	} else if (m && s->reading->stars < STARS_MAX) {
		s->reading->stars++;
		import_star(s, m);
	} else {
		buf_add_text(&why, "takes all that ");
		buf_add_printable(&why, module);
		buf_add_text(&why, " sets, which can't be read");
		lists_settings_report(&s->module->settings, s->module->file, tokens->line, SPAN(""),
		                      buf_text(&why));
	}
}

/* import a.b, c as d: names of modules, which are no settings. */
void lists_statements_import(struct lists_statements *s, const struct python_token *tokens,
                             size_t n)
{
	for (size_t i = 1; i < n; i++) {
		size_t length = lists_statements_up_to(tokens + i, n - i, ",");
		bool renamed = length >= 3 && python_token_is(&tokens[i + length - 2], "as");
		const struct python_token *name = &tokens[renamed ? i + length - 1 : i];

		if (length && !python_token_is(name, "os"))
			lists_statements_unknown(s, name, NULL);
		i += length;
	}
}
