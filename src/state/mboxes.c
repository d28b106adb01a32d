/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/mboxes.h"

#include "state/schema.h"

#include <string.h>

const struct state_schema state_schema_mboxes = {
	"mboxes",
	"CREATE TABLE IF NOT EXISTS mbox ("
	" account TEXT NOT NULL, folder BLOB NOT NULL, side INTEGER NOT NULL,"
	" size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
	" inode INTEGER NOT NULL, settled INTEGER NOT NULL, sum BLOB NOT NULL,"
	" growing INTEGER NOT NULL, PRIMARY KEY (account, folder, side)) WITHOUT ROWID;",
};

static void take_row(sqlite3_stmt *q, struct mbox_states *out, struct mbox_states *growing)
{
	struct mbox_state row = {
		.folder = (char *)(uintptr_t)state_column(q, 0),
		.size = (uint64_t)sqlite3_column_int64(q, 1),
		.mtime_ns = sqlite3_column_int64(q, 2),
		.ctime_ns = sqlite3_column_int64(q, 3),
		.inode = (uint64_t)sqlite3_column_int64(q, 4),
		.settled = sqlite3_column_int(q, 5) != 0,
	};

	if (sqlite3_column_bytes(q, 6) == MBOX_SUM_SIZE)
		memcpy(row.sum.octets, sqlite3_column_blob(q, 6), MBOX_SUM_SIZE);
	else
		row.size = 0;
	mbox_states_add(out, &row);
	if (growing && sqlite3_column_int(q, 7))
		mbox_states_add(growing, &row);
}

int mboxes_load(struct state *s, const char *account, enum mboxes_side side,
                struct mbox_states *out, struct mbox_states *growing, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT folder, size, mtime_ns, ctime_ns, inode, settled, sum, growing"
	                  " FROM mbox WHERE account = ?1 AND side = ?2 ORDER BY folder",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 2, (int)side);
	while ((found = state_step(s, q, err)) == 1)
		take_row(q, out, growing);
	return found;
}

int mboxes_put(struct state *s, const char *account, enum mboxes_side side,
               const struct mbox_state *row, bool growing, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT OR REPLACE INTO mbox (account, folder, side, size, mtime_ns,"
	                  " ctime_ns, inode, settled, sum, growing)"
	                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, row->folder, (int)strlen(row->folder), SQLITE_STATIC);
	sqlite3_bind_int(q, 3, (int)side);
	sqlite3_bind_int64(q, 4, (int64_t)row->size);
	sqlite3_bind_int64(q, 5, row->mtime_ns);
	sqlite3_bind_int64(q, 6, row->ctime_ns);
	sqlite3_bind_int64(q, 7, (int64_t)row->inode);
	sqlite3_bind_int(q, 8, row->settled);
	sqlite3_bind_blob(q, 9, row->sum.octets, MBOX_SUM_SIZE, SQLITE_STATIC);
	sqlite3_bind_int(q, 10, growing);
	return state_step(s, q, err);
}

int mboxes_drop(struct state *s, const char *account, const char *folder, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "DELETE FROM mbox WHERE account = ?1 AND folder = ?2", err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, folder, (int)strlen(folder), SQLITE_STATIC);
	return state_step(s, q, err);
}
