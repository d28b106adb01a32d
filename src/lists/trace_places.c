/* SPDX-License-Identifier: BSD-2-Clause */

/* trace_places -- where a message is now: queues, held posts, digests, archives, bounces. */

#include "lists/trace.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/fingerprint.h"
#include "lists/list_inside.h"
#include "lists/mbox_index.h"
#include "lists/member.h"
#include "lists/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX (1ull << 30) /* octets of a file with held or bounced messages */
#define FROM_MAX 400u         /* octets of a From_ line */

static bool is_it(const struct lists_trace *t, const char *id)
{
	return id && span_equal(lists_bare_id(span_of(id)), t->id);
}

static void add_base(struct lists_trace *t, double at)
{
	if (at <= 0)
		return;
	ARRAY_GROW(t->bases, t->bases_n, t->bases_room);
	t->bases[t->bases_n++] = at;
}

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

static void add_queued(struct lists_trace *t, const struct lists_trace_host *host,
                       const struct lists_queued *q)
{
	AUTO_FREE char *path = lists_paths_join(host->site->paths, q->queue, q->name);
	AUTO_BUF struct buf what = { 0 };
	struct lists_trace_row *row;

	buf_addf(&what, "%s in %s, of list %s", lists_queue_state_name(q->state),
	         lists_queue_name(q->queue), q->list ? q->list : "that is not named");
	if (q->recipients)
		buf_addf(&what, ", for %zu recipients", q->recipients);
	if (q->goes_back)
		buf_addf(&what, ", goes back to %s", q->goes_back);
	if (q->problem)
		buf_addf(&what, ", problem: %s", q->problem);
	row = lists_trace_add(t, host->name, "queue", (int64_t)(q->at * 1000), path ? path : "");
	row->place = xstrdup(lists_queue_name(q->queue));
	row->what = buf_take(&what);
	add_base(t, q->at);
	if (q->list)
		lists_trace_add_list(t, span_of(q->list));
}

/* ── held posts ──────────────────────────────────────────────────────────────────────────────── */

struct held {
	struct lists_trace *t;
	const struct lists_trace_host *host;
	struct strings paths;
	struct strings found; /* names in DATA_DIR of those that are it */
};

static bool has_id(const struct lists_trace *t, const char *name, struct buf *octets)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf id = { 0 };
	struct error err = { 0 };

	/* what does not hold the octets at all need not be understood */
	if (!memmem(octets->p, octets->n, t->id.p, t->id.n))
		return false;
	if (span_ends(span_of(name), ".txt")) {
		AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();

		(void)lists_message_header(value_str(arena, buf_span(octets)), "message-id", &id);
	} else {
		/* of a damaged one, what stands before the damage */
		if (lists_file_parse(octets, &f, &err) == 0 || f.n)
			(void)lists_message_header(f.rows[0], "message-id", &id);
	}
	return span_equal(lists_bare_id(buf_span(&id)), t->id);
}

static void take_held(void *context, size_t at, struct buf *octets, const struct error *failed)
{
	struct held *held = context;
	const char *path = held->paths.rows[at], *name = strrchr(path, '/') + 1;

	if (!octets) {
		struct lists_trace_row *row = lists_trace_add(held->t, held->host->name, "held", 0,
		                                              path);

		row->place = xstrdup("");
		row->what = xasprintf("could not be read: %s", failed->text);
	} else if (octets->n && has_id(held->t, name, octets)) {
		strings_add(&held->found, name);
	}
}

static void add_held(struct held *held, const char *list, const char *file,
                     const struct lists_request *q)
{
	AUTO_FREE char *path = lists_paths_join(held->host->site->paths, LISTS_DATA_DIR, file);
	AUTO_BUF struct buf what = { 0 };
	struct span text = SPAN("");
	struct lists_trace_row *row;
	double since = 0;

	if (q) {
		buf_addf(&what, "waits for a moderator of %s", list);
		if (value_get_chars(q->address, &text)) {
			buf_add_text(&what, ", from ");
			buf_add_printable(&what, text);
		}
		if (value_get_chars(q->reason, &text)) {
			buf_add_text(&what, ": ");
			buf_add_printable(&what, text);
		}
		(void)value_get_number(value_dict_find(q->metadata, SPAN("received_time")), &since);
		add_base(held->t, since);
		lists_trace_add_list(held->t, span_of(list));
	} else {
		buf_add_text(&what, "held, and no request names it: no moderator sees it");
	}
	row = lists_trace_add(held->t, held->host->name, "held", q ? (int64_t)(q->at * 1000) : 0,
	                      path ? path : "");
	row->place = q ? xasprintf("list %s, request %lld", list, (long long)q->id) : xstrdup("");
	row->what = buf_take(&what);
}

/* The requests of one list that name a file which was found; true: all were told of. */
static int tell_of_list(struct held *held, const char *name, const char *file, bool *told,
                        struct error *err)
{
	const struct lists_site *site = held->host->site;
	AUTO_LISTS_LIST struct lists_list l = { .name = xstrdup(name) };
	AUTO_FREE char *dir = lists_paths_join(site->paths, LISTS_LIST_DATA_DIR, name);
	const struct lists_reading r = { .site = site, .dir = dir };

	if (lists_read_requests(&l, &r, err) < 0)
		return -1;
	for (size_t i = 0; i < l.requests_n; i++) {
		struct span named;

		if (value_get_chars(l.requests[i].file, &named) && span_is(named, file)) {
			add_held(held, name, file, &l.requests[i]);
			*told = true;
		}
	}
	return 0;
}

/* heldmsg-LIST-NUMBER: a list whose name fits has the request, if any has. */
static int tell_of_held(struct held *held, const char *file, struct error *err)
{
	const struct strings *names = &held->host->site->names;
	bool told = false;

	for (size_t i = 0; i < names->n && !told; i++) {
		AUTO_FREE char *begins = xasprintf("heldmsg-%s-", names->rows[i]);

		if (span_starts(span_of(file), begins) &&
		    tell_of_list(held, names->rows[i], file, &told, err) < 0)
			return -1;
	}
	if (!told)
		add_held(held, "", file, NULL);
	return 0;
}

static int look_at_held(struct lists_trace *t, const struct lists_trace_host *host,
                        struct error *err)
{
	const struct host_listing *data = &host->site->data;
	struct held held = { .t = t, .host = host };
	int result;

	for (size_t i = 0; i < data->n; i++)
		if (span_starts(span_of(data->rows[i].path), "heldmsg-"))
			strings_addf(&held.paths, "%s/%s", host->site->paths->value[LISTS_DATA_DIR],
			             data->rows[i].path);
	result = lists_read_ahead(host->h, &held.paths, HELD_MAX, take_held, &held, err);
	for (size_t i = 0; result == 0 && i < held.found.n; i++)
		result = tell_of_held(&held, held.found.rows[i], err);
	strings_fini(&held.paths);
	strings_fini(&held.found);
	return result;
}

/* ── bounces that were not counted yet ───────────────────────────────────────────────────────── */

/* DATA_DIR/bounce-events-PID.pck: (list, address, date, what came back), one pickle each. */
struct bounced {
	struct lists_trace *t;
	const struct lists_trace_host *host;
	struct strings paths;
};

/* What came back has an ID of its own, and holds that of the post, or the whole post. */
static const char *how_it_is(const struct lists_trace *t, struct value message)
{
	AUTO_BUF struct buf id = { 0 }, text = { 0 };

	(void)lists_message_header(message, "message-id", &id);
	if (span_equal(lists_bare_id(buf_span(&id)), t->id))
		return "is a bounce";
	(void)lists_message_text(message, &text);
	buf_reset(&id);
	buf_addf(&id, "<%.*s>", (int)t->id.n, t->id.p);
	return span_find_text(buf_span(&text), buf_text(&id)) >= 0 ? "came back in a bounce" : NULL;
}

static void add_bounced(const struct bounced *b, const char *path, size_t at, struct value event)
{
	const char *how = how_it_is(b->t, value_item(event, 3));
	AUTO_BUF struct buf what = { 0 };
	struct lists_trace_row *row;
	struct span text = SPAN("");
	char date[16];

	if (!how)
		return;
	buf_addf(&what, "%s of ", how);
	(void)value_get_chars(value_item(event, 1), &text);
	buf_add_printable(&what, text);
	text = SPAN("");
	(void)value_get_chars(value_item(event, 0), &text);
	buf_add_text(&what, ", of list ");
	buf_add_printable(&what, text);
	if (lists_date(value_item(event, 2), date))
		buf_addf(&what, ", on %s", date);
	buf_add_text(&what, ", that was not counted yet");
	row = lists_trace_add(b->t, b->host->name, "events", 0, path);
	row->place = xasprintf("event %zu", at + 1);
	row->what = buf_take(&what);
	lists_trace_add_list(b->t, text);
}

static void take_events(void *context, size_t at, struct buf *octets, const struct error *failed)
{
	const struct bounced *b = context;
	const char *path = b->paths.rows[at];
	AUTO_VALUE_FILE struct value_file f = { 0 };
	struct error ignored = { 0 };

	if (!octets) {
		struct lists_trace_row *row = lists_trace_add(b->t, b->host->name, "events", 0,
		                                              path);

		row->place = xstrdup("");
		row->what = xasprintf("could not be read: %s", failed->text);
		return;
	}
	if (!memmem(octets->p, octets->n, b->t->id.p, b->t->id.n))
		return;
	/* of a damaged one, what stands before the damage */
	(void)!lists_file_parse(octets, &f, &ignored);
	for (size_t i = 0; i < f.n; i++)
		if (value_count(f.rows[i]) == 4)
			add_bounced(b, path, i, f.rows[i]);
}

static int look_at_events(struct lists_trace *t, const struct lists_trace_host *host,
                          struct error *err)
{
	const struct host_listing *data = &host->site->data;
	struct bounced bounced = { .t = t, .host = host };
	int result;

	for (size_t i = 0; i < data->n; i++)
		if (span_starts(span_of(data->rows[i].path), "bounce-events-"))
			strings_addf(&bounced.paths, "%s/%s",
			             host->site->paths->value[LISTS_DATA_DIR], data->rows[i].path);
	result = lists_read_ahead(host->h, &bounced.paths, HELD_MAX, take_events, &bounced, err);
	strings_fini(&bounced.paths);
	return result;
}

/* ── digests and archives ────────────────────────────────────────────────────────────────────── */

static void add_mbox_row(struct lists_trace *t, const struct lists_trace_host *host,
                         const char *where, const char *path, const struct lists_mbox_index *ix,
                         size_t at, const char *list)
{
	const struct lists_mbox_row *found = &ix->rows[at];
	struct lists_trace_row *row = lists_trace_add(t, host->name, where, 1000 * found->at, path);

	row->place = xasprintf("octet %llu, message %zu", (unsigned long long)found->offset,
	                       at + 1);
	row->what = xasprintf("%s %s, %llu octets; the time is that of its Date",
	                      *where == 'd' ? "waits for the digest of" : "in the archive of", list,
	                      (unsigned long long)lists_mbox_index_octets(ix, at));
	lists_trace_add_list(t, span_of(list));
}

static int look_at_mbox(struct lists_trace *t, const struct lists_trace_host *host,
                        const char *where, const char *path, const char *list, struct error *err)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };
	struct error why = { 0 };

	if (!path)
		return 0;
	if (lists_mbox_index_host(&ix, host->h, path, &why) < 0) {
		struct lists_trace_row *row;

		if (lists_is_unreached(&why))
			return *err = why, -1;
		if (why.sys_errno == ENOENT)
			return 0;
		row = lists_trace_add(t, host->name, where, 0, path);
		row->place = xstrdup("");
		row->what = xasprintf("could not be read: %s", why.text);
		return 0;
	}
	for (size_t i = lists_mbox_index_find(&ix, t->id); i < ix.n;
	     i = lists_mbox_index_next(&ix, i))
		add_mbox_row(t, host, where, path, &ix, i, list);
	return 0;
}

static int look_at_list(struct lists_trace *t, const struct lists_trace_host *host,
                        const char *name, struct error *err)
{
	const struct lists_paths *paths = host->site->paths;
	AUTO_FREE char *digest = xasprintf("%s/digest.mbox", name);
	AUTO_FREE char *mbox = xasprintf("%s.mbox/%s.mbox", name, name);
	AUTO_FREE char *digest_path = lists_paths_join(paths, LISTS_LIST_DATA_DIR, digest);
	AUTO_FREE char *mbox_path = lists_paths_join(paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, mbox);

	if (lists_entry(&host->site->lists, digest) &&
	    look_at_mbox(t, host, "digest", digest_path, name, err) < 0)
		return -1;
	return look_at_mbox(t, host, "archive", mbox_path, name, err);
}

int lists_trace_places(struct lists_trace *t, const struct lists_trace_host *host,
                       struct error *err)
{
	const struct lists_site *site = host->site;

	for (size_t i = 0; i < site->queue_n; i++)
		if (is_it(t, site->queue[i].message_id))
			add_queued(t, host, &site->queue[i]);
	if (look_at_held(t, host, err) < 0 || look_at_events(t, host, err) < 0)
		return -1;
	for (size_t i = 0; i < site->names.n; i++)
		if (look_at_list(t, host, site->names.rows[i], err) < 0)
			return -1;
	return 0;
}
