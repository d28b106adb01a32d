/* SPDX-License-Identifier: BSD-2-Clause */

/* vanished_logs -- what logs tell of posts: that the MTA gave one to Mailman, that it was held,
 * approved, refused, sent. */

#include "lists/vanished_inside.h"

#include "base/memory.h"
#include "lists/fingerprint.h"

#include <stdlib.h>
#include <string.h>

/* ── rows that get their words ───────────────────────────────────────────────────────────────── */

static char *dup_printable(struct span s)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_printable(&text, s);
	return buf_take(&text);
}

static void set(char **text, struct span value)
{
	if (!value.n)
		return;
	free(*text);
	*text = dup_printable(value);
}

/* The row of an entry whose last trace is at this place of this file. */
static struct lists_vanished_row *row_of(const struct vanishing *v, const struct vanished_entry *e,
                                         uint64_t offset)
{
	if (!e || !e->row || e->file != v->file_number || e->offset != offset)
		return NULL;
	return &v->out->rows[e->row - 1];
}

static void name_row(struct vanishing *v, struct lists_vanished_row *row, struct span list,
                     struct span id, struct span sender, struct span words)
{
	set(&row->list, list);
	for (char *p = row->list; *p; p++) /* real_name is the name but for the case of letters */
		*p = ascii_lower(*p);
	set(&row->id, id);
	set(&row->sender, sender);
	set(&row->words, words);
	row->host = v->hosts[v->host].name;
	set(&row->file, span_of(v->file->path));
}

/* ── Mailman's ───────────────────────────────────────────────────────────────────────────────── */

static void put(struct vanishing *v, const struct lists_log_record *record,
                const struct lists_log_event *e, enum lists_vanished_kind kind)
{
	struct vanished_entry trace = { .id = vanished_id(&v->table, e->id),
		                        .list = vanished_list(&v->table, e->list),
		                        .offset = record->offset,
		                        .file = v->file_number,
		                        .kind = (uint8_t)kind };

	if (e->sender.n)
		trace.sender = vanished_sender(&v->table, e->list, e->sender);
	if (v->is_naming) {
		struct lists_vanished_row *row = row_of(
			v, vanished_get(&v->table, trace.id, trace.list, NULL), record->offset);

		if (row)
			name_row(v, row, e->list, e->id, e->sender, record->text);
		else if (kind == LISTS_VANISHED_HELD) {
			/* of one that was approved later: who wrote it */
			const struct vanished_entry *later = vanished_get(&v->table, trace.id,
			                                                  trace.list, NULL);

			if (later && later->row)
				set(&v->out->rows[later->row - 1].sender, e->sender);
		}
		return;
	}
	if (!lists_log_time(&v->clock, record->stamp, &trace.at) || trace.at > v->began)
		return;
	if (v->is_first)
		*(kind == LISTS_VANISHED_HELD ? &v->out->held : &v->out->approved) += 1;
	vanished_put(&v->table, &trace);
}

static void take_vette(void *context, const struct lists_log_record *record)
{
	struct vanishing *v = context;
	struct lists_log_event e;

	if (!lists_log_event(LISTS_LOG_VETTE, record->text, &e))
		return;
	if (e.kind == LISTS_LOG_DECIDED && v->is_first)
		++*vanished_counts_at(&v->decisions, vanished_sender(&v->table, e.list, e.sender));
	if (e.kind == LISTS_LOG_DECIDED)
		return;
	if (!e.id.n) {
		v->out->without_id += v->is_first;
		return;
	}
	if (e.kind == LISTS_LOG_HELD)
		put(v, record, &e, LISTS_VANISHED_HELD);
	else if (e.kind == LISTS_LOG_APPROVED)
		put(v, record, &e, LISTS_VANISHED_APPROVED);
	else if (!v->is_naming)
		vanished_found(&v->table, vanished_id(&v->table, e.id),
		               e.list.n ? vanished_list(&v->table, e.list) : 0);
}

static void take_post(void *context, const struct lists_log_record *record)
{
	struct vanishing *v = context;
	struct lists_log_event e;

	if (v->log != LISTS_LOG_SMTP_FAILURE && record->offset == 0) {
		int64_t at;

		if (lists_log_time(&v->clock, record->stamp, &at) &&
		    (!v->told_since || at < v->told_since))
			v->told_since = at;
	}
	if (lists_log_event(v->log, record->text, &e) && e.id.n)
		vanished_found(&v->table, vanished_id(&v->table, e.id),
		               e.list.n ? vanished_list(&v->table, e.list) : 0);
}

/* One log of all hosts. */
static int read_log(struct vanishing *v, enum lists_log log, lists_log_record_fn *call,
                    struct error *err)
{
	v->log = log;
	for (v->host = 0; v->host < v->n; v->host++) {
		struct lists_log_files *files = &v->logs[v->host].of[log];

		for (size_t i = 0; i < files->n; i++) {
			v->file = &files->rows[i];
			v->file_number++;
			if (!v->file->same &&
			    lists_log_file_records(v->hosts[v->host].h, v->file, call, v, err) < 0)
				return -1;
		}
	}
	return 0;
}

int vanished_read_vette(struct vanishing *v, struct error *err)
{
	return read_log(v, LISTS_LOG_VETTE, take_vette, err);
}

int vanished_read_posts(struct vanishing *v, struct error *err)
{
	return read_log(v, LISTS_LOG_POST, take_post, err) < 0 ||
	                       read_log(v, LISTS_LOG_SMTP, take_post, err) < 0 ||
	                       read_log(v, LISTS_LOG_SMTP_FAILURE, take_post, err) < 0
	               ? -1
	               : 0;
}

/* ── the MTA's ───────────────────────────────────────────────────────────────────────────────── */

/* "delivered to command: /usr/lib/mailman/mail/mailman post LIST", with quotes or without. */
static bool list_of_command(struct span text, struct span *list)
{
	static const char words[] = "delivered to command: ";
	struct span rest, word, before = SPAN(""), program = SPAN("");
	ssize_t at = span_find_text(text, words);

	if (at < 0)
		return false;
	rest = span_from(text, (size_t)at + sizeof words - 1);
	*list = (struct span){ rest.p, 0 };
	while (span_next_word(&rest, &word)) {
		while (word.n && strchr("\"'|)", word.p[0]))
			word = span_from(word, 1);
		while (word.n && strchr("\"')", word.p[word.n - 1]))
			word.n--;
		program = before;
		before = *list;
		*list = word;
	}
	return span_is(before, "post") && list->n &&
	       (span_ends(program, "/mailman") || span_ends(program, "/wrapper"));
}

static bool is_list(const struct vanishing *v, struct span name)
{
	size_t low = 0, high = v->names.n;
	AUTO_FREE char *wanted = span_dup(name);

	for (char *p = wanted; *p; p++)
		*p = ascii_lower(*p);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(v->names.rows[middle], wanted);

		if (!order)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* A transport of its own (Debian's postfix-to-mailman.py): the list is that of the address. */
static bool list_of_address(const struct vanishing *v, const struct mta_log_event *e,
                            struct span *list)
{
	ssize_t at = span_find(e->to, '@');

	if (!span_starts(e->relay, "mailman") || span_find_text(e->text, "delivered via ") < 0 ||
	    at <= 0)
		return false;
	*list = (struct span){ e->to.p, (size_t)at };
	return is_list(v, *list);
}

static void take_given(struct vanishing *v, const struct mta_log_event *e, struct span list)
{
	const struct vanished_entry *known = vanished_get(&v->queue, vanished_id(&v->queue, e->id),
	                                                  1, NULL);
	struct vanished_entry trace = { .list = vanished_list(&v->table, list),
		                        .offset = v->taken,
		                        .file = v->file_number,
		                        .at = e->at_ms / 1000,
		                        .kind = LISTS_VANISHED_ACCEPTED };
	struct lists_vanished_row *row;

	v->out->accepted += v->is_first;
	if (!known || trace.at > v->began)
		return;
	trace.id = known->offset;
	if (!v->is_naming) {
		vanished_put(&v->table, &trace);
		return;
	}
	row = row_of(v, vanished_get(&v->table, trace.id, trace.list, NULL), v->taken);
	if (row) {
		AUTO_BUF struct buf words = { 0 };

		buf_add_span(&words, e->id);
		buf_add_text(&words, ": ");
		buf_add_span(&words, e->text);
		name_row(v, row, list, SPAN(""), SPAN(""), buf_span(&words));
	}
}

static void take_message_id(struct vanishing *v, const struct mta_log_event *e)
{
	struct span bare = lists_bare_id(e->message_id);
	struct vanished_entry queued = { .list = 1, .kind = 1 };
	struct vanished_entry *entry = NULL;

	if (!bare.n) {
		v->out->without_id += v->is_first;
		return;
	}
	queued.offset = vanished_id(&v->table, bare);
	if (!vanished_is_mine(&v->table, queued.offset))
		return;
	queued.id = vanished_id(&v->queue, e->id);
	vanished_put(&v->queue, &queued);
	while (v->is_naming && (entry = vanished_get(&v->table, queued.offset, 0, entry)))
		if (entry->row && entry->kind == LISTS_VANISHED_ACCEPTED)
			set(&v->out->rows[entry->row - 1].id, bare);
}

/* The sender, for a row that has its name. */
static void take_sender(struct vanishing *v, const struct mta_log_event *e)
{
	const struct vanished_entry *known = vanished_get(&v->queue, vanished_id(&v->queue, e->id),
	                                                  1, NULL);
	struct vanished_entry *entry = NULL;

	while (known && (entry = vanished_get(&v->table, known->offset, 0, entry)))
		if (entry->row && entry->kind == LISTS_VANISHED_ACCEPTED)
			set(&v->out->rows[entry->row - 1].sender, e->from);
}

/* A line without an end yet is not taken: what it goes on with may be what matters. */
static void take_line(void *context, struct span line, uint64_t at, bool is_whole)
{
	struct vanishing *v = context;
	struct mta_log_event e = { 0 };
	struct span list;

	v->taken = at;
	if (!is_whole || !v->logs[v->host].mta->log_line(line, v->file->mtime_ns / 1000000, &e))
		return;
	if (e.kind == MTA_LOG_MESSAGE_ID)
		take_message_id(v, &e);
	else if (e.kind == MTA_LOG_REMOVED)
		vanished_found(&v->queue, vanished_id(&v->queue, e.id), 0);
	else if (e.kind == MTA_LOG_QUEUED && v->is_naming)
		take_sender(v, &e);
	else if (e.kind == MTA_LOG_DELIVERY && e.status == MTA_STATUS_SENT &&
	         (list_of_command(e.text, &list) || list_of_address(v, &e, &list)))
		take_given(v, &e, list);
}

/* Ids of one host's queue; the next host's are others. */
int vanished_read_mail(struct vanishing *v, struct error *err)
{
	for (v->host = 0; v->host < v->n; v->host++) {
		struct vanished_logs *logs = &v->logs[v->host];

		vanished_table_empty(&v->queue);
		for (size_t i = 0; logs->mta && i < logs->mail.n; i++) {
			int result = 0;

			v->file = &logs->mail.rows[i];
			v->file_number++;
			if (!v->file->same)
				result = lists_log_file_lines(v->hosts[v->host].h, v->file,
				                              take_line, v, err);
			if (result < 0)
				return -1;
		}
		v->table.is_full = v->table.is_full || v->queue.is_full;
	}
	return 0;
}
