/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/notes.h"

#include "base/memory.h"
#include "state/evidence.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "list notes"

struct told {
	int64_t since_ms;
	struct strings words; /* sorted */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_told(const struct told *t, const char *words)
{
	return t->words.n &&
	       bsearch(&words, t->words.rows, t->words.n, sizeof *t->words.rows, by_text) != NULL;
}

static int take_told(void *context, const struct evidence_record *record, struct error *err)
{
	struct told *t = context;
	json_t *rows;

	if (record->at_ms < t->since_ms)
		return 0;
	rows = json_loads(record->json, 0, NULL);
	for (size_t i = 0; i < json_array_size(rows); i++)
		strings_add(&t->words, json_string_value(json_array_get(rows, i)));
	json_decref(rows);
	return 0;
}

static void choose(const struct told *t, const struct strings *notes, struct strings *out)
{
	for (size_t i = 0; i < notes->n; i++) {
		AUTO_BUF struct buf shown = { 0 };

		buf_add_printable(&shown, span_of(notes->rows[i]));
		if (!is_told(t, buf_text(&shown)) && !strings_has(out, buf_text(&shown)))
			strings_add(out, buf_text(&shown));
	}
}

static void tell(const struct lists_notes *n, const struct strings *notes)
{
	AUTO_FREE char *more = xasprintf("and %zu notes more, all of them in `mailhaul report`",
	                                 notes->n > LISTS_NOTES_TOLD ? notes->n - LISTS_NOTES_TOLD
	                                                             : 0);

	for (size_t i = 0; n->tell && i < notes->n && i < LISTS_NOTES_TOLD; i++)
		n->tell(n->context, notes->rows[i]);
	if (n->tell && notes->n > LISTS_NOTES_TOLD)
		n->tell(n->context, more);
}

static int keep(struct state *s, const struct strings *notes, struct error *err)
{
	AUTO_FREE char *words = xasprintf("%zu notes on mailing lists", notes->n), *text = NULL;
	json_t *rows = json_array();

	for (size_t i = 0; i < notes->n; i++)
		json_array_append_new(rows, json_string(notes->rows[i]));
	text = json_dumps(rows, JSON_COMPACT);
	json_decref(rows);
	return evidence_put(s, TOPIC, words, text, err);
}

int lists_notes_tell(const struct lists_notes *n, const struct strings *notes, struct error *err)
{
	struct told told = { .since_ms = n->since_ms };
	AUTO_STRINGS struct strings fresh = { 0 };
	int result;

	if (!notes->n)
		return 0;
	result = evidence_walk(n->state, TOPIC, take_told, &told, err);
	strings_sort(&told.words);
	choose(&told, notes, &fresh);
	strings_fini(&told.words);
	if (result < 0 || !fresh.n)
		return result;
	tell(n, &fresh);
	return keep(n->state, &fresh, err);
}
