/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/signs.h"

#include "state/schema.h"

#include <string.h>

const struct state_schema state_schema_signs = {
	"signs",
	"CREATE TABLE IF NOT EXISTS sign ("
	" account TEXT PRIMARY KEY, old BLOB NOT NULL, new BLOB NOT NULL,"
	" messages INTEGER NOT NULL, octets INTEGER NOT NULL) WITHOUT ROWID;"
	/* new_places NULL: the same as old's */
	"CREATE TABLE IF NOT EXISTS outline ("
	" account TEXT PRIMARY KEY, old_places BLOB NOT NULL, old BLOB NOT NULL,"
	" new_places BLOB, new BLOB NOT NULL) WITHOUT ROWID;",
};

static void bind_places(sqlite3_stmt *q, int at, struct span places)
{
	sqlite3_bind_blob(q, at, places.n ? places.p : "", (int)places.n, SQLITE_STATIC);
}

static int outlines_put(struct state *s, const struct sign_record *record, struct error *err)
{
	const struct sign_outline *old = &record->old_outline, *new = &record->new_outline;
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "INSERT OR REPLACE INTO outline VALUES (?1, ?2, ?3, ?4, ?5)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, record->account, -1, SQLITE_STATIC);
	bind_places(q, 2, old->places);
	sqlite3_bind_blob(q, 3, old->digest.octets, DIGEST_SIZE, SQLITE_STATIC);
	if (!span_equal(old->places, new->places))
		bind_places(q, 4, new->places);
	sqlite3_bind_blob(q, 5, new->digest.octets, DIGEST_SIZE, SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

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
	return state_step(s, q, err) < 0 ? -1 : outlines_put(s, record, err);
}

static struct digest digest_at(sqlite3_stmt *q, int column)
{
	struct digest digest = { 0 };

	if (sqlite3_column_bytes(q, column) == DIGEST_SIZE)
		memcpy(digest.octets, sqlite3_column_blob(q, column), DIGEST_SIZE);
	return digest;
}

/* Of places in one column and their digest in another; none where the left join found nothing. */
static struct sign_outline outline_at(sqlite3_stmt *q, int places, int digest)
{
	struct sign_outline outline = { .digest = digest_at(q, digest) };

	/* sqlite3_column_bytes() after the blob: that is the order in which both are valid */
	outline.places.p = sqlite3_column_blob(q, places);
	outline.places.n = (size_t)sqlite3_column_bytes(q, places);
	return outline;
}

int signs_walk(struct state *s, sign_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT account, s.old, s.new, messages, octets, o.old_places, o.old,"
	                  " coalesce(o.new_places, o.old_places), o.new"
	                  " FROM sign AS s LEFT JOIN outline AS o USING (account)"
	                  " ORDER BY account",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		const struct sign_record record = {
			.account = state_column(q, 0),
			.old = digest_at(q, 1),
			.new = digest_at(q, 2),
			.messages = (uint64_t)sqlite3_column_int64(q, 3),
			.octets = (uint64_t)sqlite3_column_int64(q, 4),
			.old_outline = outline_at(q, 5, 6),
			.new_outline = outline_at(q, 7, 8),
		};

		if (visit(context, &record, err) < 0)
			return -1;
	}
	return found;
}
