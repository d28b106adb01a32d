/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/state.h"

#include "base/memory.h"
#include "state/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define BUSY_TIMEOUT_MS 10000

/* FULL: what was committed is on disk, so the journal's record is before the action that it announces.
 * That needs the log alone; the file itself is written, and waited for, when the log holds so many
 * pages: most of them are changed again until then. */
#define DURABLE                                                                                    \
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"              \
	"PRAGMA wal_autocheckpoint=4096"

#define KEPT_MAX 48u /* statements; more than are needed for an account in any pass */

struct state {
	sqlite3 *db;
	int lockfd; /* -1: opened to read */
	/* prepared once, and nobody's at the moment; of one text there may be several, where one was
	 * needed while another was in use */
	sqlite3_stmt *kept[KEPT_MAX];
	size_t kept_n;
	struct state *next; /* of those that are open */
};

/* So that a statement finds its way back. One thread has to do with them all. */
static struct state *open_states;

const struct state_schema state_schema_facts = {
	"facts",
	"CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT "
	"ROWID;",
};

static int failed(struct state *s, const char *what, struct error *err)
{
	int code = sqlite3_extended_errcode(s->db);
	enum error_retry retry = ERROR_RETRY_NEVER;

	if ((code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_IOERR)
		retry = ERROR_RETRY_PERSON;
	else if ((code & 0xff) == SQLITE_BUSY)
		retry = ERROR_RETRY_LATER;
	return error_set(err, ERROR_SCOPE_MOVE, retry, 0, "state database: %s: %s", what,
	                 sqlite3_errmsg(s->db));
}

static int run(struct state *s, const char *sql, struct error *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return failed(s, sql, err);
	return 0;
}

static int take_lock(struct state *s, const char *move_dir, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/lock", move_dir);

	s->lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lockfd < 0)
		return error_system(err, "open %s", path);
	if (flock(s->lockfd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	          "another mailhaul is at work on the move in %s", move_dir);
	return error_hint(err, "`mailhaul status` says what it does; wait for its end");
}

/* Each is a number in the file's head. */
static int read_pragma(struct state *s, const char *sql, int *out, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, sql, err) < 0 || state_step(s, q, err) < 0)
		return -1;
	*out = sqlite3_column_int(q, 0);
	return 0;
}

static int check_version(struct state *s, struct error *err)
{
	int version;

	if (read_pragma(s, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (version == 0 || version == STATE_SCHEMA_VERSION)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "the state database is of version %d, this mailhaul writes %d", version,
	                 STATE_SCHEMA_VERSION);
}

/* Of the tables' texts; never 0, which is what a new file has. FNV-1a. */
static int32_t tables_mark(void)
{
	uint32_t mark = 2166136261u;

	for (size_t i = 0; state_schemas[i]; i++)
		for (const char *p = state_schemas[i]->sql; *p; p++)
			mark = (mark ^ (unsigned char)*p) * 16777619u;
	return (int32_t)(mark | 1u);
}

/* What made the tables left its mark in the file's head: where it is ours, all of them are there, and
 * nothing is written. To write the same version again would wait for the disk as any change does. */
static int make_tables(struct state *s, struct error *err)
{
	AUTO_FREE char *marks = xasprintf("PRAGMA user_version=%d; PRAGMA application_id=%d",
	                                  STATE_SCHEMA_VERSION, (int)tables_mark());
	int mark;

	if (read_pragma(s, "PRAGMA application_id", &mark, err) < 0)
		return -1;
	if (mark == tables_mark())
		return 0;
	for (size_t i = 0; state_schemas[i]; i++)
		if (run(s, state_schemas[i]->sql, err) < 0)
			return error_context(err, "tables of %s", state_schemas[i]->name);
	return run(s, marks, err);
}

static int open_database(struct state *s, const char *move_dir, int flags, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/state.db", move_dir);

	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "open %s: %s", path,
		          s->db ? sqlite3_errmsg(s->db) : "out of memory");
		return error_hint(err, "`mailhaul init` makes a move; -m names its folder");
	}
	sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
	if (run(s, "PRAGMA foreign_keys=ON", err) < 0)
		return error_context(err, "%s", path);
	return check_version(s, err);
}

int state_open(struct state **out, const char *move_dir, struct error *err)
{
	AUTO_STATE struct state *s = xcalloc(1, sizeof *s);

	s->lockfd = -1;
	if (take_lock(s, move_dir, err) < 0 ||
	    open_database(s, move_dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) < 0 ||
	    run(s, DURABLE, err) < 0 || make_tables(s, err) < 0)
		return -1;
	s->next = open_states;
	open_states = s;
	*out = TAKE(s);
	return 0;
}

int state_open_read(struct state **out, const char *move_dir, struct error *err)
{
	AUTO_STATE struct state *s = xcalloc(1, sizeof *s);

	s->lockfd = -1;
	if (open_database(s, move_dir, SQLITE_OPEN_READONLY, err) < 0)
		return -1;
	s->next = open_states;
	open_states = s;
	*out = TAKE(s);
	return 0;
}

void state_close(struct state *s)
{
	struct state **at = &open_states;

	if (!s)
		return;
	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	while (s->kept_n)
		sqlite3_finalize(s->kept[--s->kept_n]);
	sqlite3_close(s->db);
	fd_close_at(&s->lockfd);
	free(s);
}

sqlite3 *state_database(struct state *s)
{
	return s->db;
}

int state_prepare(struct state *s, sqlite3_stmt **out, const char *sql, struct error *err)
{
	for (size_t i = 0; i < s->kept_n; i++)
		if (!strcmp(sqlite3_sql(s->kept[i]), sql)) {
			*out = s->kept[i];
			s->kept[i] = s->kept[--s->kept_n];
			return 0;
		}
	if (sqlite3_prepare_v2(s->db, sql, -1, out, NULL) != SQLITE_OK)
		return failed(s, sql, err);
	return 0;
}

void state_statement_end(sqlite3_stmt **statement)
{
	sqlite3_stmt *q = TAKE(*statement);
	struct state *s = open_states;

	while (s && q && s->db != sqlite3_db_handle(q))
		s = s->next;
	if (!q || !s || s->kept_n == KEPT_MAX) {
		sqlite3_finalize(q);
		return;
	}
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	s->kept[s->kept_n++] = q;
}

int state_step(struct state *s, sqlite3_stmt *statement, struct error *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return failed(s, sqlite3_sql(statement), err);
	}
}

const char *state_column(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

static int run_kept(struct state *s, const char *sql, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	return state_prepare(s, &q, sql, err) < 0 ? -1 : state_step(s, q, err);
}

int state_begin(struct state *s, struct error *err)
{
	return run_kept(s, "BEGIN IMMEDIATE", err);
}

int state_commit(struct state *s, struct error *err)
{
	return run_kept(s, "COMMIT", err);
}

void state_abandon(struct state *s)
{
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int state_put(struct state *s, const char *name, const char *value, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q,
	                  "INSERT INTO fact VALUES (?1, ?2) "
	                  "ON CONFLICT (name) DO UPDATE SET value = ?2",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, value, -1, SQLITE_STATIC);
	return state_step(s, q, err);
}

int state_get(struct state *s, const char *name, char **out, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q, "SELECT value FROM fact WHERE name = ?1", err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	found = state_step(s, q, err);
	if (found < 0)
		return -1;
	*out = found ? xstrdup(state_column(q, 0)) : NULL;
	return 0;
}

int state_put_i64(struct state *s, const char *name, int64_t value, struct error *err)
{
	AUTO_FREE char *text = xasprintf("%lld", (long long)value);

	return state_put(s, name, text, err);
}

int state_get_i64(struct state *s, const char *name, int64_t missing, int64_t *out,
                  struct error *err)
{
	AUTO_FREE char *text = NULL;

	if (state_get(s, name, &text, err) < 0)
		return -1;
	*out = text ? strtoll(text, NULL, 10) : missing;
	return 0;
}
