/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/coming.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "state/schema.h"

#include <string.h>

/* `bases` are the names, each with the NUL behind it. */
const struct state_schema state_schema_coming = {
	"coming",
	"CREATE TABLE IF NOT EXISTS coming ("
	" batch INTEGER NOT NULL, account TEXT NOT NULL, folder BLOB NOT NULL,"
	" bases BLOB NOT NULL);",
};

static int next_batch(struct state *s, int64_t *out, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "SELECT coalesce(max(batch), 0) + 1 FROM coming", err) < 0 ||
	    state_step(s, q, err) < 0)
		return -1;
	*out = sqlite3_column_int64(q, 0);
	return 0;
}

static bool is_same_folder(const struct coming_name *a, const struct coming_name *b)
{
	return !strcmp(a->account, b->account) && !strcmp(a->folder, b->folder);
}

static int put_rows(struct state *s, const struct coming_name *names, size_t n, int64_t batch,
                    struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	AUTO_BUF struct buf bases = { 0 };

	if (state_prepare(s, &q, "INSERT INTO coming VALUES (?1, ?2, ?3, ?4)", err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, batch);
	for (size_t i = 0; i < n; i++) {
		buf_add(&bases, names[i].base, strlen(names[i].base) + 1);
		if (i + 1 < n && is_same_folder(&names[i], &names[i + 1]))
			continue;
		sqlite3_bind_text(q, 2, names[i].account, -1, SQLITE_STATIC);
		sqlite3_bind_blob(q, 3, names[i].folder, (int)strlen(names[i].folder),
		                  SQLITE_STATIC);
		sqlite3_bind_blob64(q, 4, bases.p, bases.n, SQLITE_STATIC);
		if (state_step(s, q, err) < 0)
			return -1;
		sqlite3_reset(q);
		buf_reset(&bases);
	}
	return 0;
}

int coming_put(struct state *s, const struct coming_name *names, size_t n, int64_t *batch,
               struct error *err)
{
	if (state_begin(s, err) < 0)
		return -1;
	if (next_batch(s, batch, err) == 0 && put_rows(s, names, n, *batch, err) == 0 &&
	    state_commit(s, err) == 0)
		return 0;
	state_abandon(s);
	return -1;
}

int coming_arrived(struct state *s, int64_t batch, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "DELETE FROM coming WHERE batch = ?1", err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, batch);
	return state_step(s, q, err);
}

static int visit_row(sqlite3_stmt *q, const char *account, coming_visit_fn *visit, void *context,
                     struct error *err)
{
	const char *bases = sqlite3_column_blob(q, 1);
	struct span rest = { bases, (size_t)sqlite3_column_bytes(q, 1) };
	struct coming_name name = { .account = account, .folder = state_column(q, 0) };
	ssize_t end;

	/* a name without its NUL would not be ours */
	while ((end = span_find(rest, 0)) >= 0) {
		name.base = rest.p;
		if (visit(context, &name, err) < 0)
			return -1;
		rest = span_from(rest, (size_t)end + 1);
	}
	return 0;
}

int coming_walk(struct state *s, const char *account, coming_visit_fn *visit, void *context,
                struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q, "SELECT folder, bases FROM coming WHERE account = ?1", err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1)
		if (visit_row(q, account, visit, context, err) < 0)
			return -1;
	return found;
}

int coming_settled(struct state *s, const char *account, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "DELETE FROM coming WHERE account = ?1", err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, account, -1, SQLITE_STATIC);
	return state_step(s, q, err);
}
