/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/journal.h"

#include "base/clock.h"
#include "base/text.h"
#include "state/schema.h"

#include <signal.h>
#include <string.h>

const struct state_schema state_schema_journal = {
	"journal",
	"CREATE TABLE IF NOT EXISTS journal ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" at_ms INTEGER NOT NULL," /* since 1970 UTC */
	" attempt INTEGER NOT NULL,"
	" step TEXT NOT NULL,"
	" mark TEXT NOT NULL,"
	" detail TEXT NOT NULL DEFAULT '');",
};

static const char *const names[] = {
	[JOURNAL_NONE] = "none",
	[JOURNAL_BEGIN] = "begin",
	[JOURNAL_DONE] = "done",
	[JOURNAL_FAILED] = "failed",
	[JOURNAL_UNDO_BEGIN] = "undo begin",
	[JOURNAL_UNDONE] = "undone",
};

const char *journal_mark_name(enum journal_mark mark)
{
	return names[mark];
}

static enum journal_mark mark_of(const char *name)
{
	for (size_t i = 0; i < ROWS(names); i++)
		if (!strcmp(names[i], name))
			return (enum journal_mark)i;
	return JOURNAL_NONE;
}

/* The kill points of the crash tests. */
static void die_here(const char *when, uint64_t count)
{
	const char *at = getenv("MAILHAUL_DIE_AT");
	struct span rest = span_of(at ? at : ""), word;
	uint64_t n;

	if (at && span_next_part(&rest, ':', &word) && span_is(word, when) &&
	    span_parse_u64(rest, &n) && n == count)
		raise(SIGKILL);
}

int journal_write(struct state *s, int64_t attempt, const char *step, enum journal_mark mark,
                  const char *detail, struct error *err)
{
	static uint64_t count;
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	die_here("before", ++count);
	if (state_prepare(s, &q,
	                  "INSERT INTO journal (at_ms, attempt, step, mark, detail) "
	                  "VALUES (?1, ?2, ?3, ?4, ?5)",
	                  err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, clock_wall_ms());
	sqlite3_bind_int64(q, 2, attempt);
	sqlite3_bind_text(q, 3, step, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 4, names[mark], -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 5, detail ? detail : "", -1, SQLITE_STATIC);
	if (state_step(s, q, err) < 0)
		return error_context(err, "journal %s %s", step, names[mark]);
	die_here("after", count);
	return 0;
}

int journal_last(struct state *s, int64_t attempt, const char *step, enum journal_mark *out,
                 struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT mark FROM journal WHERE attempt = ?1 AND step = ?2 "
	                  "ORDER BY id DESC LIMIT 1",
	                  err) < 0)
		return -1;
	sqlite3_bind_int64(q, 1, attempt);
	sqlite3_bind_text(q, 2, step, -1, SQLITE_STATIC);
	found = state_step(s, q, err);
	if (found < 0)
		return -1;
	*out = found ? mark_of(state_column(q, 0)) : JOURNAL_NONE;
	return 0;
}

int journal_walk(struct state *s, journal_visit_fn *visit, void *context, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT id, at_ms, attempt, step, mark, detail FROM journal ORDER BY id",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		struct journal_record record = {
			.id = sqlite3_column_int64(q, 0),
			.at_ms = sqlite3_column_int64(q, 1),
			.attempt = sqlite3_column_int64(q, 2),
			.step = state_column(q, 3),
			.mark = mark_of(state_column(q, 4)),
			.detail = state_column(q, 5),
		};

		if (visit(context, &record, err) < 0)
			return -1;
	}
	return found;
}
