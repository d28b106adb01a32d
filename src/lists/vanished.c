/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/vanished.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/fingerprint.h"
#include "lists/queue.h"
#include "lists/vanished_inside.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX (1u << 16)

void lists_vanished_fini(struct lists_vanished *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct lists_vanished_row *row = &v->rows[i];

		free(row->list);
		free(row->id);
		free(row->sender);
		free(row->file);
		free(row->words);
		free(row->waits);
	}
	free(v->rows);
	strings_fini(&v->not_read);
	*v = (struct lists_vanished){ 0 };
}

const char *lists_vanished_kind_name(enum lists_vanished_kind kind)
{
	static const char *const names[] = {
		[LISTS_VANISHED_ACCEPTED] = "accepted",
		[LISTS_VANISHED_HELD] = "held",
		[LISTS_VANISHED_APPROVED] = "approved",
		[LISTS_VANISHED_STRANDED] = "stranded",
	};

	return names[kind];
}

/* ── what there is ───────────────────────────────────────────────────────────────────────────── */

/* A web server's host may have no more of a Mailman than a queue. */
static int read_site(struct vanishing *v, size_t i, struct error *err)
{
	const struct lists_trace_host *host = &v->hosts[i];

	if (lists_site_read(&v->sites[i], host->h, &host->mailman->paths, host->mailman->settings,
	                    false, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		strings_addf(&v->out->not_read, "%s: %s", host->name, err->text);
	}
	for (size_t k = 0; k < v->sites[i].names.n; k++)
		strings_add(&v->names, v->sites[i].names.rows[k]);
	return 0;
}

/* The MTA's log, and its older parts beside it. */
static int find_mail(struct vanishing *v, size_t i, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	struct vanished_logs *logs = &v->logs[i];
	struct host *h = v->hosts[i].h;
	AUTO_FREE char *dir = NULL;
	char *slash;

	if (mta_find(h, &logs->mta, err) < 0)
		return -1;
	if (!logs->mta)
		return 0;
	if (logs->mta->facts(h, &facts, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		strings_addf(&v->out->not_read, "%s: %s", v->hosts[i].name, err->text);
		logs->mta = NULL;
		return 0;
	}
	if (!facts.logs.n)
		return 0;
	dir = xstrdup(facts.logs.rows[0]);
	slash = strrchr(dir, '/');
	*slash = '\0';
	return lists_log_files_find(h, *dir ? dir : "/", slash + 1, &logs->mail, err);
}

static int find_logs(struct vanishing *v, struct error *err)
{
	static const enum lists_log wanted[] = { LISTS_LOG_VETTE, LISTS_LOG_POST, LISTS_LOG_SMTP,
		                                 LISTS_LOG_SMTP_FAILURE };
	struct lists_log_files *row = xcalloc(v->n + 1, sizeof *row);
	int result = 0;

	for (size_t i = 0; result == 0 && i < v->n; i++) {
		const char *dir = v->hosts[i].mailman->paths.value[LISTS_LOG_DIR];

		result = find_mail(v, i, err);
		for (size_t k = 0; result == 0 && dir && k < ROWS(wanted); k++)
			result = lists_log_files_find(v->hosts[i].h, dir, lists_log_name(wanted[k]),
			                              &v->logs[i].of[wanted[k]], err);
	}
	/* side by side for a moment, to see which are one */
	for (size_t k = 0; result == 0 && k <= ROWS(wanted); k++) {
		bool mail = k == ROWS(wanted);

		for (size_t i = 0; i < v->n; i++)
			row[i] = mail ? v->logs[i].mail : v->logs[i].of[wanted[k]];
		lists_log_files_match(row, v->n);
	}
	free(row);
	return result;
}

static void tell_unread(struct vanishing *v, size_t host, const struct lists_log_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		if (files->rows[i].problem)
			strings_addf(&v->out->not_read, "%s: %s: %s", v->hosts[host].name,
			             files->rows[i].path, files->rows[i].problem);
}

static void tell_all_unread(struct vanishing *v)
{
	for (size_t i = 0; i < v->n; i++) {
		for (size_t k = 0; k < LISTS_LOGS; k++)
			tell_unread(v, i, &v->logs[i].of[k]);
		tell_unread(v, i, &v->logs[i].mail);
	}
}

/* ── one pass ────────────────────────────────────────────────────────────────────────────────── */

static int compare_times(const void *a, const void *b)
{
	const struct vanished_entry *const *x = a, *const *y = b;

	return ((*x)->at > (*y)->at) - ((*x)->at < (*y)->at);
}

/* Of a sender's posts that are held no more, as many were decided about as the log says: the older
 * ones, most likely. */
static void take_decisions(struct vanishing *v, struct vanished_entry **left, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vanished_entry *e = left[i];
		uint64_t *decided;

		if (e->kind != LISTS_VANISHED_HELD)
			continue;
		decided = vanished_counts_at(&v->decisions, e->sender ? e->sender : 1);
		if (*decided) {
			(*decided)--;
			e->kind = 0;
		}
	}
}

/* A log that tells what became of posts, of the time in question, was not read. */
static bool is_unread_since(const struct vanishing *v, int64_t at)
{
	static const enum lists_log logs[] = { LISTS_LOG_VETTE, LISTS_LOG_POST, LISTS_LOG_SMTP };

	for (size_t i = 0; i < v->n; i++)
		for (size_t k = 0; k < ROWS(logs); k++) {
			const struct lists_log_files *f = &v->logs[i].of[logs[k]];

			for (size_t j = 0; j < f->n; j++)
				if (f->rows[j].problem && f->rows[j].mtime_ns / 1000000000 >= at)
					return true;
		}
	return false;
}

static const char *doubt_of(const struct vanishing *v, const struct vanished_entry *e)
{
	if (!v->told_since)
		return "there is no post log that could tell of it";
	if (e->at < v->told_since)
		return "the post log begins later";
	return is_unread_since(v, e->at) ? "a log of that time could not be read" : NULL;
}

static void add_row(struct vanishing *v, struct vanished_entry *e)
{
	struct lists_vanished *out = v->out;

	if (out->n == LISTS_VANISHED_ROWS_MAX) {
		out->untold++;
		return;
	}
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = (struct lists_vanished_row){
		.kind = (enum lists_vanished_kind)e->kind,
		.list = xstrdup(""),
		.id = xstrdup(""),
		.sender = xstrdup(""),
		.at = e->at,
		.host = "",
		.file = xstrdup(""),
		.offset = e->offset,
		.words = xstrdup(""),
		.doubt = doubt_of(v, e),
	};
	e->row = (uint32_t)out->n;
}

/* Those that were not found anywhere, in the order of time; then the logs are read again for their
 * words. */
static int tell_rest(struct vanishing *v, struct error *err)
{
	struct vanished_table *t = &v->table;
	AUTO_FREE struct vanished_entry **left = xcalloc(t->n + 1, sizeof *left);
	size_t n = 0;
	bool any = false;

	for (size_t i = 0; i < t->places; i++)
		if (t->rows[i].id && t->rows[i].kind)
			left[n++] = &t->rows[i];
	if (n)
		qsort(left, n, sizeof *left, compare_times);
	take_decisions(v, left, n);
	for (size_t i = 0; i < n; i++)
		if (left[i]->kind) {
			add_row(v, left[i]);
			any = true;
		}
	if (!any)
		return 0;
	v->is_naming = true;
	v->file_number = 0;
	if (vanished_read_mail(v, err) < 0 || vanished_read_vette(v, err) < 0)
		return -1;
	v->is_naming = false;
	return 0;
}

static bool has_left(const struct vanished_table *t)
{
	for (size_t i = 0; i < t->places; i++)
		if (t->rows[i].id && t->rows[i].kind)
			return true;
	return false;
}

/* 1; 0: there are too many posts for one part; -1. */
static int read_part(struct vanishing *v, struct error *err)
{
	vanished_table_empty(&v->table);
	v->file_number = 0;
	v->out->passes++;
	if (vanished_read_mail(v, err) < 0 || vanished_read_vette(v, err) < 0)
		return -1;
	if (v->table.is_full)
		return 0;
	v->is_first = false;
	/* what moves on, moves from what was read to what is read next: it cannot be missed */
	if (vanished_read_places(v, err) < 0 || vanished_read_posts(v, err) < 0)
		return -1;
	if (has_left(&v->table) && vanished_read_mboxes(v, err) < 0)
		return -1;
	return tell_rest(v, err) < 0 ? -1 : 1;
}

/* So that what one part has counted does not count again when it turns out to be too large. */
static void begin_anew(struct vanishing *v)
{
	struct lists_vanished *out = v->out;

	v->table.part = 0;
	v->is_first = true;
	out->accepted = out->held = out->approved = out->without_id = 0;
	vanished_counts_fini(&v->decisions);
}

static int read_parts(struct vanishing *v, struct error *err)
{
	struct vanished_table *t = &v->table;

	begin_anew(v);
	while (t->part < t->parts) {
		int result = read_part(v, err);

		if (result < 0)
			return -1;
		if (result) {
			t->part++;
			continue;
		}
		if (t->part || t->parts == PARTS_MAX) {
			/* a later part is larger than the first: rows of the former are kept, and
			 * it is halved by itself */
			if (t->parts == PARTS_MAX)
				return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
				                 "too many posts are alike");
			t->part *= 2;
			t->parts *= 2;
			continue;
		}
		t->parts *= 2;
		begin_anew(v);
	}
	return 0;
}

static void end(struct vanishing *v)
{
	for (size_t i = 0; i < v->n; i++) {
		for (size_t k = 0; k < LISTS_LOGS; k++)
			lists_log_files_fini(&v->logs[i].of[k]);
		lists_log_files_fini(&v->logs[i].mail);
	}
	free(v->logs);
	strings_fini(&v->names);
	vanished_table_fini(&v->table);
	vanished_table_fini(&v->queue);
	vanished_counts_fini(&v->decisions);
	free(v->places);
}

int lists_vanished_read(struct lists_vanished *out, const struct lists_trace_host *hosts,
                        struct lists_site *sites, size_t n, size_t most, struct error *err)
{
	struct vanishing v = { .out = out,
		               .hosts = hosts,
		               .sites = sites,
		               .n = n,
		               .logs = xcalloc(n + 1, sizeof *v.logs),
		               .table = { .most = most ? most : LISTS_VANISHED_MAX, .parts = 1 },
		               .queue = { .most = most ? most : LISTS_VANISHED_MAX, .parts = 1 },
		               .began = clock_wall_ms() / 1000 };
	int result = 0;

	*out = (struct lists_vanished){ 0 };
	v.queue.forgets = true;
	lists_fingerprint_key(v.table.key);
	lists_fingerprint_key(v.queue.key);
	for (size_t i = 0; result == 0 && i < n; i++)
		result = read_site(&v, i, err);
	strings_sort(&v.names);
	if (result == 0)
		result = find_logs(&v, err);
	if (result == 0)
		result = read_parts(&v, err);
	tell_all_unread(&v);
	end(&v);
	return result;
}
