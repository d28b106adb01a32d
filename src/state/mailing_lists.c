/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/mailing_lists.h"

#include "base/clock.h"
#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>
#include <string.h>

const struct state_schema state_schema_mailing_lists = {
	"mailing_lists",
	"CREATE TABLE IF NOT EXISTS mailing_list ("
	" name TEXT PRIMARY KEY, phase INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" wave INTEGER NOT NULL, attempt INTEGER NOT NULL, trouble TEXT NOT NULL) WITHOUT ROWID;",
};

const char *mailing_list_phase_name(enum mailing_list_phase phase)
{
	static const char *const names[] = {
		[MAILING_LIST_KNOWN] = "known",   [MAILING_LIST_COMING] = "coming",
		[MAILING_LIST_SEEDED] = "seeded", [MAILING_LIST_VERIFIED] = "verified",
		[MAILING_LIST_OPENED] = "opened",
	};

	return phase > 0 && phase < ROWS(names) ? names[phase] : "?";
}

void mailing_lists_fini(struct mailing_lists *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].name);
		free(l->rows[i].trouble);
	}
	free(l->rows);
	*l = (struct mailing_lists){ 0 };
}

/* A state.db that was made before there were lists in it, and is only read. */
static int has_table(struct state *s, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "SELECT 1 FROM sqlite_master WHERE name = 'mailing_list'", err) <
	    0)
		return -1;
	return state_step(s, q, err);
}

int mailing_lists_load(struct state *s, struct mailing_lists *out, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found = has_table(s, err);

	if (found <= 0) {
		*out = made;
		return found;
	}
	if (state_prepare(s, &q,
	                  "SELECT name, phase, at_ms, wave, attempt, trouble FROM mailing_list"
	                  " ORDER BY name",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct mailing_list){
			.name = xstrdup(state_column(q, 0)),
			.phase = (enum mailing_list_phase)sqlite3_column_int(q, 1),
			.at_ms = sqlite3_column_int64(q, 2),
			.wave = (uint64_t)sqlite3_column_int64(q, 3),
			.attempt = sqlite3_column_int64(q, 4),
			.trouble = xstrdup(state_column(q, 5)),
		};
	}
	if (found < 0)
		return -1;
	*out = made;
	made = (struct mailing_lists){ 0 };
	return 0;
}

/* Where a name is, or would be. */
static size_t place_of(const struct mailing_lists *l, const char *name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct mailing_list *mailing_list_named(const struct mailing_lists *l, const char *name)
{
	size_t at = place_of(l, name);

	return at < l->n && !strcmp(l->rows[at].name, name) ? &l->rows[at] : NULL;
}

struct mailing_list *mailing_list_make(struct mailing_lists *l, const char *name)
{
	size_t at = place_of(l, name);

	if (at < l->n && !strcmp(l->rows[at].name, name))
		return &l->rows[at];
	ARRAY_GROW(l->rows, l->n, l->room);
	memmove(l->rows + at + 1, l->rows + at, (l->n - at) * sizeof *l->rows);
	l->n++;
	l->rows[at] = (struct mailing_list){ .name = xstrdup(name), .trouble = xstrdup("") };
	mailing_list_set(&l->rows[at], MAILING_LIST_KNOWN, "");
	return &l->rows[at];
}

void mailing_list_set(struct mailing_list *l, enum mailing_list_phase phase, const char *trouble)
{
	char *words = xstrdup(trouble);

	if (l->phase != phase)
		l->at_ms = clock_wall_ms();
	l->phase = phase;
	free(l->trouble);
	l->trouble = words;
}

static int put_rows(struct state *s, const struct mailing_lists *l, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT OR REPLACE INTO mailing_list VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                  err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		const struct mailing_list *row = &l->rows[i];

		sqlite3_bind_text(q, 1, row->name, -1, SQLITE_STATIC);
		sqlite3_bind_int(q, 2, (int)row->phase);
		sqlite3_bind_int64(q, 3, row->at_ms);
		sqlite3_bind_int64(q, 4, (sqlite3_int64)row->wave);
		sqlite3_bind_int64(q, 5, row->attempt);
		sqlite3_bind_text(q, 6, row->trouble, -1, SQLITE_STATIC);
		if (state_step(s, q, err) < 0)
			return -1;
		sqlite3_reset(q);
	}
	return 0;
}

int mailing_lists_put(struct state *s, const struct mailing_lists *l, struct error *err)
{
	if (state_begin(s, err) < 0)
		return -1;
	if (put_rows(s, l, err) < 0 || state_commit(s, err) < 0) {
		state_abandon(s);
		return -1;
	}
	return 0;
}
