/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/trees.h"

#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>
#include <string.h>

/* Paths and names are BLOBs: they are octets, not text. */
const struct state_schema state_schema_trees = {
	"trees",
	"CREATE TABLE IF NOT EXISTS tree (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE IF NOT EXISTS tree_file ("
	" tree INTEGER NOT NULL, dir BLOB NOT NULL, name BLOB NOT NULL, kind INTEGER NOT NULL,"
	" size INTEGER NOT NULL, inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	" ctime_ns INTEGER NOT NULL, digest BLOB NOT NULL,"
	" PRIMARY KEY (tree, dir, name)) WITHOUT ROWID;",
};

struct tree_ledger {
	struct state *s;
	int64_t id;
	sqlite3_stmt *load, *put, *remove, *forget;
};

void tree_records_fini(struct tree_records *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->rows[i].name);
	free(r->rows);
	*r = (struct tree_records){ 0 };
}

static int by_name(const void *a, const void *b)
{
	const struct tree_record *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct tree_record *tree_records_find(const struct tree_records *r, const char *name)
{
	const struct tree_record key = { .name = (char *)(uintptr_t)name };

	return r->n ? bsearch(&key, r->rows, r->n, sizeof key, by_name) : NULL;
}

static int find_id(struct tree_ledger *l, const char *name, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *put = NULL;
	AUTO_STATEMENT sqlite3_stmt *get = NULL;

	if (state_prepare(l->s, &put, "INSERT OR IGNORE INTO tree (name) VALUES (?1)", err) < 0 ||
	    state_prepare(l->s, &get, "SELECT id FROM tree WHERE name = ?1", err) < 0)
		return -1;
	sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
	if (state_step(l->s, get, err) < 0)
		return -1;
	l->id = sqlite3_column_int64(get, 0);
	if (l->id)
		return 0;
	sqlite3_reset(get);
	if (state_step(l->s, put, err) < 0 || state_step(l->s, get, err) < 0)
		return -1;
	l->id = sqlite3_column_int64(get, 0);
	return 0;
}

int tree_ledger_open(struct tree_ledger **out, struct state *s, const char *name, struct error *err)
{
	AUTO_TREE_LEDGER struct tree_ledger *l = xcalloc(1, sizeof *l);

	l->s = s;
	if (find_id(l, name, err) < 0 ||
	    state_prepare(
		    s, &l->load,
		    "SELECT name, kind, size, inode, mtime_ns, ctime_ns, digest FROM tree_file"
		    " WHERE tree = ?1 AND dir = ?2 ORDER BY name",
		    err) < 0 ||
	    state_prepare(
		    s, &l->put,
		    "INSERT OR REPLACE INTO tree_file (tree, dir, name, kind, size, inode,"
		    " mtime_ns, ctime_ns, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		    err) < 0 ||
	    state_prepare(s, &l->remove,
	                  "DELETE FROM tree_file WHERE tree = ?1 AND dir = ?2 AND name = ?3",
	                  err) < 0 ||
	    state_prepare(s, &l->forget,
	                  "DELETE FROM tree_file WHERE tree = ?1 AND (dir = ?2 OR"
	                  " (dir > ?3 AND dir < ?4))",
	                  err) < 0)
		return -1;
	*out = TAKE(l);
	return 0;
}

void tree_ledger_close(struct tree_ledger *l)
{
	if (!l)
		return;
	state_statement_end(&l->load);
	state_statement_end(&l->put);
	state_statement_end(&l->remove);
	state_statement_end(&l->forget);
	free(l);
}

static void bind_octets(sqlite3_stmt *q, int at, const char *text)
{
	sqlite3_bind_blob(q, at, text, (int)strlen(text), SQLITE_STATIC);
}

static int step_once(struct tree_ledger *l, sqlite3_stmt *q, struct error *err)
{
	int result = state_step(l->s, q, err);

	sqlite3_reset(q);
	return result < 0 ? -1 : 0;
}

static struct tree_record row_of(sqlite3_stmt *q)
{
	struct tree_record r = {
		.name = xstrdup(state_column(q, 0)),
		.kind = sqlite3_column_int(q, 1) == TREE_DIR ? TREE_DIR : TREE_FILE,
		.size = (uint64_t)sqlite3_column_int64(q, 2),
		.inode = (uint64_t)sqlite3_column_int64(q, 3),
		.mtime_ns = sqlite3_column_int64(q, 4),
		.ctime_ns = sqlite3_column_int64(q, 5),
	};

	if (sqlite3_column_bytes(q, 6) == DIGEST_SIZE)
		memcpy(r.digest.octets, sqlite3_column_blob(q, 6), DIGEST_SIZE);
	return r;
}

int tree_ledger_load(struct tree_ledger *l, const char *dir, struct tree_records *out,
                     struct error *err)
{
	int found;

	tree_records_fini(out);
	sqlite3_bind_int64(l->load, 1, l->id);
	bind_octets(l->load, 2, dir);
	while ((found = state_step(l->s, l->load, err)) == 1) {
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = row_of(l->load);
	}
	sqlite3_reset(l->load);
	return found;
}

int tree_ledger_put(struct tree_ledger *l, const char *dir, const struct tree_record *r,
                    struct error *err)
{
	sqlite3_stmt *q = l->put;

	sqlite3_bind_int64(q, 1, l->id);
	bind_octets(q, 2, dir);
	bind_octets(q, 3, r->name);
	sqlite3_bind_int(q, 4, (int)r->kind);
	sqlite3_bind_int64(q, 5, (int64_t)r->size);
	sqlite3_bind_int64(q, 6, (int64_t)r->inode);
	sqlite3_bind_int64(q, 7, r->mtime_ns);
	sqlite3_bind_int64(q, 8, r->ctime_ns);
	sqlite3_bind_blob(q, 9, r->digest.octets, DIGEST_SIZE, SQLITE_STATIC);
	return step_once(l, q, err);
}

int tree_ledger_remove(struct tree_ledger *l, const char *dir, const char *name, struct error *err)
{
	sqlite3_bind_int64(l->remove, 1, l->id);
	bind_octets(l->remove, 2, dir);
	bind_octets(l->remove, 3, name);
	return step_once(l, l->remove, err);
}

int tree_ledger_forget(struct tree_ledger *l, const char *dir, struct error *err)
{
	/* '0' is the octet behind '/' */
	AUTO_FREE char *from = xasprintf("%s/", dir), *to = xasprintf("%s0", dir);

	sqlite3_bind_int64(l->forget, 1, l->id);
	bind_octets(l->forget, 2, dir);
	bind_octets(l->forget, 3, from);
	bind_octets(l->forget, 4, to);
	return step_once(l, l->forget, err);
}
