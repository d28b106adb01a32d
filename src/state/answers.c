/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/answers.h"

#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>

const struct state_schema state_schema_answers = {
	"answers",
	"CREATE TABLE IF NOT EXISTS answers ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" run INTEGER NOT NULL,"
	" at_ms INTEGER NOT NULL,"
	" id TEXT NOT NULL,"
	" side TEXT NOT NULL,"
	" answer TEXT NOT NULL,"
	" evidence TEXT NOT NULL,"
	" who TEXT NOT NULL DEFAULT '');"
	"CREATE INDEX IF NOT EXISTS answers_by_run ON answers (run);",
};

void answers_fini(struct answers *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->rows[i].id);
		free(a->rows[i].side);
		free(a->rows[i].answer);
		free(a->rows[i].evidence);
		free(a->rows[i].who);
	}
	free(a->rows);
	*a = (struct answers){ 0 };
}

void answers_add(struct answers *a, const struct answer *row)
{
	ARRAY_GROW(a->rows, a->n, a->room);
	a->rows[a->n++] = (struct answer){
		.run = row->run,
		.at_ms = row->at_ms,
		.id = xstrdup(row->id),
		.side = xstrdup(row->side),
		.answer = xstrdup(row->answer),
		.evidence = xstrdup(row->evidence),
		.who = xstrdup(row->who),
	};
}

static int put(struct state *s, const struct answer *row, int64_t run, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT INTO answers (run, at_ms, id, side, answer, evidence, who) "
	                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	                  err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, run);
	sqlite3_bind_int64(q, 2, row->at_ms);
	sqlite3_bind_text(q, 3, row->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 4, row->side, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 5, row->answer, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 6, row->evidence, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 7, row->who, -1, SQLITE_STATIC);
	return state_step(s, q, err);
}

static int last_run(struct state *s, int64_t *run, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "SELECT ifnull(max(run), 0) FROM answers", err) < 0 ||
	    state_step(s, q, err) < 0)
		return -1;
	*run = sqlite3_column_int64(q, 0);
	return 0;
}

static int put_all(struct state *s, const struct answers *a, int64_t *run, struct error *err)
{
	if (last_run(s, run, err) < 0)
		return -1;
	++*run;
	for (size_t i = 0; i < a->n; i++)
		if (put(s, &a->rows[i], *run, err) < 0)
			return -1;
	return 0;
}

int answers_put_run(struct state *s, const struct answers *a, int64_t *run, struct error *err)
{
	if (state_begin(s, err) < 0)
		return -1;
	if (put_all(s, a, run, err) < 0 || state_commit(s, err) < 0) {
		state_abandon(s);
		return -1;
	}
	return 0;
}

int answers_put_person(struct state *s, const struct answer *row, struct error *err)
{
	return put(s, row, 0, err);
}

int answers_load(struct state *s, int64_t run, const char *id, struct answers *out,
                 struct error *err)
{
	AUTO_ANSWERS struct answers made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT run, at_ms, id, side, answer, evidence, who FROM answers "
	                  "WHERE (?1 < 0 OR run = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY number",
	                  err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, run);
	if (id)
		sqlite3_bind_text(q, 2, id, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct answer){
			.run = sqlite3_column_int64(q, 0),
			.at_ms = sqlite3_column_int64(q, 1),
			.id = xstrdup(state_column(q, 2)),
			.side = xstrdup(state_column(q, 3)),
			.answer = xstrdup(state_column(q, 4)),
			.evidence = xstrdup(state_column(q, 5)),
			.who = xstrdup(state_column(q, 6)),
		};
	}
	if (found < 0)
		return -1;
	*out = made;
	made = (struct answers){ 0 };
	return 0;
}
