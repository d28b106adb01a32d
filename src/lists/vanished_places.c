/* SPDX-License-Identifier: BSD-2-Clause */

/* vanished_places -- where a post that is looked for can be: held, in a queue, in a digest or an
 * archive. */

#include "lists/vanished_inside.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/fingerprint.h"
#include "lists/list.h"
#include "lists/mbox_index.h"
#include "lists/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX (1ull << 30) /* octets of a held message */
#define WAITS_LONG_S 600      /* in the first queue: a runner takes it within seconds */
#define PART (4u << 20)

static void add_place(struct vanishing *v, struct span id, struct span list, size_t queued)
{
	ARRAY_GROW(v->places, v->places_n, v->places_room);
	v->places[v->places_n++] = (struct vanished_place){
		.id = vanished_id(&v->table, id),
		.list = list.n ? vanished_list(&v->table, list) : 0,
		.queued = (uint32_t)queued,
		.host = (uint32_t)v->host
	};
}

/* ── held posts ──────────────────────────────────────────────────────────────────────────────── */

struct held {
	struct vanishing *v;
	struct strings paths;
};

/* heldmsg-LIST-NUMBER.pck */
static struct span list_of(const char *path)
{
	struct span name = span_of(strrchr(path, '/') + 1);

	name = span_from(name, strlen("heldmsg-"));
	while (name.n && name.p[name.n - 1] != '-')
		name.n--;
	name.n -= name.n > 0;
	return name;
}

static void take_held(void *context, size_t at, struct buf *octets, const struct error *failed)
{
	struct held *held = context;
	const char *path = held->paths.rows[at];
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_BUF struct buf id = { 0 };
	struct error err = { 0 };

	if (!octets) {
		strings_addf(&held->v->out->not_read, "%s: %s", path, failed->text);
		return;
	}
	if (span_ends(span_of(path), ".txt"))
		(void)lists_message_header(value_str(arena, buf_span(octets)), "message-id", &id);
	else if (lists_file_parse(octets, &f, &err) == 0 || f.n)
		(void)lists_message_header(f.rows[0], "message-id", &id);
	if (id.n)
		add_place(held->v, buf_span(&id), list_of(path), 0);
}

static int read_held(struct vanishing *v, struct error *err)
{
	const struct lists_site *site = &v->sites[v->host];
	struct held held = { .v = v };
	int result;

	for (size_t i = 0; i < site->data.n; i++)
		if (span_starts(span_of(site->data.rows[i].path), "heldmsg-"))
			strings_addf(&held.paths, "%s/%s", site->paths->value[LISTS_DATA_DIR],
			             site->data.rows[i].path);
	result = lists_read_ahead(site->h, &held.paths, HELD_MAX, take_held, &held, err);
	strings_fini(&held.paths);
	return result;
}

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

static int read_queues(struct vanishing *v, struct error *err)
{
	struct lists_site *site = &v->sites[v->host];

	if (lists_queue_read(site, err) < 0)
		return -1;
	for (size_t i = 0; i < site->queue_n; i++) {
		const struct lists_queued *q = &site->queue[i];

		if (q->message_id)
			add_place(v, span_of(q->message_id), span_of(q->list ? q->list : ""),
			          i + 1);
	}
	return 0;
}

/* Approved, and in the queue that approving puts it into: where a runner is, it is there for a
 * moment. */
static bool is_stranded(const struct vanishing *v, const struct vanished_entry *e,
                        const struct lists_queued *q)
{
	return e->kind == LISTS_VANISHED_APPROVED && q->queue == LISTS_INQUEUE_DIR &&
	       v->began - e->at > WAITS_LONG_S;
}

static void strand(struct vanishing *v, const struct vanished_entry *e, size_t host,
                   const struct lists_queued *q)
{
	struct lists_vanished *out = v->out;

	if (out->n == LISTS_VANISHED_ROWS_MAX) {
		out->untold++;
		return;
	}
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = (struct lists_vanished_row){
		.kind = LISTS_VANISHED_STRANDED,
		.list = xstrdup(q->list ? q->list : ""),
		.id = span_dup(lists_bare_id(span_of(q->message_id))),
		.sender = xstrdup(q->sender ? q->sender : ""),
		.at = e->at,
		.host = v->hosts[host].name,
		.file = lists_paths_join(v->sites[host].paths, q->queue, q->name),
		.words = xasprintf("%s in %s", lists_queue_state_name(q->state),
		                   lists_queue_name(q->queue)),
		.waits = lists_paths_join(v->sites[host].paths, q->queue, q->name),
	};
}

static void take_place(struct vanishing *v, const struct vanished_place *p)
{
	const struct lists_queued *q = p->queued ? &v->sites[p->host].queue[p->queued - 1] : NULL;
	struct vanished_entry *e = NULL;

	if (!vanished_is_mine(&v->table, p->id))
		return;
	while ((e = vanished_get(&v->table, p->id, p->list, e))) {
		if (q && is_stranded(v, e, q))
			strand(v, e, p->host, q);
		e->kind = 0;
	}
}

int vanished_read_places(struct vanishing *v, struct error *err)
{
	for (v->host = 0; !v->has_places && v->host < v->n; v->host++)
		if (read_held(v, err) < 0 || read_queues(v, err) < 0)
			return -1;
	v->has_places = true;
	for (size_t i = 0; i < v->places_n; i++)
		take_place(v, &v->places[i]);
	return 0;
}

/* ── digests and archives ────────────────────────────────────────────────────────────────────── */

/* Whether a list still misses one. */
static bool is_missing(const struct vanishing *v, uint32_t list)
{
	for (size_t i = 0; i < v->table.places; i++)
		if (v->table.rows[i].id && v->table.rows[i].kind && v->table.rows[i].list == list)
			return true;
	return false;
}

static int read_mbox(struct vanishing *v, const char *path, uint32_t list, struct error *err)
{
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { .key = { v->table.key[0],
		                                                      v->table.key[1] } };
	struct error why = { 0 };

	if (!path)
		return 0;
	if (lists_mbox_index_host(&ix, v->hosts[v->host].h, path, &why) < 0) {
		if (lists_is_unreached(&why))
			return *err = why, -1;
		if (why.sys_errno != ENOENT)
			strings_addf(&v->out->not_read, "%s: %s", v->hosts[v->host].name, why.text);
		return 0;
	}
	/* with one key, one fingerprint is of one Message-ID in both */
	for (size_t i = 0; i < ix.n; i++)
		if (ix.rows[i].id)
			vanished_found(&v->table, ix.rows[i].id, list);
	return 0;
}

static int read_list(struct vanishing *v, const char *name, struct error *err)
{
	const struct lists_paths *paths = v->sites[v->host].paths;
	AUTO_FREE char *digest = xasprintf("%s/digest.mbox", name);
	AUTO_FREE char *mbox = xasprintf("%s.mbox/%s.mbox", name, name);
	AUTO_FREE char *digest_path = lists_paths_join(paths, LISTS_LIST_DATA_DIR, digest);
	AUTO_FREE char *mbox_path = lists_paths_join(paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, mbox);
	uint32_t list = vanished_list(&v->table, span_of(name));

	if (!is_missing(v, list))
		return 0;
	return read_mbox(v, digest_path, list, err) < 0 ? -1 : read_mbox(v, mbox_path, list, err);
}

int vanished_read_mboxes(struct vanishing *v, struct error *err)
{
	for (v->host = 0; v->host < v->n; v->host++)
		for (size_t i = 0; i < v->sites[v->host].names.n; i++)
			if (read_list(v, v->sites[v->host].names.rows[i], err) < 0)
				return -1;
	return 0;
}
