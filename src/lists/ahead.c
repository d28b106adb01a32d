/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/ahead.h"

#include "base/memory.h"
#include "lists/site.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct part {
	struct buf *out;
	uint64_t limit;
};

static int add_data(void *context, struct span body, struct error *err)
{
	struct part *part = context;

	if (part->out->n + body.n > part->limit)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EFBIG,
		                 "is longer than %llu octets", (unsigned long long)part->limit);
	buf_add_span(part->out, body);
	return 0;
}

static int ask(struct host *h, const char *path, uint64_t limit, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, path);
	wire_put_u64(&body, 0);
	wire_put_u64(&body, limit + 1);
	return host_send(h, WIRE_READ, buf_span(&body), err);
}

int lists_read_ahead(struct host *h, const struct strings *paths, uint64_t limit,
                     lists_ahead_fn *take, void *context, struct error *err)
{
	size_t asked = 0;

	for (size_t at = 0; at < paths->n; at++) {
		AUTO_BUF struct buf octets = { 0 };
		struct part part = { &octets, limit };
		struct error failed = { 0 };

		for (; asked < paths->n && asked - at < HOST_AHEAD; asked++)
			if (ask(h, paths->rows[asked], limit, err) < 0)
				return -1;
		if (host_collect(h, add_data, &part, NULL, &failed) == 0) {
			take(context, at, &octets, NULL);
			continue;
		}
		if (lists_is_unreached(&failed)) {
			*err = failed;
			return -1;
		}
		take(context, at, NULL, &failed);
	}
	return 0;
}

/* ── answers that are kept ───────────────────────────────────────────────────────────────────── */

struct answer {
	char *path;
	bool is_list, is_there, failed;
	uint64_t at, most; /* of a list: its depth, 0 */
	struct buf octets;
	uint64_t size;
	struct host_listing listing;
	struct error why;
};
struct lists_ahead {
	struct answer *rows;
	size_t n, room, answered;
};

struct lists_ahead *lists_ahead_new(void)
{
	return xcalloc(1, sizeof(struct lists_ahead));
}

void lists_ahead_forget(struct lists_ahead *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->rows[i].path);
		buf_fini(&a->rows[i].octets);
		host_listing_fini(&a->rows[i].listing);
	}
	a->n = a->answered = 0;
}

void lists_ahead_free(struct lists_ahead *a)
{
	if (!a)
		return;
	lists_ahead_forget(a);
	free(a->rows);
	free(a);
}

static void want(struct lists_ahead *a, const char *path, bool is_list, uint64_t at, uint64_t most)
{
	ARRAY_GROW(a->rows, a->n, a->room);
	a->rows[a->n++] = (struct answer){
		.path = xstrdup(path), .is_list = is_list, .at = at, .most = most
	};
}

void lists_ahead_want_part(struct lists_ahead *a, const char *path, uint64_t offset, uint64_t most)
{
	want(a, path, false, offset, most);
}

void lists_ahead_want_list(struct lists_ahead *a, const char *path, unsigned depth)
{
	want(a, path, true, depth, 0);
}

static int send_one(struct host *h, const struct answer *w, struct error *err)
{
	return w->is_list ? host_list_send(h, w->path, (unsigned)w->at, err)
	                  : host_read_part_send(h, w->path, w->at, w->most, err);
}

static int collect_one(struct host *h, struct answer *w, struct error *err)
{
	int result = w->is_list ? host_list_collect(h, &w->listing, &w->why)
	                        : host_read_part_collect(h, w->most, &w->octets, &w->size, &w->why);

	w->failed = result < 0;
	w->is_there = true;
	return w->failed && lists_is_unreached(&w->why) ? (*err = w->why, -1) : 0;
}

int lists_ahead_ask(struct lists_ahead *a, struct host *h, struct error *err)
{
	size_t asked = a->answered;

	for (; a->answered < a->n; a->answered++) {
		for (; asked < a->n && asked - a->answered < HOST_AHEAD; asked++)
			if (send_one(h, &a->rows[asked], err) < 0)
				return -1;
		if (collect_one(h, &a->rows[a->answered], err) < 0)
			return -1;
	}
	return 0;
}

static struct answer *find(struct lists_ahead *a, const char *path, bool is_list, uint64_t at,
                           uint64_t most)
{
	for (size_t i = 0; a && i < a->n; i++) {
		struct answer *w = &a->rows[i];

		if (w->is_there && w->is_list == is_list && w->at == at && w->most == most &&
		    !strcmp(w->path, path))
			return w;
	}
	return NULL;
}

int lists_ahead_part(struct lists_ahead *a, struct host *h, const char *path, uint64_t offset,
                     uint64_t most, struct buf *out, uint64_t *size, struct error *err)
{
	struct answer *w = find(a, path, false, offset, most);

	if (!w)
		return host_read_part(h, path, offset, most, out, size, err);
	w->is_there = false;
	if (w->failed)
		return *err = w->why, -1;
	buf_fini(out);
	*out = w->octets;
	*size = w->size;
	w->octets = (struct buf){ 0 };
	return 0;
}

int lists_ahead_list(struct lists_ahead *a, struct host *h, const char *path, unsigned depth,
                     struct host_listing *out, struct error *err)
{
	struct answer *w = find(a, path, true, depth, 0);

	if (!w)
		return host_list(h, path, depth, out, err);
	w->is_there = false;
	if (w->failed)
		return *err = w->why, -1;
	*out = w->listing;
	w->listing = (struct host_listing){ 0 };
	return 0;
}
