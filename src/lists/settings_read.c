/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

static void module_free(struct lists_module *m)
{
	lists_settings_fini(&m->settings);
	free(m->name);
	free(m->file);
	free(m);
}

static void reading_fini(struct lists_reading *reading)
{
	for (size_t i = 0; i < reading->n; i++)
		module_free(reading->modules[i]);
}
#define AUTO_READING __attribute__((cleanup(reading_fini)))

static void statements_fini(struct lists_statements *s)
{
	strings_fini(&s->fixed);
}

static void read_lines(struct lists_reading *reading, struct lists_module *m, struct span text)
{
	__attribute__((cleanup(statements_fini))) struct lists_statements s = { .reading = reading,
		                                                                .module = m };
	AUTO_PYTHON_READER struct python_reader r = { 0 };
	const struct python_line *line;

	python_reader_init(&r, text);
	while (!reading->failed && python_next_line(&r, &line))
		lists_statements_line(&s, line);
}

/* 1 its text is in *text, 0 not there, -1 the host can't be reached. */
static int read_text(struct lists_reading *reading, const char *name, struct buf *text, char **file)
{
	const struct lists_modules *source = reading->source;
	int found = source->read ? source->read(source->context, name, text, file, reading->err)
	                         : 0;

	if (found || !source->defaults || strcmp(name, "Defaults") != 0)
		return found;
	buf_reset(text);
	buf_add_text(text, source->defaults);
	*file = xstrdup("(defaults of Mailman 2.1)");
	return 1;
}

struct lists_module *lists_reading_module(struct lists_reading *reading, struct span name)
{
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *file = NULL, *wanted = span_dup(name);
	struct lists_module *m;
	int found;

	for (size_t i = 0; i < reading->n; i++)
		if (!strcmp(reading->modules[i]->name, wanted))
			return reading->modules[i]->under_way ? NULL : reading->modules[i];
	if (reading->n == LISTS_MODULES_MAX)
		return NULL;
	found = read_text(reading, wanted, &text, &file);
	reading->failed = reading->failed || found < 0;
	if (found <= 0)
		return NULL;
	m = xcalloc(1, sizeof *m);
	m->is_defaults = strcmp(wanted, "Defaults") == 0;
	m->name = TAKE(wanted);
	m->file = TAKE(file);
	m->under_way = true;
	reading->modules[reading->n++] = m;
	read_lines(reading, m, buf_span(&text));
	m->under_way = false;
	return reading->failed ? NULL : m;
}

/* The reports of all modules, in the order in which they were begun. */
static void gather(struct lists_reading *reading, struct lists_settings *into)
{
	for (size_t i = 0; i < reading->n; i++) {
		struct lists_settings *s = &reading->modules[i]->settings;

		into->open_ended = into->open_ended || s->open_ended;
		for (size_t j = 0; s != into && j < s->reports_n; j++)
			lists_settings_report(into, s->reports[j].file, s->reports[j].line,
			                      span_of(s->reports[j].name), s->reports[j].why);
	}
}

int lists_settings_read(struct lists_settings *out, const struct lists_modules *modules,
                        const char *module, struct error *err)
{
	AUTO_READING struct lists_reading reading = { .source = modules, .err = err };
	struct lists_module *m = lists_reading_module(&reading, span_of(module));
	bool first = m != NULL;

	if (!m && !reading.failed)
		m = lists_reading_module(&reading, SPAN("Defaults"));
	if (reading.failed)
		return -1;
	*out = (struct lists_settings){ 0 };
	if (m) {
		gather(&reading, &m->settings);
		*out = m->settings;
		m->settings = (struct lists_settings){ 0 };
	}
	if (!first) {
		AUTO_FREE char *why = xasprintf("%s.py can't be read", module);

		lists_settings_report(out, module, 0, SPAN(""), why);
	}
	return 0;
}
