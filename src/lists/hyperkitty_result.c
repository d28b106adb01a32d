/* SPDX-License-Identifier: BSD-2-Clause */

/* hyperkitty_result -- what came of an archive, as the program inside HyperKitty tells it; and as JSON. */

#include "lists/hyperkitty_give.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

const char *hyperkitty_fate_name(enum hyperkitty_fate fate)
{
	static const char *const names[] = {
		[HYPERKITTY_UNKNOWN] = "not known", [HYPERKITTY_MISSING] = "missing",
		[HYPERKITTY_REFUSED] = "refused",   [HYPERKITTY_DIFFERS] = "differs",
		[HYPERKITTY_THERE] = "there",
	};

	return names[fate];
}

void hyperkitty_result_fini(struct hyperkitty_result *r)
{
	for (size_t i = 0; i < r->words_n; i++) {
		free(r->words[i].what);
		free(r->words[i].why);
	}
	free(r->words);
	free(r->fates);
	free(r->error);
	free(r->policy);
	strings_fini(&r->told);
	hyperkitty_letters_fini(&r->letters);
	*r = (struct hyperkitty_result){ 0 };
}

/* ── what it says ────────────────────────────────────────────────────────────────────────────── */

static void add_word(struct hyperkitty_result *r, size_t row, const char *what, const char *why)
{
	struct hyperkitty_word w = { row, xstrdup(what), xstrdup(why ? why : "") };

	ARRAY_GROW(r->words, r->words_n, r->words_room);
	r->words[r->words_n++] = w;
}

static const char *text_of(json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static uint64_t number_at(json_t *list, size_t i)
{
	json_int_t n = json_integer_value(json_array_get(list, i));

	return n > 0 ? (uint64_t)n : 0;
}

void hyperkitty_take_given(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	r->new += !strcmp(text_of(answer, "fate"), "new");
	r->removed += !strcmp(text_of(answer, "fate"), "removed");
	if (strcmp(text_of(answer, "fate"), "refused") != 0)
		return;
	r->fates[row] = HYPERKITTY_REFUSED;
	add_word(r, row, "refused", text_of(answer, "why"));
}

static void take_altered(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(answer, "altered"), i, one)
		if (json_string_value(json_array_get(one, 0)))
			add_word(r, row, json_string_value(json_array_get(one, 0)),
			         json_string_value(json_array_get(one, 1)));
}

void hyperkitty_take_looked(struct hyperkitty_result *r, size_t row, json_t *answer)
{
	json_t *octets = json_object_get(answer, "octets"), *differs, *one;
	const char *fate = text_of(answer, "fate");
	AUTO_BUF struct buf words = { 0 };
	size_t i;

	take_altered(r, row, answer);
	if (!strcmp(fate, "refused") && r->fates[row] != HYPERKITTY_REFUSED)
		hyperkitty_take_given(r, row, answer);
	if (!strcmp(fate, "missing") && r->fates[row] != HYPERKITTY_REFUSED)
		r->fates[row] = HYPERKITTY_MISSING;
	if (strcmp(fate, "there") != 0)
		return;
	r->fates[row] = HYPERKITTY_THERE;
	r->text += number_at(octets, 0);
	r->text_there += number_at(octets, 1);
	r->files += number_at(octets, 2);
	r->files_there += number_at(octets, 3);
	differs = json_object_get(answer, "differs");
	json_array_foreach (differs, i, one)
		buf_addf(&words, "%s%s", i ? ", " : "", json_string_value(one));
	if (!words.n)
		return;
	r->fates[row] = HYPERKITTY_DIFFERS;
	add_word(r, row, "differs", buf_text(&words));
}

void hyperkitty_take_end(struct hyperkitty_result *r, json_t *answer)
{
	const char *error = text_of(answer, "error"), *policy = text_of(answer, "policy");
	json_int_t others = json_integer_value(json_object_get(answer, "others"));
	const json_t *told = json_object_get(answer, "told");

	r->others = others > 0 ? (uint64_t)others : 0;
	for (size_t i = 0; i < json_array_size(told); i++) {
		const char *words = json_string_value(json_array_get(told, i));

		if (words && !strings_has(&r->told, words))
			strings_add(&r->told, words);
	}
	if (*error && !r->error)
		r->error = xstrdup(error);
	if (*policy && !r->policy)
		r->policy = xstrdup(policy);
}

/* ── as JSON ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *words_json(const struct hyperkitty_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->words_n; i++) {
		const struct hyperkitty_word *w = &r->words[i];
		const struct hyperkitty_letter *m = &r->letters.rows[w->row];

		json_array_append_new(list,
		                      json_pack("{s:I, s:I, s:s, s:s, s:s}", "message",
		                                (json_int_t)w->row + 1, "at", (json_int_t)m->at,
		                                "id", m->id, "what", w->what, "why", w->why));
	}
	return list;
}

static json_t *told_json(const struct strings *told)
{
	json_t *list = json_array();

	for (size_t i = 0; i < told->n; i++)
		json_array_append_new(list, json_string(told->rows[i]));
	return list;
}

/* Where each message is, in their order: what an account by identity asks. */
static json_t *messages_json(const struct hyperkitty_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->letters.n; i++) {
		const struct hyperkitty_letter *m = &r->letters.rows[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b}", "id", m->id, "fate",
		                        m->is_copy ? "copy" : hyperkitty_fate_name(r->fates[i]),
		                        "made_id", m->has_made_id));
	}
	return list;
}

json_t *hyperkitty_result_json(const char *list, const struct hyperkitty_result *r)
{
	const struct hyperkitty_letters *l = &r->letters;
	json_t *sums = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	                         "octets", (json_int_t)l->octets, "messages", (json_int_t)l->n,
	                         "strays", (json_int_t)l->strays, "copies", (json_int_t)l->copies,
	                         "there", (json_int_t)r->there, "new", (json_int_t)r->new,
	                         "refused", (json_int_t)r->refused, "missing",
	                         (json_int_t)r->missing, "before", (json_int_t)l->before, "removed",
	                         (json_int_t)r->removed, "others", (json_int_t)r->others);
	json_t *report = json_pack("{s:s, s:s?, s:s?, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "list",
	                           list, "error", r->error, "policy", r->policy, "text",
	                           (json_int_t)r->text, "text_there", (json_int_t)r->text_there,
	                           "attachments", (json_int_t)r->files, "attachments_there",
	                           (json_int_t)r->files_there, "told", told_json(&r->told), "words",
	                           words_json(r), "accounted", messages_json(r));

	json_object_update(report, sums);
	json_decref(sums);
	return report;
}
