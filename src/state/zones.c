/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/zones.h"

#include "base/clock.h"
#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>

const struct state_schema state_schema_zones = {
	"zones",
	"CREATE TABLE IF NOT EXISTS zone_change ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind TEXT NOT NULL, edits TEXT NOT NULL,"
	" begun_ms INTEGER NOT NULL,"
	" done_ms INTEGER NOT NULL DEFAULT 0,"
	" seen_ms INTEGER NOT NULL DEFAULT 0,"
	" undo_begun_ms INTEGER NOT NULL DEFAULT 0,"
	" undone_ms INTEGER NOT NULL DEFAULT 0);",
};

void zone_changes_fini(struct zone_changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->rows[i].kind);
		free(c->rows[i].edits);
	}
	free(c->rows);
	*c = (struct zone_changes){ 0 };
}

int zone_changes_load(struct state *s, struct zone_changes *out, struct error *err)
{
	AUTO_ZONE_CHANGES struct zone_changes made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT id, kind, edits, begun_ms, done_ms, seen_ms, undo_begun_ms, "
	                  "undone_ms FROM zone_change ORDER BY id",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct zone_change){
			.id = sqlite3_column_int64(q, 0),
			.kind = xstrdup(state_column(q, 1)),
			.edits = xstrdup(state_column(q, 2)),
			.begun_ms = sqlite3_column_int64(q, 3),
			.done_ms = sqlite3_column_int64(q, 4),
			.seen_ms = sqlite3_column_int64(q, 5),
			.undo_begun_ms = sqlite3_column_int64(q, 6),
			.undone_ms = sqlite3_column_int64(q, 7),
		};
	}
	if (found < 0)
		return -1;
	zone_changes_fini(out);
	*out = made;
	made = (struct zone_changes){ 0 };
	return 0;
}

int zone_change_begin(struct state *s, const char *kind, const char *edits, int64_t *id,
                      struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT INTO zone_change (kind, edits, begun_ms) VALUES (?1, ?2, ?3)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, edits, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, clock_wall_ms());
	if (state_step(s, q, err) < 0)
		return -1;
	*id = sqlite3_last_insert_rowid(state_database(s));
	return 0;
}

int zone_change_mark(struct state *s, int64_t id, enum zone_mark mark, int64_t at_ms,
                     struct error *err)
{
	static const char *const texts[] = {
		[ZONE_DONE] = "UPDATE zone_change SET done_ms = ?1 WHERE id = ?2 AND done_ms = 0",
		[ZONE_SEEN] = "UPDATE zone_change SET seen_ms = ?1 WHERE id = ?2 AND seen_ms = 0",
		[ZONE_UNDO_BEGUN] = "UPDATE zone_change SET undo_begun_ms = ?1 "
				    "WHERE id = ?2 AND undo_begun_ms = 0",
		[ZONE_UNDONE] = "UPDATE zone_change SET undone_ms = ?1 "
				"WHERE id = ?2 AND undone_ms = 0",
	};
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, texts[mark], err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, at_ms);
	sqlite3_bind_int64(q, 2, id);
	return state_step(s, q, err) < 0 ? -1 : 0;
}
