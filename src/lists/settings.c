/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/settings.h"

#include "base/memory.h"
#include "lists/settings_inside.h"

#include <string.h>

static void setting_fini(struct lists_setting *row)
{
	free(row->name);
	free(row->file);
	python_value_free(row->value);
}

void lists_settings_fini(struct lists_settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		setting_fini(&s->rows[i]);
	for (size_t i = 0; i < s->reports_n; i++) {
		free(s->reports[i].file);
		free(s->reports[i].name);
		free(s->reports[i].why);
	}
	free(s->rows);
	free(s->reports);
	free(s->index);
	*s = (struct lists_settings){ 0 };
}

/* ── the index ───────────────────────────────────────────────────────────────────────────────── */

/* FNV-1a */
static uint32_t hash_of(struct span name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h;
}

/* The place in the index that has the name, or is free for it. A row stands there as its number +
 * 1. */
static uint32_t *place_of(const struct lists_settings *s, struct span name)
{
	size_t at = hash_of(name) & (s->index_room - 1);

	while (s->index[at] && !span_is(name, s->rows[s->index[at] - 1].name))
		at = (at + 1) & (s->index_room - 1);
	return &s->index[at];
}

static void grow_index(struct lists_settings *s)
{
	s->index_room = s->index_room ? 2 * s->index_room : 64;
	free(s->index);
	s->index = xcalloc(s->index_room, sizeof *s->index);
	for (size_t i = 0; i < s->n; i++)
		*place_of(s, span_of(s->rows[i].name)) = (uint32_t)i + 1;
}

struct lists_setting *lists_settings_row(struct lists_settings *s, struct span name)
{
	uint32_t *place = s->index_room ? place_of(s, name) : NULL;

	return place && *place ? &s->rows[*place - 1] : NULL;
}

struct lists_setting *lists_settings_put(struct lists_settings *s, struct span name,
                                         struct python_value *value, const char *file,
                                         unsigned line)
{
	struct lists_setting *row = lists_settings_row(s, name);

	if (!row && s->n == LISTS_SETTINGS_MAX) {
		s->open_ended = true;
		python_value_free(value);
		return NULL;
	}
	if (!row) {
		if (2 * (s->n + 1) > s->index_room)
			grow_index(s);
		ARRAY_GROW(s->rows, s->n, s->room);
		row = &s->rows[s->n];
		*row = (struct lists_setting){ .name = span_dup(name) };
		*place_of(s, name) = (uint32_t)++s->n;
	}
	python_value_free(row->value);
	row->value = value;
	if (!row->file || strcmp(row->file, file) != 0) {
		free(row->file);
		row->file = xstrdup(file);
	}
	row->line = line;
	return row;
}

void lists_settings_report(struct lists_settings *s, const char *file, unsigned line,
                           struct span name, const char *why)
{
	bool full = s->reports_n == LISTS_REPORTS_MAX;

	if (!name.n)
		s->open_ended = true;
	if (s->reports_n > LISTS_REPORTS_MAX)
		return;
	ARRAY_GROW(s->reports, s->reports_n, s->reports_room);
	s->reports[s->reports_n++] = (struct lists_report){
		.file = xstrdup(file),
		.line = line,
		.name = full ? xstrdup("") : span_dup(name),
		.why = xstrdup(full ? "there is more that is not understood" : why),
	};
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

const struct lists_setting *lists_setting(const struct lists_settings *s, const char *name)
{
	uint32_t *place = s->index_room ? place_of(s, span_of(name)) : NULL;

	return place && *place && !s->rows[*place - 1].gone ? &s->rows[*place - 1] : NULL;
}

static const struct python_value *value_of(const struct lists_settings *s, const char *name)
{
	const struct lists_setting *row = lists_setting(s, name);

	return row ? row->value : NULL;
}

const char *lists_setting_text(const struct lists_settings *s, const char *name)
{
	const struct python_value *v = value_of(s, name);

	/* a NUL inside would cut it without a word */
	if (!v || v->kind != PYTHON_STR || span_find(buf_span(&v->text), '\0') >= 0)
		return NULL;
	return buf_text(&v->text);
}

bool lists_setting_is_true(const struct lists_settings *s, const char *name, bool otherwise)
{
	const struct python_value *v = value_of(s, name);

	return v ? python_is_true(v) : otherwise;
}

bool lists_setting_is_unknown(const struct lists_settings *s, const char *name)
{
	const struct lists_setting *row = lists_setting(s, name);

	return row && !row->value;
}

void lists_setting_texts(const struct lists_settings *s, const char *name, struct strings *out)
{
	const struct python_value *v = value_of(s, name);
	size_t step = v && v->kind == PYTHON_DICT ? 2 : 1;

	for (size_t i = 0; v && i < v->n; i += step)
		if (v->parts[i]->kind == PYTHON_STR)
			strings_add_span(out, buf_span(&v->parts[i]->text));
}
