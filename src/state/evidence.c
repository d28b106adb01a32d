/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/evidence.h"

#include "base/clock.h"
#include "state/schema.h"

const struct state_schema state_schema_evidence = {
	"evidence",
	"CREATE TABLE IF NOT EXISTS evidence ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" at_ms INTEGER NOT NULL,"
	" topic TEXT NOT NULL,"
	" words TEXT NOT NULL,"
	" json TEXT NOT NULL DEFAULT '');",
};

int evidence_put(struct state *s, const char *topic, const char *words, const char *json,
                 struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(
		    s, &q,
		    "INSERT INTO evidence (at_ms, topic, words, json) VALUES (?1, ?2, ?3, ?4)",
		    err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, clock_wall_ms());
	sqlite3_bind_text(q, 2, topic, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 3, words, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 4, json ? json : "", -1, SQLITE_STATIC);
	return state_step(s, q, err);
}

int evidence_walk(struct state *s, const char *topic, evidence_visit_fn *visit, void *context,
                  struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT at_ms, topic, words, json FROM evidence "
	                  "WHERE ?1 IS NULL OR topic = ?1 ORDER BY id",
	                  err) < 0)
		return -1;
	if (topic)
		sqlite3_bind_text(q, 1, topic, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1) {
		struct evidence_record record = {
			.at_ms = sqlite3_column_int64(q, 0),
			.topic = state_column(q, 1),
			.words = state_column(q, 2),
			.json = state_column(q, 3),
		};

		if (visit(context, &record, err) < 0)
			return -1;
	}
	return found;
}
