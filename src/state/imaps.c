/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/imaps.h"

#include "state/schema.h"

#include <string.h>

const struct state_schema state_schema_imaps = {
	"imaps",
	"CREATE TABLE IF NOT EXISTS imap ("
	" account TEXT NOT NULL, folder BLOB NOT NULL, uidvalidity INTEGER NOT NULL,"
	" uidnext INTEGER NOT NULL, messages INTEGER NOT NULL, modseq INTEGER NOT NULL,"
	" PRIMARY KEY (account, folder)) WITHOUT ROWID;",
};

int imaps_put(struct state *s, const char *account, const struct imap_record *r, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "INSERT OR REPLACE INTO imap VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, r->folder, (int)strlen(r->folder), SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, r->uidvalidity);
	sqlite3_bind_int64(q, 4, r->uidnext);
	sqlite3_bind_int64(q, 5, r->messages);
	sqlite3_bind_int64(q, 6, (sqlite3_int64)r->modseq);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

int imaps_drop(struct state *s, const char *account, const char *folder, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "DELETE FROM imap WHERE account = ?1 AND folder = ?2", err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, folder, (int)strlen(folder), SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

int imaps_walk(struct state *s, const char *account, imap_record_fn *visit, void *context,
               struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT folder, uidvalidity, uidnext, messages, modseq FROM imap"
	                  " WHERE account = ?1 ORDER BY folder",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1) {
		const struct imap_record record = {
			.folder = state_column(q, 0),
			.uidvalidity = (uint32_t)sqlite3_column_int64(q, 1),
			.uidnext = (uint32_t)sqlite3_column_int64(q, 2),
			.messages = (uint32_t)sqlite3_column_int64(q, 3),
			.modseq = (uint64_t)sqlite3_column_int64(q, 4),
		};

		if (visit(context, &record, err) < 0)
			return -1;
	}
	return found;
}
