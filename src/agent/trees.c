/* SPDX-License-Identifier: BSD-2-Clause */

/* trees -- answers what only looks at a file tree: TREE_SCAN, TREE_FETCH. */

#include "agent/fill.h"
#include "base/cleanup.h"
#include "tree/below.h"
#include "tree/read.h"
#include "tree/scan.h"
#include "wire/tree.h"

#include <errno.h>

static int tell_failed(struct fill *f, uint64_t index, const struct error *why, struct error *err)
{
	wire_put_tree_tag(&f->out, WIRE_TREE_FAILED);
	wire_put_failed(&f->out, index, why);
	return fill_added(f, err);
}

/* ── scan ────────────────────────────────────────────────────────────────────────────────────── */

static int tell_entry(void *context, const char *name, const struct tree_node *node,
                      struct error *err)
{
	struct fill *f = context;

	wire_put_tree_tag(&f->out, WIRE_TREE_ENTRY);
	wire_put_text(&f->out, name);
	wire_put_node(&f->out, node);
	return fill_added(f, err);
}

static int scan_one(int rootfd, const char *path, struct fill *f, uint64_t index, struct error *err)
{
	const struct tree_sink sink = { f, tell_entry };
	struct tree_node self = { 0 };
	struct error why = { 0 };
	bool settled;

	if (tree_scan(rootfd, path, &self, &sink, &settled, &why) < 0) {
		if (!f->gone)
			return tell_failed(f, index, &why, err);
		*err = why;
		return -1;
	}
	wire_put_tree_tag(&f->out, WIRE_TREE_DIR);
	wire_put_node(&f->out, &self);
	wire_put_u64(&f->out, settled);
	return fill_added(f, err);
}

int agent_tree_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *root = wire_get_tree_root(r);
	struct fill f = { .a = a };
	int result = 0;

	if (r->bad)
		return wire_read_end(r, "TREE_SCAN", err);

	AUTO_CLOSE int rootfd = tree_open_root(a->rootfd, root, err);
	if (rootfd < 0)
		return -1;
	for (uint64_t i = 0; result == 0 && !r->bad && r->rest.n; i++) {
		AUTO_FREE char *path = wire_get_tree_path(r);

		if (!r->bad)
			result = scan_one(rootfd, path, &f, i, err);
	}
	if (result == 0)
		result = wire_read_end(r, "TREE_SCAN", err);
	if (result == 0)
		result = fill_send(&f, err);
	buf_fini(&f.out);
	return result;
}

/* ── fetch ───────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct fill fill;
	bool quiet;      /* content is only hashed */
	uint64_t silent; /* octets since something was sent */
};

static int fetch_begin(void *context, const struct tree_node *node,
                       const struct tree_attributes *attributes, struct error *err)
{
	struct reading *reading = context;
	struct fill *f = &reading->fill;

	wire_put_tree_tag(&f->out, WIRE_TREE_BEGIN);
	wire_put_node(&f->out, node);
	wire_put_attributes(&f->out, attributes);
	wire_put_u64(&f->out, attributes->others.n);
	for (size_t i = 0; i < attributes->others.n; i++)
		wire_put_text(&f->out, attributes->others.rows[i]);
	return fill_added(f, err);
}

static int fetch_bytes(void *context, uint64_t offset, struct span bytes, struct error *err)
{
	static const char nothing[WIRE_TREE_ALIVE_OCTETS];
	struct reading *reading = context;
	struct fill *f = &reading->fill;

	if (reading->quiet) {
		reading->silent += bytes.n;
		if (reading->silent < WIRE_TREE_ALIVE_EVERY)
			return 0;
		reading->silent -= WIRE_TREE_ALIVE_EVERY;
		wire_put_tree_tag(&f->out, WIRE_TREE_ALIVE);
		wire_put_span(&f->out, (struct span){ nothing, sizeof nothing });
		return fill_send(f, err);
	}
	wire_put_tree_tag(&f->out, WIRE_TREE_BYTES);
	wire_put_u64(&f->out, offset);
	wire_put_span(&f->out, bytes);
	return fill_added(f, err);
}

static int fetch_one(int rootfd, const char *path, enum tree_want want, struct reading *reading,
                     uint64_t index, struct error *err)
{
	const struct tree_reader reader = { reading, fetch_begin, fetch_bytes };
	struct fill *f = &reading->fill;
	struct error why = { 0 };
	struct digest digest;
	bool young;

	reading->quiet = want == TREE_WANT_DIGEST;
	reading->silent = 0;
	if (tree_read(rootfd, path, want, &reader, &digest, &young, &why) < 0) {
		if (!f->gone)
			return tell_failed(f, index, &why, err);
		*err = why;
		return -1;
	}
	wire_put_tree_tag(&f->out, WIRE_TREE_DONE);
	wire_put_span(&f->out, (struct span){ (const char *)digest.octets, DIGEST_SIZE });
	wire_put_u64(&f->out, young);
	return fill_added(f, err);
}

static int fetch_next(int rootfd, struct wire_reader *r, struct reading *f, uint64_t index,
                      struct error *err)
{
	bool is_wanted = wire_get_u64(r) == WIRE_TREE_WANTED;
	AUTO_FREE char *path = wire_get_tree_path(r);
	uint64_t want = wire_get_u64(r);

	if (r->bad || !is_wanted || want > TREE_WANT_CONTENT)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "malformed TREE_FETCH on the wire");
	return fetch_one(rootfd, path, (enum tree_want)want, f, index, err);
}

int agent_tree_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *root = wire_get_tree_root(r);
	struct reading f = { .fill = { .a = a } };
	int result = 0;

	if (r->bad)
		return wire_read_end(r, "TREE_FETCH", err);

	AUTO_CLOSE int rootfd = tree_open_root(a->rootfd, root, err);
	if (rootfd < 0)
		return -1;
	for (uint64_t i = 0; result == 0 && r->rest.n; i++)
		result = fetch_next(rootfd, r, &f, i, err);
	if (result == 0)
		result = fill_send(&f.fill, err);
	buf_fini(&f.fill.out);
	return result;
}
