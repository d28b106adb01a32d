/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/agreed.h"

#include "base/memory.h"
#include "state/schema.h"

#include <string.h>

const struct state_schema state_schema_agreed = {
	"agreed",
	"CREATE TABLE IF NOT EXISTS agreed ("
	" account TEXT NOT NULL, folder BLOB NOT NULL,"
	" old_uidlist BLOB NOT NULL, new_uidlist BLOB NOT NULL, old_keywords BLOB NOT NULL,"
	" messages BLOB NOT NULL, PRIMARY KEY (account, folder));",
};

static void bind_digest(sqlite3_stmt *q, int at, const struct digest *digest)
{
	sqlite3_bind_blob(q, at, digest->octets, DIGEST_SIZE, SQLITE_STATIC);
}

int agreed_put(struct state *s, const char *account, const struct mail_agreed *a, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "INSERT OR REPLACE INTO agreed VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, a->folder, (int)strlen(a->folder), SQLITE_STATIC);
	bind_digest(q, 3, &a->old_uidlist);
	bind_digest(q, 4, &a->new_uidlist);
	bind_digest(q, 5, &a->old_keywords);
	sqlite3_bind_blob64(q, 6, a->text.n ? a->text.p : "", a->text.n, SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

int agreed_drop(struct state *s, const char *account, const char *folder, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "DELETE FROM agreed WHERE account = ?1 AND (?2 IS NULL OR folder = ?2)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	if (folder)
		sqlite3_bind_blob(q, 2, folder, (int)strlen(folder), SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

static struct digest digest_at(sqlite3_stmt *q, int column)
{
	struct digest digest = { 0 };

	if (sqlite3_column_bytes(q, column) == DIGEST_SIZE)
		memcpy(digest.octets, sqlite3_column_blob(q, column), DIGEST_SIZE);
	return digest;
}

static int visit_one(sqlite3_stmt *q, agreed_visit_fn *visit, void *context, struct error *err)
{
	struct mail_agreed a = {
		.folder = xstrdup(state_column(q, 0)),
		.old_uidlist = digest_at(q, 1),
		.new_uidlist = digest_at(q, 2),
		.old_keywords = digest_at(q, 3),
	};
	int result;

	buf_add(&a.text, sqlite3_column_blob(q, 4), (size_t)sqlite3_column_bytes(q, 4));
	result = visit(context, &a, err);
	mail_agreed_fini(&a);
	return result;
}

int agreed_walk(struct state *s, const char *account, agreed_visit_fn *visit, void *context,
                struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT folder, old_uidlist, new_uidlist, old_keywords, messages"
	                  " FROM agreed WHERE account = ?1 ORDER BY folder",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1)
		if (visit_one(q, visit, context, err) < 0)
			return -1;
	return found;
}
