/* SPDX-License-Identifier: BSD-2-Clause */

/* trace_mail -- what a host's MTA wrote of one message, in all parts of its log. They are read twice:
 * for the queue ids that it had, and for all that is told of these; nothing else is kept. */

#include "cmd/trace.h"

#include "base/memory.h"
#include "lists/fingerprint.h"
#include "lists/log_files.h"
#include "mta/mta.h"

#include <string.h>

struct mail_reading {
	json_t *places;
	const char *id, *host;
	const struct mta_ops *mta;
	const struct lists_log_file *file;
	struct strings ids; /* queue ids of the message, and of what was made of it */
	bool is_telling;    /* the second time */
};

static void add_id(struct mail_reading *r, struct span id)
{
	AUTO_FREE char *text = span_dup(id);

	if (id.n && !strings_has(&r->ids, text))
		strings_add(&r->ids, text);
}

static bool has_id(const struct mail_reading *r, struct span id)
{
	for (size_t i = 0; i < r->ids.n; i++)
		if (span_is(id, r->ids.rows[i]))
			return true;
	return false;
}

static const char *status_name(enum mta_log_status status)
{
	static const char *const names[] = {
		[MTA_STATUS_NONE] = "tried",        [MTA_STATUS_SENT] = "sent",
		[MTA_STATUS_DEFERRED] = "deferred", [MTA_STATUS_BOUNCED] = "bounced",
		[MTA_STATUS_EXPIRED] = "expired",   [MTA_STATUS_OTHER] = "probed",
	};

	return names[status];
}

static void add_span(struct buf *words, const char *before, struct span s, const char *after)
{
	buf_add_text(words, before);
	buf_add_printable(words, s);
	buf_add_text(words, after);
}

/* What one event is in words. False: it tells a person nothing. */
static bool add_words(struct buf *words, const struct mta_log_event *e)
{
	switch (e->kind) {
	case MTA_LOG_CLIENT:
		add_span(words, "begun by ", e->client, "");
		return true;
	case MTA_LOG_PICKUP:
		add_span(words, "submitted on the host itself by <", e->from, ">");
		return true;
	case MTA_LOG_MESSAGE_ID:
		add_span(words, "", e->message_id, " accepted as ");
		buf_add_printable(words, e->id);
		return true;
	case MTA_LOG_QUEUED:
		add_span(words, "queued from <", e->from, ">");
		buf_addf(words, ", %llu octets, %llu recipients", (unsigned long long)e->size,
		         (unsigned long long)e->recipients);
		return true;
	case MTA_LOG_DELIVERY:
		buf_add_text(words, status_name(e->status));
		add_span(words, " for <", e->to, "> by ");
		add_span(words, "", e->relay, ": ");
		add_span(words, "", e->dsn, " ");
		buf_add_printable(words, e->text);
		return true;
	case MTA_LOG_NOTICE:
		add_span(words, "notification about it is ", e->notice, "");
		return true;
	case MTA_LOG_EXPIRED:
		buf_add_text(words, "given up after too long");
		return true;
	case MTA_LOG_HELD:
		buf_add_printable(words, e->text);
		return true;
	case MTA_LOG_REMOVED:
		buf_add_text(words, "left the queue");
		return true;
	case MTA_LOG_REJECTED:
	case MTA_LOG_START:
	case MTA_LOG_STOP:
	case MTA_LOG_CONNECT:
	case MTA_LOG_DISCONNECT:
		break;
	}
	return false;
}

static void tell(struct mail_reading *r, const struct mta_log_event *e, uint64_t at)
{
	AUTO_BUF struct buf words = { 0 }, file = { 0 }, place = { 0 };

	buf_add_printable(&words, e->id);
	buf_add_text(&words, ": ");
	if (!add_words(&words, e))
		return;
	buf_add_printable(&file, span_of(r->file->path));
	buf_addf(&place, "octet %llu", (unsigned long long)at);
	trace_add(r->places, r->host, "log", e->at_ms, buf_text(&file), buf_text(&place),
	          buf_text(&words));
}

static void take_line(void *context, struct span line, uint64_t at, bool is_whole)
{
	struct mail_reading *r = context;
	struct mta_log_event e = { 0 };

	if (!r->mta->log_line(line, r->file->mtime_ns / 1000000, &e) || !e.id.n)
		return;
	if (r->is_telling) {
		if (has_id(r, e.id))
			tell(r, &e, at);
		return;
	}
	if (span_is(e.id, r->id) ||
	    (e.kind == MTA_LOG_MESSAGE_ID &&
	     span_equal(lists_bare_id(e.message_id), lists_bare_id(span_of(r->id)))))
		add_id(r, e.id);
	if (e.kind == MTA_LOG_NOTICE && has_id(r, e.id))
		add_id(r, e.notice);
}

static int read_files(struct mail_reading *r, struct host *h, struct lists_log_files *files,
                      struct error *err)
{
	for (size_t i = 0; i < files->n; i++) {
		r->file = &files->rows[i];
		if (lists_log_file_lines(h, &files->rows[i], take_line, r, err) < 0)
			return -1;
	}
	return 0;
}

/* The log, and its older parts beside it. */
static int find_files(struct mail_reading *r, struct host *h, struct lists_log_files *files,
                      struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts facts = { 0 };
	AUTO_FREE char *dir = NULL;
	char *slash;

	if (r->mta->facts(h, &facts, err) < 0)
		return -1;
	if (!facts.logs.n)
		return 0;
	dir = xstrdup(facts.logs.rows[0]);
	slash = strrchr(dir, '/');
	*slash = '\0';
	return lists_log_files_find(h, *dir ? dir : "/", slash + 1, files, err);
}

int trace_mail(json_t *places, const char *id, struct host *h, struct error *err)
{
	struct mail_reading r = { .places = places, .id = id, .host = host_name(h) };
	AUTO_LISTS_LOG_FILES struct lists_log_files files = { 0 };
	int result;

	if (mta_find(h, &r.mta, err) < 0)
		return -1;
	if (!r.mta)
		return 0;
	result = find_files(&r, h, &files, err);
	if (result == 0)
		result = read_files(&r, h, &files, err);
	r.is_telling = true;
	if (result == 0 && r.ids.n)
		result = read_files(&r, h, &files, err);
	for (size_t i = 0; result == 0 && i < files.n; i++)
		if (files.rows[i].problem) {
			AUTO_BUF struct buf words = { 0 };

			buf_add_text(&words, "not read, or not to its end: ");
			buf_add_printable(&words, span_of(files.rows[i].problem));
			trace_add(places, r.host, "log", 0, files.rows[i].path, "",
			          buf_text(&words));
		}
	strings_fini(&r.ids);
	return result;
}
