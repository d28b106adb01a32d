/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/carried.h"

#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>

const struct state_schema state_schema_carried = {
	"carried",
	"CREATE TABLE IF NOT EXISTS carried ("
	" from_host TEXT NOT NULL,"
	" to_host TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" new_path TEXT NOT NULL DEFAULT '',"
	" size INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL,"
	" inode INTEGER NOT NULL,"
	" phase INTEGER NOT NULL,"
	" PRIMARY KEY (from_host, to_host, path)) WITHOUT ROWID;",
};

void carried_files_fini(struct carried_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->rows[i].path);
		free(f->rows[i].new_path);
	}
	free(f->rows);
	*f = (struct carried_files){ 0 };
}

int carried_load(struct state *s, const char *from, const char *to, struct carried_files *out,
                 struct error *err)
{
	AUTO_CARRIED_FILES struct carried_files made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT path, new_path, size, mtime_ns, inode, phase FROM carried "
	                  "WHERE from_host = ?1 AND to_host = ?2 ORDER BY path",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, from, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, to, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct carried_file){
			.path = xstrdup(state_column(q, 0)),
			.new_path = xstrdup(state_column(q, 1)),
			.size = (uint64_t)sqlite3_column_int64(q, 2),
			.mtime_ns = sqlite3_column_int64(q, 3),
			.inode = (uint64_t)sqlite3_column_int64(q, 4),
			.phase = (enum carried_phase)sqlite3_column_int(q, 5),
		};
	}
	if (found < 0)
		return -1;
	*out = made;
	made = (struct carried_files){ 0 };
	return 0;
}

static int put_row(struct state *s, sqlite3_stmt *q, const struct carried_file *row,
                   struct error *err)
{
	sqlite3_bind_text(q, 3, row->path, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 4, row->new_path ? row->new_path : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 5, (int64_t)row->size);
	sqlite3_bind_int64(q, 6, row->mtime_ns);
	sqlite3_bind_int64(q, 7, (int64_t)row->inode);
	sqlite3_bind_int(q, 8, (int)row->phase);
	if (state_step(s, q, err) < 0)
		return -1;
	sqlite3_reset(q);
	return 0;
}

static int put_rows(struct state *s, const char *from, const char *to,
                    const struct carried_file *rows, size_t n, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT OR REPLACE INTO carried (from_host, to_host, path, new_path, "
	                  "size, mtime_ns, inode, phase) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, from, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, to, -1, SQLITE_STATIC);
	for (size_t i = 0; i < n; i++)
		if (put_row(s, q, &rows[i], err) < 0)
			return -1;
	return 0;
}

int carried_put(struct state *s, const char *from, const char *to, const struct carried_file *rows,
                size_t n, struct error *err)
{
	if (!n)
		return 0;
	if (state_begin(s, err) < 0)
		return -1;
	if (put_rows(s, from, to, rows, n, err) < 0 || state_commit(s, err) < 0) {
		state_abandon(s);
		return -1;
	}
	return 0;
}
