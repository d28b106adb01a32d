/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/vanished_table.h"

#include "base/memory.h"
#include "lists/fingerprint.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_LEAST 1024u
#define NAME_MAX_LOOKED 512u /* octets of a list's name and an address */

void vanished_table_fini(struct vanished_table *t)
{
	free(t->rows);
	*t = (struct vanished_table){ 0 };
}

void vanished_table_empty(struct vanished_table *t)
{
	if (t->rows)
		memset(t->rows, 0, t->places * sizeof *t->rows);
	t->n = 0;
	t->is_full = false;
}

/* ── fingerprints ────────────────────────────────────────────────────────────────────────────── */

static size_t put_lower(char *out, size_t n, struct span s)
{
	for (size_t i = 0; i < s.n && n < NAME_MAX_LOOKED; i++)
		out[n++] = ascii_lower(s.p[i]);
	return n;
}

uint64_t vanished_id(const struct vanished_table *t, struct span id)
{
	return lists_fingerprint(t->key, lists_bare_id(id));
}

uint32_t vanished_list(const struct vanished_table *t, struct span list)
{
	char name[NAME_MAX_LOOKED];
	size_t n = put_lower(name, 0, list);
	uint32_t made = (uint32_t)lists_fingerprint(t->key, (struct span){ name, n });

	return made ? made : 1;
}

uint64_t vanished_sender(const struct vanished_table *t, struct span list, struct span sender)
{
	char name[NAME_MAX_LOOKED + 1];
	size_t n = put_lower(name, 0, list);

	if (n < NAME_MAX_LOOKED)
		name[n++] = ' ';
	n = put_lower(name, n, sender);
	return lists_fingerprint(t->key, (struct span){ name, n });
}

bool vanished_is_mine(const struct vanished_table *t, uint64_t id)
{
	/* not by the bits that choose the place; halves of a part lie side by side */
	return ((id >> 40 & 0xffff) * t->parts) >> 16 == t->part;
}

/* ── the table ───────────────────────────────────────────────────────────────────────────────── */

static void insert(struct vanished_table *t, const struct vanished_entry *e)
{
	size_t at = e->id & (t->places - 1);

	while (t->rows[at].id)
		at = (at + 1) & (t->places - 1);
	t->rows[at] = *e;
	t->n++;
}

/* Into so many places; without those that are forgotten, where they may be. */
static void move_all(struct vanished_table *t, size_t places)
{
	struct vanished_entry *old = t->rows;
	size_t n = t->places;

	t->places = places;
	t->rows = xcalloc(t->places, sizeof *t->rows);
	t->n = 0;
	for (size_t i = 0; i < n; i++)
		if (old[i].id && (old[i].kind || !t->forgets))
			insert(t, &old[i]);
	free(old);
}

/* At most three quarters full. */
static bool make_room(struct vanished_table *t)
{
	if (4 * (t->n + 1) <= 3 * t->places && t->n < t->most)
		return true;
	if (t->forgets && t->places)
		move_all(t, t->places);
	if (t->n >= t->most)
		return false;
	if (2 * (t->n + 1) > t->places)
		move_all(t, t->places ? 2 * t->places : PLACES_LEAST);
	return true;
}

struct vanished_entry *vanished_get(const struct vanished_table *t, uint64_t id, uint32_t list,
                                    const struct vanished_entry *after)
{
	size_t at = id & (t->places - 1);

	if (!t->places)
		return NULL;
	if (after)
		at = ((size_t)(after - t->rows) + 1) & (t->places - 1);
	for (; t->rows[at].id; at = (at + 1) & (t->places - 1))
		if (t->rows[at].id == id && (!list || t->rows[at].list == list))
			return &t->rows[at];
	return NULL;
}

void vanished_put(struct vanished_table *t, const struct vanished_entry *trace)
{
	struct vanished_entry *e;

	if (!vanished_is_mine(t, trace->id))
		return;
	e = vanished_get(t, trace->id, trace->list, NULL);
	if (!e && !make_room(t)) {
		t->is_full = true;
		return;
	}
	if (!e) {
		insert(t, trace);
	} else if (trace->kind >= e->kind) {
		uint64_t sender = trace->sender ? trace->sender : e->sender;

		*e = *trace;
		e->sender = sender;
	}
}

void vanished_found(struct vanished_table *t, uint64_t id, uint32_t list)
{
	struct vanished_entry *e = NULL;

	if (!vanished_is_mine(t, id))
		return;
	while ((e = vanished_get(t, id, list, e)))
		e->kind = 0;
}

/* ── decisions ───────────────────────────────────────────────────────────────────────────────── */

void vanished_counts_fini(struct vanished_counts *c)
{
	free(c->rows);
	*c = (struct vanished_counts){ 0 };
}

static struct vanished_count *place_of(struct vanished_counts *c, uint64_t key)
{
	size_t at = key & (c->places - 1);

	while (c->rows[at].key && c->rows[at].key != key)
		at = (at + 1) & (c->places - 1);
	return &c->rows[at];
}

uint64_t *vanished_counts_at(struct vanished_counts *c, uint64_t key)
{
	struct vanished_count *old = c->rows, *row;
	size_t places = c->places;

	if (2 * (c->n + 1) > c->places) {
		c->places = places ? 2 * places : PLACES_LEAST;
		c->rows = xcalloc(c->places, sizeof *c->rows);
		for (size_t i = 0; i < places; i++)
			if (old[i].key)
				*place_of(c, old[i].key) = old[i];
		free(old);
	}
	row = place_of(c, key);
	if (!row->key) {
		row->key = key;
		c->n++;
	}
	return &row->n;
}
