/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_store -- the half of remote/tree.h that changes a host. */

#include "base/memory.h"
#include "remote/sending.h"
#include "remote/tree.h"
#include "wire/mailbox.h"
#include "wire/tree.h"

/* Frames whose answers were not read. */
#define AHEAD 16u

_Static_assert(AHEAD <= HOST_AHEAD, "what remote/host.h allows");
_Static_assert(SENDING_FILL + WIRE_CHUNK + 2 * TREE_ATTRIBUTES_MAX < WIRE_BODY_MAX,
               "the last record fits into the frame that it fills");

struct tree_writer {
	struct sending to;
	const char *root;
};

struct tree_writer *tree_writer_new(struct host *h, const char *root)
{
	struct tree_writer *w = xcalloc(1, sizeof *w);

	w->to = (struct sending){ .h = h, .kind = WIRE_TREE_STORE, .most = AHEAD };
	w->root = root;
	return w;
}

/* Begins a record. */
static int begin(struct tree_writer *w, enum wire_tree_tag tag, struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	if (!w->to.body.n)
		wire_put_text(&w->to.body, w->root);
	wire_put_tree_tag(&w->to.body, tag);
	return 0;
}

static int begin_named(struct tree_writer *w, enum wire_tree_tag tag, uint64_t id, const char *path,
                       struct error *err)
{
	if (begin(w, tag, err) < 0)
		return -1;
	wire_put_u64(&w->to.body, id);
	wire_put_text(&w->to.body, path);
	return 0;
}

int tree_write_file(struct tree_writer *w, uint64_t id, const char *path,
                    const struct tree_node *node, const struct tree_attributes *attributes,
                    struct error *err)
{
	if (begin_named(w, WIRE_TREE_PUT_FILE, id, path, err) < 0)
		return -1;
	wire_put_node(&w->to.body, node);
	wire_put_attributes(&w->to.body, attributes);
	return sending_added(&w->to, err);
}

int tree_write_bytes(struct tree_writer *w, uint64_t offset, struct span bytes, struct error *err)
{
	while (bytes.n) {
		size_t n = bytes.n < WIRE_CHUNK ? bytes.n : WIRE_CHUNK;

		if (begin(w, WIRE_TREE_BYTES, err) < 0)
			return -1;
		wire_put_u64(&w->to.body, offset);
		wire_put_span(&w->to.body, (struct span){ bytes.p, n });
		bytes = span_from(bytes, n);
		offset += n;
		if (sending_added(&w->to, err) < 0)
			return -1;
	}
	return 0;
}

int tree_write_done(struct tree_writer *w, const struct digest *digest, struct error *err)
{
	if (begin(w, WIRE_TREE_DONE, err) < 0)
		return -1;
	wire_put_digest(&w->to.body, digest);
	wire_put_u64(&w->to.body, 0);
	return sending_added(&w->to, err);
}

int tree_write_drop(struct tree_writer *w, struct error *err)
{
	return begin(w, WIRE_TREE_DROP, err) < 0 ? -1 : sending_added(&w->to, err);
}

int tree_write_link(struct tree_writer *w, uint64_t id, const char *path,
                    const struct tree_node *node, struct error *err)
{
	if (begin_named(w, WIRE_TREE_PUT_LINK, id, path, err) < 0)
		return -1;
	wire_put_node(&w->to.body, node);
	return sending_added(&w->to, err);
}

int tree_write_hard(struct tree_writer *w, uint64_t id, const char *path, const char *to,
                    struct error *err)
{
	if (begin_named(w, WIRE_TREE_PUT_HARD, id, path, err) < 0)
		return -1;
	wire_put_text(&w->to.body, to);
	return sending_added(&w->to, err);
}

int tree_write_dir(struct tree_writer *w, uint64_t id, const char *path, struct error *err)
{
	return begin_named(w, WIRE_TREE_MAKE_DIR, id, path, err) < 0 ? -1
	                                                             : sending_added(&w->to, err);
}

int tree_write_set(struct tree_writer *w, uint64_t id, const char *path,
                   const struct tree_node *node, const struct tree_attributes *attributes,
                   struct error *err)
{
	if (begin_named(w, WIRE_TREE_SET, id, path, err) < 0)
		return -1;
	wire_put_node(&w->to.body, node);
	wire_put_attributes(&w->to.body, attributes);
	return sending_added(&w->to, err);
}

int tree_write_remove(struct tree_writer *w, uint64_t id, const char *path, bool whole,
                      struct error *err)
{
	if (begin_named(w, WIRE_TREE_REMOVE, id, path, err) < 0)
		return -1;
	wire_put_u64(&w->to.body, whole);
	return sending_added(&w->to, err);
}

struct told {
	struct host *h;
	const struct tree_outcome *outcome;
};

static int commit_data(void *context, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct told *t = context;

	while (r.rest.n) {
		uint64_t tag = wire_get_u64(&r), id = wire_get_u64(&r);
		struct span what = wire_get_span(&r);
		AUTO_BUF struct buf words = { 0 };
		struct error why = { 0 };

		if (r.bad || (tag != WIRE_TREE_FAILED && tag != WIRE_TREE_NOTE))
			return host_malformed(t->h, "answer about a file tree", err);
		if (tag == WIRE_TREE_FAILED) {
			(void)!wire_get_error(what, &why);
			t->outcome->failed(t->outcome->context, id, &why);
		} else {
			buf_add_printable(&words, what);
			t->outcome->noted(t->outcome->context, id, buf_text(&words));
		}
	}
	return 0;
}

int tree_write_commit(struct tree_writer *w, const struct tree_outcome *outcome, uint64_t *done,
                      struct error *err)
{
	AUTO_BUF struct buf answer = { 0 };
	struct told told = { w->to.h, outcome };
	struct wire_reader r;

	if (sending_settle(&w->to, err) < 0)
		return -1;
	w->to.dirty = false;
	if (host_call(w->to.h, WIRE_TREE_COMMIT, SPAN(""), commit_data, &told, &answer, err) < 0)
		return sending_give_up(&w->to);
	r = (struct wire_reader){ .rest = buf_span(&answer) };
	*done = wire_get_u64(&r);
	return wire_read_end(&r, "answer to TREE_COMMIT", err) < 0 ? sending_give_up(&w->to) : 0;
}

void tree_writer_free(struct tree_writer *w)
{
	AUTO_BUF struct buf spoil = { 0 };

	if (!w)
		return;
	wire_put_text(&spoil, ""); /* a root that none is */
	sending_end(&w->to, buf_span(&spoil), WIRE_TREE_COMMIT);
	free(w);
}
