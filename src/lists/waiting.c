/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/waiting.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/list_inside.h"
#include "lists/queue.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX (1ull << 30) /* octets of one list's */

void lists_waiting_fini(struct lists_waiting *w)
{
	free(w->rows);
	strings_fini(&w->senders);
	lists_findings_fini(&w->findings);
	*w = (struct lists_waiting){ 0 };
}

static void add(struct lists_waiting *w, struct lists_waiting_item item)
{
	ARRAY_GROW(w->rows, w->n, w->room);
	w->rows[w->n++] = item;
}

static void add_queues(struct lists_waiting *w, const struct lists_site *site)
{
	for (size_t i = 0; i < site->queue_n; i++) {
		const struct lists_queued *q = &site->queue[i];

		add(w, (struct lists_waiting_item){ .list = q->list,
		                                    .place = lists_queue_name(q->queue),
		                                    .state = lists_queue_state_name(q->state),
		                                    .sender = q->sender,
		                                    .octets = q->size,
		                                    .at = q->at,
		                                    .has_problem = q->problem != NULL });
	}
	for (size_t i = 0; i < site->events_n; i++)
		add(w, (struct lists_waiting_item){ .list = site->events[i].list,
		                                    .place = "bounce",
		                                    .state = "not counted",
		                                    .sender = site->events[i].address });
}

/* ── requests ────────────────────────────────────────────────────────────────────────────────── */

/* The lists' files, in the order of the site's names. */
struct requests {
	struct lists_waiting *w;
	const struct lists_site *site;
	struct strings paths;
	const char **lists; /* owned; of each path */
	size_t n, room;
};

static const char *kind_name(enum lists_request_kind kind)
{
	static const char *const names[] = {
		[LISTS_REQUEST_UNKNOWN] = "unknown request",
		[LISTS_REQUEST_POST] = "held",
		[LISTS_REQUEST_JOINING] = "joining",
		[LISTS_REQUEST_LEAVING] = "leaving",
	};

	return names[kind];
}

/* What stands in memory by another's hand lives as long as `w`. */
static const char *keep(struct lists_waiting *w, struct value v)
{
	AUTO_BUF struct buf text = { 0 };
	struct span s;

	if (!value_get_chars(v, &s))
		return NULL;
	buf_add_printable(&text, s);
	strings_add(&w->senders, buf_text(&text));
	return w->senders.rows[w->senders.n - 1];
}

static void add_request(struct requests *all, const char *list, const struct lists_request *q)
{
	bool lost = q->kind == LISTS_REQUEST_POST && q->is_lost;

	add(all->w, (struct lists_waiting_item){ .list = list,
	                                         .place = kind_name(q->kind),
	                                         .state = lost ? "lost" : "waits",
	                                         .sender = keep(all->w, q->address),
	                                         .octets = q->size,
	                                         .at = q->at,
	                                         .has_problem = lost || !q->kind });
}

static void add_orphans(struct requests *all, const char *list, const struct lists_list *l)
{
	for (size_t i = 0; i < l->orphans.n; i++) {
		const struct host_entry *e = lists_entry(&all->site->data, l->orphans.rows[i]);

		add(all->w, (struct lists_waiting_item){ .list = list,
		                                         .place = "orphan",
		                                         .state = "waits",
		                                         .octets = e ? e->size : 0,
		                                         .at = e ? (double)e->mtime_ns / 1e9 : 0,
		                                         .has_problem = true });
	}
}

/* `f` NULL: it has no requests, or they cannot be read. */
static void take_list(struct requests *all, const char *name, const struct value_file *f)
{
	AUTO_LISTS_LIST struct lists_list l = { .name = xstrdup(name) };
	const struct lists_reading r = { .site = all->site };

	if (f && f->n)
		lists_take_requests(&l, &r, f->rows[0]);
	lists_find_orphans(&l, &r);
	for (size_t i = 0; i < l.requests_n; i++)
		add_request(all, name, &l.requests[i]);
	add_orphans(all, name, &l);
}

static void take_file(void *context, size_t at, struct buf *octets, const struct error *failed)
{
	struct requests *all = context;
	AUTO_VALUE_FILE struct value_file f = { 0 };
	struct error err = { 0 };

	if (!octets)
		lists_findings_add(&all->w->findings, all->lists[at], NULL, "%s", failed->text);
	else if (lists_file_parse(octets, &f, &err) < 0)
		lists_findings_add(&all->w->findings, all->lists[at], NULL,
		                   "its requests cannot be read: %s", err.text);
	take_list(all, all->lists[at], &f);
}

static void plan(struct requests *all, const char *name)
{
	static const char *const files[] = { "request.pck", "request.db" };

	for (size_t i = 0; i < ROWS(files); i++) {
		AUTO_FREE char *below = xasprintf("%s/%s", name, files[i]);
		AUTO_FREE char *path = lists_paths_join(all->site->paths, LISTS_LIST_DATA_DIR,
		                                        below);

		if (!path || !lists_entry(&all->site->lists, below))
			continue;
		strings_add(&all->paths, path);
		ARRAY_GROW(all->lists, all->n, all->room);
		all->lists[all->n++] = name;
		return;
	}
	take_list(all, name, NULL);
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────── */

/* NULL before all others. */
static int compare_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

static int compare_items(const void *a, const void *b)
{
	const struct lists_waiting_item *x = a, *y = b;
	int order = compare_text(x->list, y->list);

	if (!order)
		order = compare_text(x->place, y->place);
	if (!order)
		order = compare_text(x->state, y->state);
	if (!order)
		order = compare_text(x->sender, y->sender);
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

int lists_waiting_read(struct lists_waiting *out, const struct lists_site *site, struct error *err)
{
	struct requests all = { .w = out, .site = site };
	int result;

	*out = (struct lists_waiting){ 0 };
	add_queues(out, site);
	for (size_t i = 0; i < site->names.n; i++)
		plan(&all, site->names.rows[i]);
	result = lists_read_ahead(site->h, &all.paths, REQUESTS_MAX, take_file, &all, err);
	strings_fini(&all.paths);
	free(all.lists);
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, compare_items);
	return result;
}

void lists_waiting_add(struct lists_waiting_sum *sum, const struct lists_waiting_item *item)
{
	sum->n++;
	sum->octets += item->octets;
	sum->problems += item->has_problem;
	if (item->at > 0) {
		sum->oldest = sum->oldest <= 0 || item->at < sum->oldest ? item->at : sum->oldest;
		sum->newest = item->at > sum->newest ? item->at : sum->newest;
	}
}

/* Keeps the `most` that have the most, in order. */
static void put_sender(struct lists_waiting_sender *out, size_t n, size_t most,
                       struct lists_waiting_sender one)
{
	size_t at = n < most ? n : most;

	while (at && out[at - 1].n < one.n) {
		if (at < most)
			out[at] = out[at - 1];
		at--;
	}
	if (at < most)
		out[at] = one;
}

size_t lists_waiting_senders(const struct lists_waiting *w, size_t from, size_t to,
                             struct lists_waiting_sender *out, size_t most)
{
	size_t n = 0;

	for (size_t i = from; i < to; n++) {
		struct lists_waiting_sender one = { .name = w->rows[i].sender };

		for (; i < to && !compare_text(one.name, w->rows[i].sender); i++)
			one.n++;
		put_sender(out, n, most, one);
	}
	return n;
}
