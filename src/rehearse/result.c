/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/result.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MOST 200u /* failures in the table; the JSON has all */

void rehearse_result_fini(struct rehearse_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->failures[i].name);
		free(r->failures[i].words);
	}
	free(r->failures);
	free(r->cutover.skipped);
	free(r->cutover.rows);
	strings_fini(&r->notes);
	strings_fini(&r->proof);
	strings_fini(&r->mended);
	strings_fini(&r->only);
	strings_fini(&r->tried);
	*r = (struct rehearse_result){ 0 };
}

static struct rehearse_failure *find(const struct rehearse_result *r, const char *step,
                                     const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->failures[i].step, step) && !strcmp(r->failures[i].name, name))
			return &r->failures[i];
	return NULL;
}

void rehearse_fail(struct rehearse_result *r, const char *step, const char *name,
                   const char *format, ...)
{
	AUTO_BUF struct buf printable = { 0 };
	AUTO_FREE char *words = NULL;
	va_list args;

	if (find(r, step, name))
		return;
	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		abort();
	va_end(args);
	buf_add_printable(&printable, span_of(words));
	ARRAY_GROW(r->failures, r->n, r->room);
	r->failures[r->n++] = (struct rehearse_failure){ .step = step,
		                                         .name = xstrdup(name),
		                                         .words = xstrdup(buf_text(&printable)) };
}

static bool was_tried(const struct rehearse_result *r, const char *step)
{
	if (span_starts(span_of(step), "cutover") || !strcmp(step, "rollback"))
		return r->cutover.n > 0;
	return !r->tried.n || strings_has(&r->tried, step);
}

void rehearse_compare(struct rehearse_result *r, const char *last)
{
	json_t *all = json_loads(last, 0, NULL), *one;
	size_t k;

	if (!json_is_object(all)) {
		json_decref(all);
		return;
	}
	r->compared = true;
	for (size_t i = 0; i < r->n; i++)
		r->failures[i].is_new = true;
	json_array_foreach (json_object_get(all, "failures"), k, one) {
		const char *step = json_string_value(json_object_get(one, "step"));
		const char *name = json_string_value(json_object_get(one, "name"));
		struct rehearse_failure *now = step && name ? find(r, step, name) : NULL;

		if (now)
			now->is_new = false;
		else if (step && name && was_tried(r, step))
			strings_addf(&r->mended, "%s %s", step, name);
	}
	r->cutover.last_window_s = json_number_value(
		json_object_get(json_object_get(all, "cutover"), "window_seconds"));
	json_decref(all);
}

bool rehearse_was_whole(const char *json)
{
	json_t *all = json_loads(json, 0, NULL);
	bool whole = json_array_size(json_object_get(all, "only")) == 0;

	json_decref(all);
	return whole;
}

/* ── showing ─────────────────────────────────────────────────────────────────────────────────── */

static void add_lines(struct buf *out, const char *title, const struct strings *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		buf_addf(out, "%s%s\n", title, lines->rows[i]);
}

static void add_cutover(struct buf *out, const struct rehearse_cutover *c)
{
	char length[24];

	if (c->skipped)
		buf_addf(out, "-  cutover     skipped: %s\n", c->skipped);
	for (size_t i = 0; i < c->n; i++)
		buf_addf(out, "%s  %-20s %-10s  %s\n", c->rows[i].back ? "rollback" : "cut-over",
		         c->rows[i].name, c->rows[i].end,
		         text_duration(length, c->rows[i].seconds));
	if (c->window_s <= 0)
		return;
	buf_addf(out, "predicted window  %s", text_duration(length, c->window_s));
	if (c->last_window_s > 0)
		buf_addf(out, " (by the last rehearsal %s)",
		         text_duration(length, c->last_window_s));
	buf_add_char(out, '\n');
}

void rehearse_add_table(struct buf *out, const struct rehearse_result *r)
{
	char length[24];

	for (size_t i = 0; i < r->steps_n; i++) {
		const struct rehearse_step *s = &r->steps[i];
		char failed[24] = "";

		if (s->failed)
			snprintf(failed, sizeof failed, "%u failed", s->failed);
		buf_addf(out, "%s  %-10s  %-46s %5u  %-10s  %s\n",
		         s->failed  ? "N"
		         : s->asked ? "Y"
		                    : "-",
		         s->id, s->title, s->asked, failed, text_duration(length, s->seconds));
	}
	add_cutover(out, &r->cutover);
	for (size_t i = 0; i < r->n && i < SHOWN_MOST; i++) {
		const struct rehearse_failure *f = &r->failures[i];

		buf_addf(out, "%s  %s  %s: %s\n", f->is_new ? "NEW " : "FAIL", f->step, f->name,
		         f->words);
	}
	if (r->n > SHOWN_MOST)
		buf_addf(out, "... and %zu more (--json has all)\n", r->n - SHOWN_MOST);
	add_lines(out, "mended  ", &r->mended);
	add_lines(out, "note  ", &r->notes);
	add_lines(out, "proof  ", &r->proof);
	buf_addf(out, "%zu failures, %u messages caught, %s\n", r->n, r->caught,
	         text_duration(length, r->seconds));
}

static json_t *list_json(const struct strings *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++) {
		AUTO_BUF struct buf printable = { 0 };

		buf_add_printable(&printable, span_of(lines->rows[i]));
		json_array_append_new(list, json_string(buf_text(&printable)));
	}
	return list;
}

static json_t *cutover_json(const struct rehearse_cutover *c)
{
	json_t *all = json_object(), *steps = json_array();

	if (c->skipped)
		json_object_set_new(all, "skipped", json_string(c->skipped));
	if (c->window_s > 0)
		json_object_set_new(all, "window_seconds", json_real(c->window_s));
	json_object_set_new(all, "messages", json_integer(c->messages));
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(steps,
		                      json_pack("{s:s, s:b, s:s, s:f}", "name", c->rows[i].name,
		                                "back", c->rows[i].back, "end", c->rows[i].end,
		                                "seconds", c->rows[i].seconds));
	json_object_set_new(all, "steps", steps);
	return all;
}

char *rehearse_json(const struct rehearse_result *r)
{
	json_t *failures = json_array(), *steps = json_array(), *all;
	char when[32], *text;

	for (size_t i = 0; i < r->n; i++) {
		const struct rehearse_failure *f = &r->failures[i];
		AUTO_BUF struct buf name = { 0 };

		buf_add_printable(&name, span_of(f->name));
		json_array_append_new(failures, json_pack("{s:s, s:s, s:s, s:b}", "step", f->step,
		                                          "name", buf_text(&name), "words",
		                                          f->words, "new", f->is_new));
	}
	for (size_t i = 0; i < r->steps_n; i++) {
		const struct rehearse_step *s = &r->steps[i];

		json_array_append_new(steps,
		                      json_pack("{s:s, s:s, s:i, s:i, s:f}", "step", s->id, "words",
		                                s->title, "asked", (int)s->asked, "failed",
		                                (int)s->failed, "seconds", s->seconds));
	}
	all = json_pack("{s:s, s:f, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "at",
	                clock_text(when, r->at_ms), "seconds", r->seconds, "caught", (int)r->caught,
	                "failures", failures, "mended", list_json(&r->mended), "steps", steps,
	                "notes", list_json(&r->notes), "proof", list_json(&r->proof), "only",
	                list_json(&r->only), "cutover", cutover_json(&r->cutover));
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (!text)
		abort();
	return text;
}
