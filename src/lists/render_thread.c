/* SPDX-License-Identifier: BSD-2-Clause */

/* render_thread -- who answers whom, and in which order a volume's messages stand. */

#include "lists/render_inside.h"

#include "base/memory.h"
#include "lists/archive_letter.h"
#include "lists/fingerprint.h"

#include <stdlib.h>
#include <string.h>

/* ── a table of messages, by 64 bits of a keyed hash ─────────────────────────────────────────── */

struct table {
	uint64_t *keys; /* 0: empty */
	uint32_t *values;
	size_t slots;
};

static void table_begin(struct table *t, size_t n)
{
	t->slots = 64;
	while (t->slots < 2 * n)
		t->slots *= 2;
	t->keys = xcalloc(t->slots, sizeof *t->keys);
	t->values = xcalloc(t->slots, sizeof *t->values);
}

static void table_fini(struct table *t)
{
	free(t->keys);
	free(t->values);
}

static size_t slot_of(const struct table *t, uint64_t key)
{
	size_t at = key & (t->slots - 1);

	while (t->keys[at] && t->keys[at] != key)
		at = (at + 1) & (t->slots - 1);
	return at;
}

static uint32_t find(const struct table *t, uint64_t key)
{
	size_t at = slot_of(t, key);

	return t->keys[at] ? t->values[at] : RENDER_NONE;
}

static void put(struct table *t, uint64_t key, uint32_t value)
{
	size_t at = slot_of(t, key);

	t->keys[at] = key;
	t->values[at] = value;
}

/* ── parents ─────────────────────────────────────────────────────────────────────────────────── */

struct threading {
	struct render_run *run;
	struct table ids, subjects;
};

/* Threads do not leave their volume: pipermail looks nowhere else. */
static uint64_t key_in(uint32_t volume, uint64_t fingerprint)
{
	uint64_t key = fingerprint ^ (volume + 1ull) * 0x9e3779b97f4a7c15ull;

	return key ? key : 1;
}

static uint64_t key_of(const struct threading *t, uint32_t volume, const char *text)
{
	return key_in(volume, lists_fingerprint(t->run->index.key, span_of(text)));
}

/* The message that it says it answers; else the latest of those it refers to; else the oldest with its
 * subject. Only messages before it in the mbox: so nobody answers himself in the end. */
static uint32_t parent_of(const struct threading *t, const struct render_message *m,
                          uint64_t subject)
{
	uint32_t best = RENDER_NONE;

	for (size_t i = 0; i < m->refers_n; i++) {
		uint32_t found = find(&t->ids, key_in(m->volume, m->refers[i]));

		if (found == RENDER_NONE)
			continue;
		if (!i && m->answers)
			return found;
		if (best == RENDER_NONE ||
		    t->run->messages[found].date >= t->run->messages[best].date)
			best = found;
	}
	return best != RENDER_NONE || m->refers_n ? best : find(&t->subjects, subject);
}

static void add_message(struct threading *t, uint32_t i)
{
	struct render_message *m = &t->run->messages[i];
	AUTO_BUF struct buf sorted = { 0 };
	uint64_t subject;
	uint32_t oldest;

	archive_letter_sorted(span_of(m->subject), SPAN(""), &sorted);
	subject = key_of(t, m->volume, buf_text(&sorted));
	m->parent = parent_of(t, m, subject);
	if (m->id)
		put(&t->ids, key_of(t, m->volume, m->id), i);
	oldest = find(&t->subjects, subject);
	if (sorted.n && strcmp(m->subject, "No subject") != 0 &&
	    (oldest == RENDER_NONE || m->date < t->run->messages[oldest].date))
		put(&t->subjects, subject, i);
}

/* ── orders ──────────────────────────────────────────────────────────────────────────────────── */

struct sorting {
	const char *key; /* "" where only the date counts */
	int64_t date, number;
	uint32_t message;
};

static int compare(const void *x, const void *y)
{
	const struct sorting *a = x, *b = y;
	int order = strcmp(a->key, b->key);

	return order                    ? order
	       : a->date != b->date     ? (a->date < b->date ? -1 : 1)
	       : a->number != b->number ? (a->number < b->number ? -1 : 1)
	                                : 0;
}

static char *key_text(const struct render_message *m, enum render_order order)
{
	AUTO_BUF struct buf key = { 0 };

	if (order == RENDER_SUBJECT)
		archive_letter_sorted(span_of(m->subject), SPAN(""), &key);
	else
		for (const char *p = m->author; *p; p++)
			buf_add_char(&key, ascii_lower(*p));
	return xstrdup(buf_text(&key));
}

static void sort_by_key(const struct render_run *run, struct render_volume *v,
                        enum render_order order)
{
	AUTO_FREE struct sorting *rows = xcalloc(v->n + 1, sizeof *rows);
	bool keyed = order == RENDER_SUBJECT || order == RENDER_AUTHOR;

	for (size_t i = 0; i < v->n; i++) {
		const struct render_message *m = &run->messages[v->messages[i]];

		rows[i] = (struct sorting){ keyed ? key_text(m, order) : "", m->date, m->number,
			                    v->messages[i] };
	}
	qsort(rows, v->n, sizeof *rows, compare);
	for (size_t i = 0; i < v->n; i++) {
		v->messages[i] = rows[i].message;
		if (keyed)
			free((char *)(uintptr_t)rows[i].key);
	}
}

/* Each below its parent, by date; without recursion, however long a thread is. */
static void sort_by_thread(const struct render_run *run, struct render_volume *v)
{
	AUTO_FREE uint32_t *first = xmalloc((run->n + 1) * sizeof *first);
	AUTO_FREE uint32_t *next = xmalloc((run->n + 1) * sizeof *next);
	AUTO_FREE uint32_t *stack = xmalloc((v->n + 1) * sizeof *stack);
	uint32_t roots = RENDER_NONE;
	size_t done = 0, depth = 0;

	sort_by_key(run, v, RENDER_DATE);
	for (size_t i = 0; i < v->n; i++)
		first[v->messages[i]] = RENDER_NONE;
	for (size_t i = v->n; i--;) {
		uint32_t m = v->messages[i], parent = run->messages[m].parent;
		uint32_t *list = parent == RENDER_NONE ? &roots : &first[parent];

		next[m] = *list;
		*list = m;
	}
	for (uint32_t m = roots; m != RENDER_NONE;) {
		v->messages[done] = m;
		v->depths[done++] = (unsigned)depth;
		stack[depth] = m;
		if (first[m] != RENDER_NONE) {
			m = first[m];
			depth++;
			continue;
		}
		while (next[m] == RENDER_NONE && depth)
			m = stack[--depth];
		m = next[m];
	}
}

void render_sort(const struct render_run *run, struct render_volume *v, enum render_order order)
{
	if (order == RENDER_THREAD)
		sort_by_thread(run, v);
	else
		sort_by_key(run, v, order);
}

void render_thread(struct render_run *run)
{
	struct threading t = { .run = run };

	table_begin(&t.ids, run->n);
	table_begin(&t.subjects, run->n);
	for (size_t i = 0; i < run->n; i++)
		if (run->messages[i].part_of == RENDER_NONE)
			add_message(&t, (uint32_t)i);
	table_fini(&t.ids);
	table_fini(&t.subjects);
	for (size_t k = 0; k < run->volumes_n; k++) {
		struct render_volume *v = &run->volumes[k];

		v->depths = xcalloc(v->n + 1, sizeof *v->depths);
		sort_by_thread(run, v);
		for (size_t i = 0; i + 1 < v->n; i++) {
			run->messages[v->messages[i]].after = v->messages[i + 1];
			run->messages[v->messages[i + 1]].before = v->messages[i];
		}
	}
}
