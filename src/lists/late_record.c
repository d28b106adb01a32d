/* SPDX-License-Identifier: BSD-2-Clause */

/* late_record -- what is on record of old's requests and tokens, and which numbers new gives them. */

#include "lists/late_inside.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ── lines ──────────────────────────────────────────────────────────────────────────────────── */

char *late_fact(const char *what, const char *list)
{
	return xasprintf("lists.late.%s %s", what, list);
}

int late_get_lines(struct state *s, const char *what, const char *list, struct strings *out,
                   struct error *err)
{
	AUTO_FREE char *name = late_fact(what, list), *text = NULL;

	if (state_get(s, name, &text, err) < 0)
		return -1;
	strings_add_lines(out, span_of(text ? text : ""));
	strings_sort(out);
	return 0;
}

int late_put_lines(struct state *s, const char *what, const char *list, const struct strings *in,
                   struct error *err)
{
	AUTO_FREE char *name = late_fact(what, list);
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < in->n; i++)
		buf_addf(&text, "%s\n", in->rows[i]);
	return state_put(s, name, buf_text(&text), err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool late_has(const struct strings *sorted, const char *line)
{
	return sorted->n && bsearch(&line, sorted->rows, sorted->n, sizeof *sorted->rows, by_text);
}

/* "r 12", "p COOKIE" of what a request or a token is known by; NULL: it is neither. The caller's. */
char *late_line_of(bool token, struct value key)
{
	struct span word;
	int64_t id;

	if (!token)
		return value_kind(key) == VALUE_INT && value_get_int(key, &id)
		               ? xasprintf("r %" PRId64, id)
		               : NULL;
	if (!value_get_chars(key, &word) || span_is(word, "evictions") || span_is(word, "version"))
		return NULL;
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= ' ')
			return NULL;
	return xasprintf("p %.*s", (int)word.n, word.p);
}

static void add_lines(const struct value_file *f, bool token, struct strings *out)
{
	const struct value_pair *pairs;
	size_t n = value_dict_pairs(late_dict(f), &pairs);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *line = late_line_of(token, pairs[i].key);

		if (line)
			strings_add(out, line);
	}
}

int late_note_old(struct late *g, struct error *err)
{
	AUTO_STRINGS struct strings lines = { 0 };

	add_lines(&g->old_requests, false, &lines);
	add_lines(&g->old_tokens, true, &lines);
	return late_put_lines(g->l->state, "noted", g->list, &lines, err);
}

/* ── numbers ───────────────────────────────────────────────────────────────────────────────── */

/* heldmsg-LIST-NUMBER.EXT */
char *late_held_name(const char *list, int64_t id, struct span of)
{
	return xasprintf("heldmsg-%s-%" PRId64 "%s", list, id,
	                 span_ends(of, ".txt") ? ".txt" : ".pck");
}

/* Of both sides, also of what is decided: a token may still lead to that. */
static int64_t highest(const struct late *g)
{
	AUTO_STRINGS struct strings lines = { 0 };
	int64_t most = 0;

	add_lines(&g->new_requests, false, &lines);
	add_lines(&g->old_requests, false, &lines);
	for (size_t i = 0; i < lines.n + g->noted.n; i++) {
		const char *line = i < lines.n ? lines.rows[i] : g->noted.rows[i - lines.n];
		int64_t id = strncmp(line, "r ", 2) ? 0 : strtoll(line + 2, NULL, 10);

		most = id > most ? id : most;
	}
	return most;
}

static bool number_is_taken(const struct late *g, int64_t id)
{
	AUTO_FREE char *pck = late_held_name(g->list, id, SPAN(".pck"));
	AUTO_FREE char *txt = late_held_name(g->list, id, SPAN(".txt"));
	AUTO_FREE char *one = lists_paths_join(&g->l->new->paths, LISTS_DATA_DIR, pck);
	AUTO_FREE char *other = lists_paths_join(&g->l->new->paths, LISTS_DATA_DIR, txt);
	AUTO_FREE char *end = xasprintf(" %" PRId64, id);

	for (size_t i = 0; i < g->given.n; i++)
		if (span_ends(span_of(g->given.rows[i]), end))
			return true;
	return host_has(g->l->to, one) || host_has(g->l->to, other);
}

/* New's number of one of old's, on record before it is used: a call that was cut off gives the same. */
int late_give_number(struct late *g, int64_t old, int64_t *out, struct error *err)
{
	AUTO_FREE char *begin = xasprintf("%" PRId64 " ", old);
	int64_t id;

	for (size_t i = 0; i < g->given.n; i++)
		if (!strncmp(g->given.rows[i], begin, strlen(begin))) {
			*out = strtoll(g->given.rows[i] + strlen(begin), NULL, 10);
			return 0;
		}
	id = highest(g) + 1;
	while (number_is_taken(g, id))
		id++;
	*out = id;
	strings_addf(&g->given, "%" PRId64 " %" PRId64, old, id);
	return late_put_lines(g->l->state, "given", g->list, &g->given, err);
}
