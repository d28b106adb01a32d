/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/signs.h"

#include "state/schema.h"

#include <string.h>

const struct state_schema state_schema_signs = {
	"signs",
	"CREATE TABLE IF NOT EXISTS sign ("
	" account TEXT PRIMARY KEY, old BLOB NOT NULL, new BLOB NOT NULL,"
	" messages INTEGER NOT NULL, octets INTEGER NOT NULL) WITHOUT ROWID;",
};

int sign_put(struct state *s, const struct sign_record *record, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "INSERT OR REPLACE INTO sign VALUES (?1, ?2, ?3, ?4, ?5)", err) <
	    0)
		return -1;
	sqlite3_bind_text(q, 1, record->account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, record->old.octets, DIGEST_SIZE, SQLITE_STATIC);
	sqlite3_bind_blob(q, 3, record->new.octets, DIGEST_SIZE, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)record->messages);
	sqlite3_bind_int64(q, 5, (sqlite3_int64)record->octets);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

static struct digest digest_at(sqlite3_stmt *q, int column)
{
	struct digest digest = { 0 };

	if (sqlite3_column_bytes(q, column) == DIGEST_SIZE)
		memcpy(digest.octets, sqlite3_column_blob(q, column), DIGEST_SIZE);
	return digest;
}

int signs_walk(struct state *s, sign_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT account, old, new, messages, octets FROM sign ORDER BY account",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		const struct sign_record record = {
			.account = state_column(q, 0),
			.old = digest_at(q, 1),
			.new = digest_at(q, 2),
			.messages = (uint64_t)sqlite3_column_int64(q, 3),
			.octets = (uint64_t)sqlite3_column_int64(q, 4),
		};

		if (visit(context, &record, err) < 0)
			return -1;
	}
	return found;
}
