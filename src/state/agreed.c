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
	" messages BLOB NOT NULL, PRIMARY KEY (account, folder));"
	/* instead of what `agreed` says; `messages`: those of the latter, but for these */
	"CREATE TABLE IF NOT EXISTS agreed_later ("
	" account TEXT NOT NULL, folder BLOB NOT NULL,"
	" old_uidlist BLOB NOT NULL, new_uidlist BLOB NOT NULL, old_keywords BLOB NOT NULL,"
	" messages BLOB NOT NULL, PRIMARY KEY (account, folder));"
	"CREATE TABLE IF NOT EXISTS agreed_ledger ("
	" account TEXT PRIMARY KEY, messages INTEGER NOT NULL, octets INTEGER NOT NULL)"
	" WITHOUT ROWID;",
};

static int forget_ledger(struct state *s, const char *account, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, AGREED_FORGET_LEDGER, err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

int agreed_put_ledger(struct state *s, const char *account, uint64_t messages, uint64_t octets,
                      struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "INSERT OR REPLACE INTO agreed_ledger VALUES (?1, ?2, ?3)", err) <
	    0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)messages);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)octets);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

int agreed_get_ledger(struct state *s, const char *account, bool *known, uint64_t *messages,
                      uint64_t *octets, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q, "SELECT messages, octets FROM agreed_ledger WHERE account = ?1",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	found = state_step(s, q, err);
	*known = found == 1;
	if (*known) {
		*messages = (uint64_t)sqlite3_column_int64(q, 0);
		*octets = (uint64_t)sqlite3_column_int64(q, 1);
	}
	return found < 0 ? -1 : 0;
}

static void bind_digest(sqlite3_stmt *q, int at, const struct digest *digest)
{
	sqlite3_bind_blob(q, at, digest->octets, DIGEST_SIZE, SQLITE_STATIC);
}

static int put_into(struct state *s, const char *sql, const char *account,
                    const struct mail_agreed *a, const struct buf *messages, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, sql, err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, a->folder, (int)strlen(a->folder), SQLITE_STATIC);
	bind_digest(q, 3, &a->old_uidlist);
	bind_digest(q, 4, &a->new_uidlist);
	bind_digest(q, 5, &a->old_keywords);
	sqlite3_bind_blob64(q, 6, messages->n ? messages->p : "", messages->n, SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

static int drop_from(struct state *s, const char *sql, const char *account, const char *folder,
                     struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, sql, err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	if (folder)
		sqlite3_bind_blob(q, 2, folder, (int)strlen(folder), SQLITE_STATIC);
	return state_step(s, q, err) < 0 ? -1 : 0;
}

#define OF_FOLDER " WHERE account = ?1 AND (?2 IS NULL OR folder = ?2)"

static int drop_later(struct state *s, const char *account, const char *folder, struct error *err)
{
	return drop_from(s, "DELETE FROM agreed_later" OF_FOLDER, account, folder, err);
}

int agreed_put(struct state *s, const char *account, const struct mail_agreed *a, struct error *err)
{
	bool later = !a->text.n && a->later.n;

	if (later ? put_into(s,
	                     "INSERT OR REPLACE INTO agreed_later VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                     account, a, &a->later, err) < 0
	          : put_into(s, "INSERT OR REPLACE INTO agreed VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                     account, a, &a->text, err) < 0 ||
	                    drop_later(s, account, a->folder, err) < 0)
		return -1;
	return forget_ledger(s, account, err);
}

int agreed_drop(struct state *s, const char *account, const char *folder, struct error *err)
{
	if (drop_from(s, "DELETE FROM agreed" OF_FOLDER, account, folder, err) < 0 ||
	    drop_later(s, account, folder, err) < 0)
		return -1;
	return forget_ledger(s, account, err);
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
	buf_add(&a.later, sqlite3_column_blob(q, 5), (size_t)sqlite3_column_bytes(q, 5));
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
	                  "SELECT folder, coalesce(l.old_uidlist, a.old_uidlist),"
	                  " coalesce(l.new_uidlist, a.new_uidlist),"
	                  " coalesce(l.old_keywords, a.old_keywords), a.messages, l.messages"
	                  " FROM agreed AS a LEFT JOIN agreed_later AS l USING (account, folder)"
	                  " WHERE account = ?1 ORDER BY folder",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1)
		if (visit_one(q, visit, context, err) < 0)
			return -1;
	return found;
}
