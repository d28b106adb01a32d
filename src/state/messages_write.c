/* SPDX-License-Identifier: BSD-2-Clause */

/* messages_write -- the rows of messages change, many of them without preparing each. */

#include "base/clock.h"
#include "base/memory.h"
#include "state/agreed.h"
#include "state/columns.h"
#include "state/messages.h"

#include <stdlib.h>
#include <string.h>

#define OF_MESSAGE " WHERE account = ?1 AND folder = ?2 AND base = ?3"

struct message_writer {
	struct state *s;
	sqlite3_stmt *find, *add, *add_now, *change, *change_now, *gone, *forget;
	int64_t now_ms;
	char *account; /* owned; the one whose rows were changed last */
};

static int prepare_writer(struct message_writer *w, struct error *err)
{
	const struct {
		sqlite3_stmt **q;
		const char *sql;
	} rows[] = {
		{ &w->find,
		  "SELECT id, size, mtime_ns, message_id, sha256 FROM message" OF_MESSAGE },
		{ &w->add, "INSERT INTO message (account, folder, base, size, mtime_ns, message_id,"
		           " sha256, first_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)" },
		{ &w->add_now, "INSERT OR REPLACE INTO message_now"
		               " (id, uid, in_new, flags, keywords, last_ms)"
		               " VALUES (?1, ?2, ?3, ?4, ?5, ?6)" },
		{ &w->change, "UPDATE message SET size = ?4, mtime_ns = ?5, message_id = ?6,"
		              " sha256 = ?7 WHERE id = ?1" },
		{ &w->change_now, "UPDATE message_now SET uid = ?2, in_new = ?3, flags = ?4,"
		                  " keywords = ?5, last_ms = ?6, gone = 0 WHERE id = ?1" },
		{ &w->gone, "UPDATE message_now SET gone = 1"
		            " WHERE id = (SELECT id FROM message" OF_MESSAGE ")" },
		{ &w->forget, AGREED_FORGET_LEDGER },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (state_prepare(w->s, rows[i].q, rows[i].sql, err) < 0)
			return -1;
	return 0;
}

int message_writer_new(struct message_writer **out, struct state *s, struct error *err)
{
	AUTO_MESSAGE_WRITER struct message_writer *w = xcalloc(1, sizeof *w);

	w->s = s;
	w->now_ms = clock_wall_ms();
	if (prepare_writer(w, err) < 0)
		return -1;
	*out = TAKE(w);
	return 0;
}

void message_writer_free(struct message_writer *w)
{
	if (!w)
		return;
	state_statement_end(&w->find);
	state_statement_end(&w->add);
	state_statement_end(&w->add_now);
	state_statement_end(&w->change);
	state_statement_end(&w->change_now);
	state_statement_end(&w->gone);
	state_statement_end(&w->forget);
	free(w->account);
	free(w);
}

static int step_once(struct message_writer *w, sqlite3_stmt *q, struct error *err)
{
	int result = state_step(w->s, q, err);

	sqlite3_reset(q);
	return result < 0 ? -1 : 0;
}

/* What was counted of the account (state/agreed.h) is true no more. */
static int enter_account(struct message_writer *w, const char *account, struct error *err)
{
	if (w->account && !strcmp(w->account, account))
		return 0;
	free(w->account);
	w->account = xstrdup(account);
	column_bind_text(w->forget, 1, account);
	return step_once(w, w->forget, err);
}

static void bind_name(sqlite3_stmt *q, const char *account, const char *folder, const char *base)
{
	column_bind_text(q, 1, account);
	column_bind_octets(q, 2, folder);
	column_bind_octets(q, 3, base);
}

/* The row that is there: what does not change as a rule is as in `m`. */
static bool is_as_found(sqlite3_stmt *q, const struct message_record *m)
{
	const char *id = m->message_id ? m->message_id : "";
	const struct digest digest = column_digest(q, 4);

	return (uint64_t)sqlite3_column_int64(q, 1) == m->size &&
	       sqlite3_column_int64(q, 2) == m->mtime_ns && digest_equal(&digest, &m->digest) &&
	       !strcmp(state_column(q, 3), id);
}

/* 1 found, 0 not, -1 error; *same: see is_as_found(). */
static int find_row(struct message_writer *w, const struct message_record *m, sqlite3_int64 *id,
                    bool *same, struct error *err)
{
	int found;

	bind_name(w->find, m->account, m->folder, m->base);
	found = state_step(w->s, w->find, err);
	if (found == 1) {
		*id = sqlite3_column_int64(w->find, 0);
		*same = is_as_found(w->find, m);
	}
	sqlite3_reset(w->find);
	return found;
}

/* From the fourth place on. */
static void bind_content(sqlite3_stmt *q, const struct message_record *m)
{
	sqlite3_bind_int64(q, 4, (int64_t)m->size);
	sqlite3_bind_int64(q, 5, m->mtime_ns);
	column_bind_octets(q, 6, m->message_id);
	column_bind_digest(q, 7, &m->digest);
}

static int put_now(struct message_writer *w, sqlite3_stmt *q, sqlite3_int64 id,
                   const struct message_record *m, int64_t last_ms, struct error *err)
{
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int64(q, 2, m->uid);
	sqlite3_bind_int(q, 3, m->in_new);
	column_bind_text(q, 4, m->flags);
	column_bind_octets(q, 5, m->keywords);
	sqlite3_bind_int64(q, 6, last_ms);
	return step_once(w, q, err);
}

int message_writer_put(struct message_writer *w, const struct message_record *m, struct error *err)
{
	int64_t now_ms = m->first_ms ? m->first_ms : w->now_ms;
	sqlite3_int64 id = 0;
	bool same = false;
	int found = enter_account(w, m->account, err);

	if (found == 0)
		found = find_row(w, m, &id, &same, err);
	if (found < 0)
		return -1;
	if (!found) {
		bind_name(w->add, m->account, m->folder, m->base);
		bind_content(w->add, m);
		sqlite3_bind_int64(w->add, 8, now_ms);
		if (step_once(w, w->add, err) < 0)
			return -1;
		id = sqlite3_last_insert_rowid(state_database(w->s));
		return put_now(w, w->add_now, id, m, now_ms, err);
	}
	if (!same) {
		sqlite3_bind_int64(w->change, 1, id);
		bind_content(w->change, m);
		if (step_once(w, w->change, err) < 0)
			return -1;
	}
	return put_now(w, w->change_now, id, m, now_ms, err);
}

int message_writer_gone(struct message_writer *w, const char *account, const char *folder,
                        const char *base, struct error *err)
{
	if (enter_account(w, account, err) < 0)
		return -1;
	bind_name(w->gone, account, folder, base);
	return step_once(w, w->gone, err);
}
