/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/messages.h"

#include "base/memory.h"
#include "state/columns.h"
#include "state/schema.h"

#include <string.h>

#define FROZEN_AT "manifest.at_ms"

/*
 * Folder names and bases are BLOBs: they are octets, not text.
 *
 * What changes again and again while mail is read stands by itself, in rows so short that thousands of
 * flags that were set all over the mail change a few hundred pages of the file, and not each one that a
 * message is in. Each row of `message` has one in `message_now`.
 */
const struct state_schema state_schema_messages = {
	"messages",
	"CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY,"
	" account TEXT NOT NULL, folder BLOB NOT NULL, base BLOB NOT NULL,"
	" size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	" message_id BLOB NOT NULL, sha256 BLOB NOT NULL, first_ms INTEGER NOT NULL,"
	" UNIQUE (account, folder, base));"
	"CREATE INDEX IF NOT EXISTS message_by_id ON message (message_id);"
	"CREATE TABLE IF NOT EXISTS message_now (id INTEGER PRIMARY KEY,"
	" uid INTEGER NOT NULL, in_new INTEGER NOT NULL, flags TEXT NOT NULL,"
	" keywords BLOB NOT NULL, last_ms INTEGER NOT NULL,"
	" gone INTEGER NOT NULL DEFAULT 0, manifest INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE IF NOT EXISTS folder ("
	" account TEXT NOT NULL, folder BLOB NOT NULL,"
	" uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL,"
	" file_size INTEGER NOT NULL, file_mtime_ns INTEGER NOT NULL, file_sha256 BLOB NOT NULL,"
	" gone INTEGER NOT NULL DEFAULT 0, manifest INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (account, folder)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS beside ("
	" account TEXT NOT NULL, place TEXT NOT NULL, path BLOB NOT NULL,"
	" target BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	" sha256 BLOB NOT NULL,"
	" gone INTEGER NOT NULL DEFAULT 0, manifest INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (account, place, path)) WITHOUT ROWID;",
};

static const char *which_sql(enum messages_which which)
{
	switch (which) {
	case MESSAGES_ALL:
		return "1";
	case MESSAGES_PRESENT:
		return "gone = 0";
	case MESSAGES_MANIFEST:
		return "manifest = 1";
	}
	return "1";
}

/* The rows of one account, or of all: two statements, since one with "?1 IS NULL OR account = ?1"
 * reads all rows for each account. */
static int prepare_of(struct state *s, sqlite3_stmt **q, const char *select, const char *account,
                      enum messages_which which, const char *order, struct error *err)
{
	AUTO_FREE char *sql = xasprintf("%s WHERE %s AND %s%s", select,
	                                account ? "account = ?1" : "1", which_sql(which), order);

	if (state_prepare(s, q, sql, err) < 0)
		return -1;
	if (account)
		column_bind_text(*q, 1, account);
	return 0;
}

/* ── messages ────────────────────────────────────────────────────────────────────────────────── */

/* Always from `message`, by its indices, to `message_now`. */
#define MESSAGES "message CROSS JOIN message_now USING (id)"
#define MESSAGE_COLUMNS                                                                            \
	"account, folder, base, uid, size, mtime_ns, in_new, flags, keywords, message_id, sha256," \
	" first_ms, last_ms, gone, manifest"

static int visit_messages(struct state *s, sqlite3_stmt *q, message_visit_fn *visit, void *context,
                          struct error *err)
{
	int found;

	while ((found = state_step(s, q, err)) == 1) {
		struct message_record m = {
			.account = state_column(q, 0),
			.folder = state_column(q, 1),
			.base = state_column(q, 2),
			.uid = (uint32_t)sqlite3_column_int64(q, 3),
			.size = (uint64_t)sqlite3_column_int64(q, 4),
			.mtime_ns = sqlite3_column_int64(q, 5),
			.in_new = sqlite3_column_int(q, 6) != 0,
			.flags = state_column(q, 7),
			.keywords = state_column(q, 8),
			.message_id = state_column(q, 9),
			.digest = column_digest(q, 10),
			.first_ms = sqlite3_column_int64(q, 11),
			.last_ms = sqlite3_column_int64(q, 12),
			.gone = sqlite3_column_int(q, 13) != 0,
			.in_manifest = sqlite3_column_int(q, 14) != 0,
		};

		if (visit(context, &m, err) < 0)
			return -1;
	}
	return found;
}

int messages_walk(struct state *s, const char *account, enum messages_which which,
                  message_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (prepare_of(s, &q, "SELECT " MESSAGE_COLUMNS " FROM " MESSAGES, account, which,
	               " ORDER BY account, folder, base", err) < 0)
		return -1;
	return visit_messages(s, q, visit, context, err);
}

struct message_reader {
	struct state *s;
	sqlite3_stmt *one, *folder;
};

#define PRESENT_OF_FOLDER                                                                          \
	"SELECT " MESSAGE_COLUMNS " FROM " MESSAGES                                                \
	" WHERE gone = 0 AND account = ?1 AND folder = ?2"

int message_reader_new(struct message_reader **out, struct state *s, struct error *err)
{
	AUTO_MESSAGE_READER struct message_reader *r = xcalloc(1, sizeof *r);

	r->s = s;
	if (state_prepare(s, &r->one, PRESENT_OF_FOLDER " AND base = ?3", err) < 0 ||
	    state_prepare(s, &r->folder, PRESENT_OF_FOLDER " ORDER BY base", err) < 0)
		return -1;
	*out = TAKE(r);
	return 0;
}

void message_reader_free(struct message_reader *r)
{
	if (!r)
		return;
	state_statement_end(&r->one);
	state_statement_end(&r->folder);
	free(r);
}

int message_reader_get(struct message_reader *r, const char *account, const char *folder,
                       const char *base, message_visit_fn *visit, void *context, struct error *err)
{
	sqlite3_stmt *q = base ? r->one : r->folder;
	int result;

	column_bind_text(q, 1, account);
	column_bind_octets(q, 2, folder);
	if (base)
		column_bind_octets(q, 3, base);
	result = visit_messages(r->s, q, visit, context, err);
	sqlite3_reset(q);
	return result;
}

int message_reader_has(struct message_reader *r, const char *account, const char *folder,
                       const char *base, struct error *err)
{
	int found;

	column_bind_text(r->one, 1, account);
	column_bind_octets(r->one, 2, folder);
	column_bind_octets(r->one, 3, base);
	found = state_step(r->s, r->one, err);
	sqlite3_reset(r->one);
	return found;
}

int messages_find(struct state *s, const char *message_id, message_visit_fn *visit, void *context,
                  struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "SELECT " MESSAGE_COLUMNS " FROM " MESSAGES " WHERE message_id = ?1"
	                  " ORDER BY account, folder, base",
	                  err) < 0)
		return -1;
	column_bind_octets(q, 1, message_id);
	return visit_messages(s, q, visit, context, err);
}

int messages_count(struct state *s, const char *account, enum messages_which which,
                   uint64_t *messages, uint64_t *octets, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (prepare_of(s, &q, "SELECT count(*), total(size) FROM " MESSAGES, account, which, "",
	               err) < 0)
		return -1;
	if (state_step(s, q, err) < 0)
		return -1;
	*messages = (uint64_t)sqlite3_column_int64(q, 0);
	*octets = (uint64_t)sqlite3_column_int64(q, 1);
	return 0;
}

int messages_count_folders(struct state *s, const char *account, enum messages_which which,
                           message_count_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (prepare_of(s, &q, "SELECT folder, count(*), total(size) FROM " MESSAGES, account, which,
	               " GROUP BY folder ORDER BY folder", err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1)
		if (visit(context, state_column(q, 0), (uint64_t)sqlite3_column_int64(q, 1),
		          (uint64_t)sqlite3_column_int64(q, 2), err) < 0)
			return -1;
	return found;
}

/* ── folders ─────────────────────────────────────────────────────────────────────────────────── */

int folder_put(struct state *s, const struct folder_record *f, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(
		    s, &q,
		    "INSERT INTO folder (account, folder, uidvalidity, uidnext, file_size,"
		    " file_mtime_ns, file_sha256, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		    " ON CONFLICT (account, folder) DO UPDATE SET uidvalidity = ?3,"
		    " uidnext = ?4, file_size = ?5, file_mtime_ns = ?6, file_sha256 = ?7,"
		    " gone = ?8",
		    err) < 0)
		return -1;
	column_bind_text(q, 1, f->account);
	column_bind_octets(q, 2, f->folder);
	sqlite3_bind_int64(q, 3, f->uidvalidity);
	sqlite3_bind_int64(q, 4, f->uidnext);
	sqlite3_bind_int64(q, 5, (int64_t)f->file_size);
	sqlite3_bind_int64(q, 6, f->file_mtime_ns);
	column_bind_digest(q, 7, &f->file_digest);
	sqlite3_bind_int(q, 8, f->gone);
	return state_step(s, q, err);
}

int folders_walk(struct state *s, const char *account, enum messages_which which,
                 folder_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (prepare_of(s, &q,
	               "SELECT account, folder, uidvalidity, uidnext, file_size, file_mtime_ns,"
	               " file_sha256, gone, manifest FROM folder",
	               account, which, " ORDER BY account, folder", err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		struct folder_record f = {
			.account = state_column(q, 0),
			.folder = state_column(q, 1),
			.uidvalidity = (uint32_t)sqlite3_column_int64(q, 2),
			.uidnext = (uint32_t)sqlite3_column_int64(q, 3),
			.file_size = (uint64_t)sqlite3_column_int64(q, 4),
			.file_mtime_ns = sqlite3_column_int64(q, 5),
			.file_digest = column_digest(q, 6),
			.gone = sqlite3_column_int(q, 7) != 0,
			.in_manifest = sqlite3_column_int(q, 8) != 0,
		};

		if (visit(context, &f, err) < 0)
			return -1;
	}
	return found;
}

/* ── beside ──────────────────────────────────────────────────────────────────────────────────── */

int beside_put(struct state *s, const struct beside_record *b, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(
		    s, &q,
		    "INSERT INTO beside (account, place, path, target, size, mtime_ns, sha256,"
		    " gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		    " ON CONFLICT (account, place, path) DO UPDATE SET target = ?4, size = ?5,"
		    " mtime_ns = ?6, sha256 = ?7, gone = ?8",
		    err) < 0)
		return -1;
	column_bind_text(q, 1, b->account);
	column_bind_text(q, 2, b->place);
	column_bind_octets(q, 3, b->path);
	column_bind_octets(q, 4, b->target);
	sqlite3_bind_int64(q, 5, (int64_t)b->size);
	sqlite3_bind_int64(q, 6, b->mtime_ns);
	column_bind_digest(q, 7, &b->digest);
	sqlite3_bind_int(q, 8, b->gone);
	return state_step(s, q, err);
}

int beside_walk(struct state *s, const char *account, enum messages_which which,
                beside_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (prepare_of(s, &q,
	               "SELECT account, place, path, target, size, mtime_ns, sha256, gone,"
	               " manifest FROM beside",
	               account, which, " ORDER BY account, place, path", err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		struct beside_record b = {
			.account = state_column(q, 0),
			.place = state_column(q, 1),
			.path = state_column(q, 2),
			.target = state_column(q, 3),
			.size = (uint64_t)sqlite3_column_int64(q, 4),
			.mtime_ns = sqlite3_column_int64(q, 5),
			.digest = column_digest(q, 6),
			.gone = sqlite3_column_int(q, 7) != 0,
			.in_manifest = sqlite3_column_int(q, 8) != 0,
		};

		if (visit(context, &b, err) < 0)
			return -1;
	}
	return found;
}

/* ── the manifest ────────────────────────────────────────────────────────────────────────────── */

static int mark(struct state *s, const char *value, struct error *err)
{
	static const char *const tables[] = { "message_now", "folder", "beside" };

	for (size_t i = 0; i < ROWS(tables); i++) {
		AUTO_FREE char *sql = xasprintf("UPDATE %s SET manifest = %s", tables[i], value);
		AUTO_STATEMENT sqlite3_stmt *q = NULL;

		if (state_prepare(s, &q, sql, err) < 0 || state_step(s, q, err) < 0)
			return -1;
	}
	return 0;
}

static int mark_all(struct state *s, const char *value, int64_t at_ms, struct error *err)
{
	if (state_begin(s, err) < 0)
		return -1;
	if (mark(s, value, err) == 0 && state_put_i64(s, FROZEN_AT, at_ms, err) == 0 &&
	    state_commit(s, err) == 0)
		return 0;
	state_abandon(s);
	return -1;
}

int messages_freeze(struct state *s, int64_t at_ms, struct error *err)
{
	return mark_all(s, "NOT gone", at_ms, err);
}

int messages_thaw(struct state *s, struct error *err)
{
	return mark_all(s, "0", 0, err);
}

int messages_frozen_at(struct state *s, int64_t *at_ms, struct error *err)
{
	return state_get_i64(s, FROZEN_AT, 0, at_ms, err);
}
