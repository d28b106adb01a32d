/* SPDX-License-Identifier: BSD-2-Clause */

/* trees_store -- answers TREE_STORE and TREE_COMMIT: a file tree comes to this host's disk. */

#include "agent/fill.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "tree/below.h"
#include "tree/write.h"
#include "wire/mailbox.h"
#include "wire/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* STOREs are sent ahead, so what follows a failed one is already on its way: all of it is refused
 * with the first reason, until the COMMIT. */
struct agent_planting {
	struct tree_batch *batch;
	char *root; /* owned; of the batch */
	bool spoilt;
	struct error why;
};

static int malformed(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
	                 "malformed TREE_STORE on the wire");
}

/* What the records that put or set have in common. */
struct record {
	uint64_t id;
	char *path;
	struct tree_node node;
	struct tree_attributes attributes;
};

static void record_fini(struct record *c)
{
	free(c->path);
	tree_node_fini(&c->node);
	tree_attributes_fini(&c->attributes);
}
#define AUTO_RECORD __attribute__((cleanup(record_fini)))

static int put_file(struct tree_batch *b, struct record *c, struct wire_reader *r,
                    struct error *err)
{
	wire_get_node(r, &c->node);
	wire_get_attributes(r, &c->attributes);
	if (r->bad || c->node.kind != TREE_FILE)
		return malformed(err);
	return tree_put_file(b, c->id, c->path, &c->node, &c->attributes, err);
}

static int put_link(struct tree_batch *b, struct record *c, struct wire_reader *r,
                    struct error *err)
{
	wire_get_node(r, &c->node);
	if (r->bad || c->node.kind != TREE_LINK)
		return malformed(err);
	return tree_put_link(b, c->id, c->path, &c->node, err);
}

static int put_hard(struct tree_batch *b, struct record *c, struct wire_reader *r,
                    struct error *err)
{
	AUTO_FREE char *to = wire_get_tree_path(r);

	return r->bad ? malformed(err) : tree_put_hard(b, c->id, c->path, to, err);
}

static int set(struct tree_batch *b, struct record *c, struct wire_reader *r, struct error *err)
{
	wire_get_node(r, &c->node);
	wire_get_attributes(r, &c->attributes);
	if (r->bad || (c->node.kind != TREE_FILE && c->node.kind != TREE_DIR))
		return malformed(err);
	return tree_set(b, c->id, c->path, &c->node, &c->attributes, err);
}

static int put_named(struct tree_batch *b, uint64_t tag, struct wire_reader *r, struct error *err)
{
	AUTO_RECORD struct record c = { 0 };
	bool whole;

	c.id = wire_get_u64(r);
	c.path = wire_get_tree_path(r);
	if (r->bad)
		return malformed(err);
	switch (tag) {
	case WIRE_TREE_PUT_FILE:
		return put_file(b, &c, r, err);
	case WIRE_TREE_PUT_LINK:
		return put_link(b, &c, r, err);
	case WIRE_TREE_PUT_HARD:
		return put_hard(b, &c, r, err);
	case WIRE_TREE_MAKE_DIR:
		return tree_make_dir(b, c.id, c.path, err);
	case WIRE_TREE_SET:
		return set(b, &c, r, err);
	case WIRE_TREE_REMOVE:
		whole = wire_get_u64(r) != 0;
		return r->bad ? malformed(err) : tree_remove(b, c.id, c.path, whole, err);
	default:
		return malformed(err);
	}
}

static int put_bytes(struct tree_batch *b, struct wire_reader *r, struct error *err)
{
	uint64_t offset = wire_get_u64(r);
	struct span bytes = wire_get_span(r);

	return r->bad ? malformed(err) : tree_put_bytes(b, offset, bytes, err);
}

static int put_done(struct tree_batch *b, struct wire_reader *r, struct error *err)
{
	struct digest expected = wire_get_digest(r);

	(void)wire_get_u64(r);
	return r->bad ? malformed(err) : tree_put_done(b, &expected, err);
}

static int put_record(struct tree_batch *b, struct wire_reader *r, struct error *err)
{
	uint64_t tag = wire_get_u64(r);

	switch (tag) {
	case WIRE_TREE_BYTES:
		return put_bytes(b, r, err);
	case WIRE_TREE_DONE:
		return put_done(b, r, err);
	case WIRE_TREE_DROP:
		tree_put_drop(b);
		return 0;
	default:
		return put_named(b, tag, r, err);
	}
}

static int begin(struct agent *a, struct agent_planting *p, struct wire_reader *r,
                 struct error *err)
{
	AUTO_FREE char *root = wire_get_tree_root(r);
	int rootfd;

	if (r->bad || (p->batch && strcmp(p->root, root) != 0))
		return malformed(err);
	if (p->batch)
		return 0;
	rootfd = tree_open_root(a->rootfd, root, err);
	if (rootfd < 0)
		return -1;
	p->batch = tree_batch_new(rootfd);
	free(p->root);
	p->root = TAKE(root);
	return 0;
}

int agent_tree_store(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct agent_planting *p = a->planting;
	int result;

	if (!p)
		a->planting = p = xcalloc(1, sizeof *p);
	if (p->spoilt) {
		*err = p->why;
		return -1;
	}
	result = begin(a, p, r, err);
	while (result == 0 && r->rest.n)
		result = put_record(p->batch, r, err);
	if (result == 0)
		return 0;
	p->spoilt = true;
	p->why = *err;
	/* at once: on a full disk, what is half there keeps others from working */
	tree_batch_free(TAKE(p->batch));
	return -1;
}

void agent_tree_end(struct agent *a)
{
	struct agent_planting *p = TAKE(a->planting);

	if (!p)
		return;
	tree_batch_free(p->batch);
	free(p->root);
	free(p);
}

static int tell(struct agent *a, const struct tree_told *told, size_t n, struct error *err)
{
	struct fill f = { .a = a };
	int result = 0;

	for (size_t i = 0; result == 0 && i < n; i++) {
		if (told[i].note) {
			wire_put_tree_tag(&f.out, WIRE_TREE_NOTE);
			wire_put_u64(&f.out, told[i].id);
			wire_put_text(&f.out, told[i].note);
		} else {
			wire_put_tree_tag(&f.out, WIRE_TREE_FAILED);
			wire_put_failed(&f.out, told[i].id, &told[i].why);
		}
		result = fill_added(&f, err);
	}
	if (result == 0)
		result = fill_send(&f, err);
	buf_fini(&f.out);
	return result;
}

int agent_tree_commit(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct agent_planting empty = { 0 }, *p = a->planting ? a->planting : &empty;
	AUTO_TREE_BATCH struct tree_batch *batch = TAKE(p->batch);
	struct error why = p->why;
	const struct tree_told *told;
	bool spoilt = p->spoilt;
	uint64_t done = 0;
	size_t n;

	free(TAKE(p->root));
	free(TAKE(a->planting));
	if (wire_read_end(r, "TREE_COMMIT", err) < 0)
		return -1;
	if (spoilt) {
		*err = why;
		return -1;
	}
	if (batch && (tree_commit(batch, &told, &n, &done, err) < 0 || tell(a, told, n, err) < 0))
		return -1;
	wire_put_u64(end, done);
	return 0;
}
