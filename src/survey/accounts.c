/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/accounts.h"

#include "base/memory.h"
#include "imapd/mail_location.h"

#include <string.h>

void account_pairs_fini(struct account_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		mailbox_account_fini(&pairs->rows[i].from);
		mailbox_account_fini(&pairs->rows[i].to);
		strings_fini(&pairs->rows[i].beside);
	}
	free(pairs->rows);
	*pairs = (struct account_pairs){ 0 };
}

static char *column_or_null(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL ? NULL
	                                                     : xstrdup(state_column(q, column));
}

/* Columns from `at`: home, root, inbox, uid, gid; from `form`: format, layout. */
static void read_side(sqlite3_stmt *q, int at, int form, struct mailbox_account *out)
{
	*out = (struct mailbox_account){
		.user = xstrdup(state_column(q, 0)),
		.format = (enum mailbox_format)sqlite3_column_int(q, form),
		.layout = (enum mailbox_layout)sqlite3_column_int(q, form + 1),
		.home = xstrdup(state_column(q, at)),
		.root = xstrdup(state_column(q, at + 1)),
		.inbox = column_or_null(q, at + 2),
		.uid = (uint32_t)sqlite3_column_int64(q, at + 3),
		.gid = (uint32_t)sqlite3_column_int64(q, at + 4),
	};
}

int survey_accounts(struct state *s, struct account_pairs *out, struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int64_t at_ms;
	int found;

	if (state_get_i64(s, "survey.at_ms", 0, &at_ms, err) < 0)
		return -1;
	if (!at_ms) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "survey has not been run yet");
		return error_hint(err, "`mailhaul survey` finds what has to move");
	}
	if (state_prepare(s, &q,
	                  "SELECT user, format, layout, old_home, old_root, old_inbox, old_uid, "
	                  "old_gid, prepared, new_home, new_root, new_inbox, new_uid, new_gid, "
	                  "beside, new_format, new_layout FROM account ORDER BY user",
	                  err) < 0)
		return -1;
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		struct account_pair *pair = &made.rows[made.n++];
		*pair = (struct account_pair){ .prepared = sqlite3_column_int(q, 8) != 0 };
		read_side(q, 3, 1, &pair->from);
		if (pair->prepared)
			read_side(q, 9, 15, &pair->to);
		/* a name with a line end in it is no path of ours */
		strings_add_lines(&pair->beside, span_of(state_column(q, 14)));
	}
	if (found < 0)
		return -1;
	account_pairs_fini(out);
	*out = made;
	made = (struct account_pairs){ 0 };
	return 0;
}

/* Columns from `at`: home, root, inbox, uid, gid. */
static void bind_side(sqlite3_stmt *q, int at, const struct mailbox_account *a)
{
	const char *const texts[] = { a->home, a->root, a->inbox };

	for (int i = 0; i < 3; i++)
		if (texts[i])
			sqlite3_bind_text(q, at + i, texts[i], -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(q, at + 3, a->uid);
	sqlite3_bind_int64(q, at + 4, a->gid);
}

int survey_account_put(struct state *s, const struct account_pair *pair, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	AUTO_BUF struct buf beside = { 0 };

	for (size_t i = 0; i < pair->beside.n; i++)
		if (!strchr(pair->beside.rows[i], '\n'))
			buf_addf(&beside, "%s\n", pair->beside.rows[i]);
	if (state_prepare(s, &q,
	                  "INSERT OR REPLACE INTO account (user, format, layout, prepared, beside, "
	                  "old_home, old_root, old_inbox, old_uid, old_gid, new_home, new_root, "
	                  "new_inbox, new_uid, new_gid, new_format, new_layout) VALUES (?1, ?2, "
	                  "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, pair->from.user, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 2, (int)pair->from.format);
	sqlite3_bind_int(q, 3, (int)pair->from.layout);
	sqlite3_bind_int(q, 4, pair->prepared);
	sqlite3_bind_text(q, 5, buf_text(&beside), -1, SQLITE_STATIC);
	bind_side(q, 6, &pair->from);
	if (pair->prepared) {
		bind_side(q, 11, &pair->to);
		sqlite3_bind_int(q, 16, (int)pair->to.format);
		sqlite3_bind_int(q, 17, (int)pair->to.layout);
	}
	return state_step(s, q, err);
}

/* What prepare has made stays known when the old half is the same as before. */
static void keep_prepared(struct account_pair *pair, struct account_pairs *before)
{
	for (size_t i = 0; i < before->n; i++) {
		struct account_pair *b = &before->rows[i];

		if (!b->prepared || strcmp(b->from.user, pair->from.user) != 0 ||
		    strcmp(b->from.home, pair->from.home) != 0 ||
		    strcmp(b->from.root, pair->from.root) != 0 ||
		    b->from.format != pair->from.format || b->from.layout != pair->from.layout)
			continue;
		pair->to = b->to;
		pair->prepared = true;
		b->to = (struct mailbox_account){ 0 };
		b->prepared = false;
	}
}

static int replace_all(struct state *s, struct account_pairs *pairs, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *q = NULL;

	if (state_prepare(s, &q, "DELETE FROM account", err) < 0 || state_step(s, q, err) < 0)
		return -1;
	for (size_t i = 0; i < pairs->n; i++)
		if (survey_account_put(s, &pairs->rows[i], err) < 0)
			return -1;
	return 0;
}

int survey_accounts_replace(struct state *s, struct account_pairs *pairs, struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs before = { 0 };
	struct error ignored;

	/* not surveyed before: there is nothing to keep */
	(void)!survey_accounts(s, &before, &ignored);
	for (size_t i = 0; i < pairs->n; i++)
		keep_prepared(&pairs->rows[i], &before);
	if (state_begin(s, err) < 0)
		return -1;
	if (replace_all(s, pairs, err) < 0 || state_commit(s, err) < 0) {
		state_abandon(s);
		return -1;
	}
	return 0;
}
