/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/tree.h"

#include "base/memory.h"
#include "wire/mailbox.h"
#include "wire/tree.h"

#include <string.h>

static int malformed(struct host *h, struct error *err)
{
	return host_malformed(h, "answer about a file tree", err);
}

/* ── scan ────────────────────────────────────────────────────────────────────────────────────── */

void tree_dir_fini(struct tree_dir *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->rows[i].name);
		tree_node_fini(&d->rows[i].node);
	}
	free(d->rows);
	tree_node_fini(&d->self);
	*d = (struct tree_dir){ 0 };
}

static int by_name(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct tree_entry *tree_dir_find(const struct tree_dir *d, const char *name)
{
	const struct tree_entry key = { .name = (char *)(uintptr_t)name };

	return d->n ? bsearch(&key, d->rows, d->n, sizeof key, by_name) : NULL;
}

int tree_scan_send(struct host *h, const char *root, const char *const *paths, size_t n,
                   struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, root);
	for (size_t i = 0; i < n; i++)
		wire_put_text(&body, paths[i]);
	return host_send(h, WIRE_TREE_SCAN, buf_span(&body), err);
}

struct scan {
	struct host *h;
	struct tree_dir *rows;
	size_t n, index;
	uint64_t kept; /* octets of memory, about */
};

static int scan_entry(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct tree_dir *d = &s->rows[s->index];
	struct tree_entry entry;

	if (d->n >= TREE_ENTRIES_MAX)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "host %s: a directory has more than %u names", host_name(s->h),
		                 TREE_ENTRIES_MAX);
	entry.name = wire_get_tree_name(r);
	wire_get_node(r, &entry.node);
	ARRAY_GROW(d->rows, d->n, d->room);
	d->rows[d->n++] = entry;
	return 0;
}

static int scan_dir(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct tree_dir *d = &s->rows[s->index++];

	wire_get_node(r, &d->self);
	d->settled = wire_get_u64(r) != 0;
	if (r->bad || d->self.kind != TREE_DIR)
		return malformed(s->h, err);
	if (d->n)
		qsort(d->rows, d->n, sizeof *d->rows, by_name);
	for (size_t i = 1; i < d->n; i++)
		if (!strcmp(d->rows[i - 1].name, d->rows[i].name))
			return malformed(s->h, err);
	return 0;
}

static int scan_failed(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct tree_dir *d = &s->rows[s->index];
	struct error why = { 0 };

	wire_get_failed(r, s->index, &why);
	if (r->bad)
		return malformed(s->h, err);
	tree_dir_fini(d);
	d->failed = true;
	d->why = why;
	s->index++;
	return 0;
}

static int scan_data(void *context, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct scan *s = context;
	int result = 0;

	while (result == 0 && r.rest.n) {
		size_t before = r.rest.n;
		uint64_t tag = wire_get_u64(&r);

		if (r.bad || s->index >= s->n)
			return malformed(s->h, err);
		if (tag == WIRE_TREE_ENTRY)
			result = scan_entry(s, &r, err);
		else if (tag == WIRE_TREE_DIR)
			result = scan_dir(s, &r, err);
		else if (tag == WIRE_TREE_FAILED)
			result = scan_failed(s, &r, err);
		else
			r.bad = true;
		if (result == 0 && r.bad)
			result = malformed(s->h, err);
		s->kept += before - r.rest.n + sizeof(struct tree_entry) + 64;
		if (result == 0)
			result = host_check_kept(s->h, s->kept, err);
	}
	return result;
}

int tree_scan_collect(struct host *h, struct tree_dir *out, size_t n, struct error *err)
{
	struct scan s = { .h = h, .rows = out, .n = n };

	if (host_collect(h, scan_data, &s, NULL, err) < 0)
		return -1;
	return s.index == n ? 0 : malformed(h, err);
}

/* ── fetch ───────────────────────────────────────────────────────────────────────────────────── */

size_t tree_fetch_fits(const struct tree_wanted *wanted, size_t n)
{
	size_t octets = 0, fits = 0;

	while (fits < n && octets < TREE_FETCH_OCTETS)
		octets += strlen(wanted[fits++].path) + 20;
	return fits;
}

int tree_fetch_send(struct host *h, const char *root, const struct tree_wanted *wanted, size_t n,
                    struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_text(&body, root);
	for (size_t i = 0; i < n; i++) {
		wire_put_tree_tag(&body, WIRE_TREE_WANTED);
		wire_put_text(&body, wanted[i].path);
		wire_put_u64(&body, (uint64_t)wanted[i].want);
	}
	return host_send(h, WIRE_TREE_FETCH, buf_span(&body), err);
}

struct fetch {
	struct host *h;
	const struct tree_wanted *wanted;
	size_t n, index;
	const struct tree_fetch *to;
	bool open;
	uint64_t at, size; /* of the file that is under way */
};

static int fetch_begin(struct fetch *f, struct wire_reader *r, struct error *err)
{
	AUTO_TREE_ATTRIBUTES struct tree_attributes attributes = { 0 };
	bool only_meta = f->wanted[f->index].want == TREE_WANT_META;
	struct tree_node node;
	uint64_t others;
	int result;

	wire_get_node(r, &node);
	wire_get_attributes(r, &attributes);
	others = wire_get_u64(r);
	for (uint64_t i = 0; i < others && !r->bad; i++) {
		AUTO_FREE char *name = wire_get_string(r);

		strings_add(&attributes.others, name);
	}
	if (r->bad || f->open ||
	    (node.kind != TREE_FILE && (node.kind != TREE_DIR || !only_meta))) {
		result = malformed(f->h, err);
	} else {
		f->open = true;
		f->at = 0;
		f->size = node.size;
		result = f->to->begin(f->to->context, f->index, &node, &attributes, err);
	}
	tree_node_fini(&node);
	return result;
}

static int fetch_bytes(struct fetch *f, struct wire_reader *r, struct error *err)
{
	uint64_t offset = wire_get_u64(r);
	struct span bytes = wire_get_span(r);

	if (r->bad || !f->open || f->wanted[f->index].want != TREE_WANT_CONTENT || offset < f->at ||
	    bytes.n > f->size || offset > f->size - bytes.n)
		return malformed(f->h, err);
	f->at = offset + bytes.n;
	return f->to->bytes(f->to->context, f->index, offset, bytes, err);
}

/* As often as the file has octets for, and once more: it may have grown. */
static int fetch_alive(struct fetch *f, struct wire_reader *r, struct error *err)
{
	(void)wire_get_span(r);
	if (r->bad || !f->open || f->wanted[f->index].want != TREE_WANT_DIGEST || f->at > f->size)
		return malformed(f->h, err);
	f->at += WIRE_TREE_ALIVE_EVERY;
	return 0;
}

static int fetch_done(struct fetch *f, struct wire_reader *r, struct error *err)
{
	struct digest digest = wire_get_digest(r);
	bool young = wire_get_u64(r) != 0;

	if (r->bad || !f->open)
		return malformed(f->h, err);
	f->open = false;
	return f->to->done(f->to->context, f->index++, &digest, young, err);
}

static int fetch_failed(struct fetch *f, struct wire_reader *r, struct error *err)
{
	struct error why = { 0 };

	wire_get_failed(r, f->index, &why);
	if (r->bad)
		return malformed(f->h, err);
	f->open = false;
	return f->to->failed(f->to->context, f->index++, &why, err);
}

static int fetch_data(void *context, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct fetch *f = context;
	int result = 0;

	while (result == 0 && r.rest.n) {
		uint64_t tag = wire_get_u64(&r);

		if (r.bad || f->index >= f->n)
			result = malformed(f->h, err);
		else if (tag == WIRE_TREE_BEGIN)
			result = fetch_begin(f, &r, err);
		else if (tag == WIRE_TREE_BYTES)
			result = fetch_bytes(f, &r, err);
		else if (tag == WIRE_TREE_ALIVE)
			result = fetch_alive(f, &r, err);
		else if (tag == WIRE_TREE_DONE)
			result = fetch_done(f, &r, err);
		else if (tag == WIRE_TREE_FAILED)
			result = fetch_failed(f, &r, err);
		else
			result = malformed(f->h, err);
	}
	return result;
}

int tree_fetch_collect(struct host *h, const struct tree_wanted *wanted, size_t n,
                       const struct tree_fetch *fetch, struct error *err)
{
	struct fetch f = { .h = h, .wanted = wanted, .n = n, .to = fetch };

	if (host_collect(h, fetch_data, &f, NULL, err) < 0)
		return -1;
	return f.index == n ? 0 : malformed(h, err);
}
