/* SPDX-License-Identifier: BSD-2-Clause */
#include "state/items.h"

#include "base/memory.h"
#include "state/schema.h"

#include <stdlib.h>

const struct state_schema state_schema_items = {
	"items",
	"CREATE TABLE IF NOT EXISTS item ("
	" site TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" source TEXT NOT NULL,"
	" size INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" owner TEXT NOT NULL,"
	" mode INTEGER NOT NULL,"
	" class INTEGER NOT NULL,"
	" reason TEXT NOT NULL,"
	" detail TEXT NOT NULL,"
	" PRIMARY KEY (site, kind, name)) WITHOUT ROWID;"
	/* one mailbox: where it lies on the old side, and on the new one once prepare has made it */
	"CREATE TABLE IF NOT EXISTS account ("
	" user TEXT PRIMARY KEY,"
	" format INTEGER NOT NULL,"
	" layout INTEGER NOT NULL,"
	" old_home TEXT NOT NULL, old_root TEXT NOT NULL, old_inbox TEXT,"
	" old_uid INTEGER NOT NULL, old_gid INTEGER NOT NULL,"
	" prepared INTEGER NOT NULL,"
	" new_home TEXT, new_root TEXT, new_inbox TEXT, new_uid INTEGER, new_gid INTEGER,"
	" new_format INTEGER, new_layout INTEGER,"
	" beside TEXT NOT NULL) WITHOUT ROWID;",
};

static const char *const classes[] = {
	[ITEM_MUST] = "must move", [ITEM_SHOULD] = "should", [ITEM_MAY] = "may",
	[ITEM_STAYS] = "stays",    [ITEM_LOOK] = "look at",
};

const char *item_class_name(enum item_class class)
{
	return (size_t) class < ROWS(classes) && classes[class] ? classes[class] : "?";
}

void items_fini(struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		struct item *row = &items->rows[i];

		free(row->kind);
		free(row->name);
		free(row->site);
		free(row->source);
		free(row->owner);
		free(row->reason);
		free(row->detail);
	}
	free(items->rows);
	*items = (struct items){ 0 };
}

struct item *items_add(struct items *items, const char *site, const char *kind, const char *name,
                       enum item_class class, const char *reason)
{
	ARRAY_GROW(items->rows, items->n, items->room);
	struct item *row = &items->rows[items->n++];
	*row = (struct item){
		.kind = xstrdup(kind),
		.name = xstrdup(name),
		.site = xstrdup(site),
		.source = xstrdup(""),
		.owner = xstrdup(""),
		.reason = xstrdup(reason),
		.detail = xstrdup("{}"),
		.count = 1,
		.class = class,
	};
	return row;
}

void item_set(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static int put_row(struct state *s, sqlite3_stmt *q, const char *site, const struct item *row,
                   struct error *err)
{
	const char *const texts[] = { site,       row->kind,   row->name,  row->source,
		                      row->owner, row->reason, row->detail };

	for (size_t i = 0; i < ROWS(texts); i++)
		sqlite3_bind_text(q, (int)i + 1, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 8, (int64_t)row->size);
	sqlite3_bind_int64(q, 9, (int64_t)row->count);
	sqlite3_bind_int64(q, 10, (int64_t)row->mode);
	sqlite3_bind_int(q, 11, (int)row->class);
	if (state_step(s, q, err) < 0)
		return -1;
	sqlite3_reset(q);
	return 0;
}

static int replace(struct state *s, const char *site, const struct items *items, struct error *err)
{
	AUTO_STATEMENT sqlite3_stmt *old = NULL, *new = NULL;

	if (state_prepare(s, &old, "DELETE FROM item WHERE site = ?1", err) < 0)
		return -1;
	sqlite3_bind_text(old, 1, site, -1, SQLITE_STATIC);
	/* OR REPLACE: the old side names things, and may name one twice */
	if (state_step(s, old, err) < 0 ||
	    state_prepare(s, &new,
	                  "INSERT OR REPLACE INTO item (site, kind, name, source, owner, reason, "
	                  "detail, size, count, mode, class) "
	                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	                  err) < 0)
		return -1;
	for (size_t i = 0; i < items->n; i++)
		if (put_row(s, new, site, &items->rows[i], err) < 0)
			return -1;
	return 0;
}

int items_replace(struct state *s, const char *site, const struct items *items, struct error *err)
{
	if (state_begin(s, err) < 0)
		return -1;
	if (replace(s, site, items, err) < 0 || state_commit(s, err) < 0) {
		state_abandon(s);
		return -1;
	}
	return 0;
}

int items_load(struct state *s, const char *site, const char *kind, struct items *out,
               struct error *err)
{
	AUTO_ITEMS struct items made = { 0 };
	AUTO_STATEMENT sqlite3_stmt *q = NULL;
	int found;

	if (state_prepare(s, &q,
	                  "SELECT kind, name, site, source, size, count, mode, owner, class, "
	                  "reason, detail FROM item WHERE site = ?1 AND (?2 IS NULL OR kind = ?2) "
	                  "ORDER BY kind, name",
	                  err) < 0)
		return -1;
	sqlite3_bind_text(q, 1, site, -1, SQLITE_STATIC);
	if (kind)
		sqlite3_bind_text(q, 2, kind, -1, SQLITE_STATIC);
	while ((found = state_step(s, q, err)) == 1) {
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct item){
			.kind = xstrdup(state_column(q, 0)),
			.name = xstrdup(state_column(q, 1)),
			.site = xstrdup(state_column(q, 2)),
			.source = xstrdup(state_column(q, 3)),
			.size = (uint64_t)sqlite3_column_int64(q, 4),
			.count = (uint64_t)sqlite3_column_int64(q, 5),
			.mode = (uint64_t)sqlite3_column_int64(q, 6),
			.owner = xstrdup(state_column(q, 7)),
			.class = (enum item_class)sqlite3_column_int(q, 8),
			.reason = xstrdup(state_column(q, 9)),
			.detail = xstrdup(state_column(q, 10)),
		};
	}
	if (found < 0)
		return -1;
	*out = made;
	made = (struct items){ 0 };
	return 0;
}
