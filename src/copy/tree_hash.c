/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_hash -- content of files whose times do not tell whether they are the same on both sides. */

#include "copy/tree_pass.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>

bool tree_pass_same_time(int64_t old_ns, int64_t new_ns)
{
	int64_t rest = old_ns % 1000000000;

	/* a file system that keeps whole seconds */
	return new_ns == old_ns || new_ns == old_ns - (rest < 0 ? rest + 1000000000 : rest);
}

bool tree_pass_same_attributes(const struct tree_pass *p, const struct tree_node *old,
                               const struct tree_node *new)
{
	return old->mode == new->mode &&tree_pass_same_time(old->mtime_ns, new->mtime_ns) &&
	       (!p->owns || (old->uid == new->uid && old->gid == new->gid));
}

/* One side's answers. */
struct side {
	struct tree_pass *p;
	const size_t *rows; /* of p->rows, for each wanted */
	bool is_new;
};

static int begin(void *context, size_t index, const struct tree_node *node,
                 const struct tree_attributes *attributes, struct error *err)
{
	struct side *s = context;
	struct tree_row *row = &s->p->rows[s->rows[index]];
	struct tree_node mapped = row->node;

	s->p->out->bytes_read += s->is_new ? 0 : node->size;
	if (!s->is_new) {
		row->node = *node;
		tree_attributes_fini(&row->attributes);
		for (size_t i = 0; i < attributes->n; i++)
			tree_attributes_add(&row->attributes, attributes->rows[i].name,
			                    buf_span(&attributes->rows[i].value));
		tree_pass_map_attributes(s->p, &row->attributes);
		return 0;
	}
	tree_pass_map_node(s->p, row->path, &mapped);
	row->content_differs |= node->size != row->node.size;
	row->attributes_differ |= !tree_pass_same_attributes(s->p, &mapped, node) ||
	                          !tree_attributes_equal(&row->attributes, attributes);
	return 0;
}

static int bytes(void *context, size_t index, uint64_t offset, struct span octets,
                 struct error *err)
{
	return 0;
}

static int done(void *context, size_t index, const struct digest *digest, bool young,
                struct error *err)
{
	struct side *s = context;
	struct tree_row *row = &s->p->rows[s->rows[index]];

	if (s->is_new || row->action == TREE_HASH_OLD) {
		row->content_differs |= !row->known || !digest_equal(&row->digest, digest);
		row->attributes_differ |= row->action == TREE_HASH_OLD;
	}
	if (s->is_new)
		return 0;
	row->known = true;
	row->digest = *digest;
	row->young = young;
	return 0;
}

/* It could not be read, or changed meanwhile: sending it finds out more. */
static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct side *s = context;

	s->p->rows[s->rows[index]].content_differs = true;
	return 0;
}

struct slice {
	struct tree_wanted *old, *new;
	size_t *old_rows, *new_rows;
	size_t old_n, new_n;
};

static int ask(struct tree_pass *p, const struct slice *s, struct error *err)
{
	struct side old = { p, s->old_rows, false }, new = { p, s->new_rows, true };
	struct error ignored = { 0 };
	int result;

	if (tree_fetch_send(p->from, p->options->from_root, s->old, s->old_n, err) < 0)
		return -1;
	if (s->new_n && tree_fetch_send(p->to, p->options->to_root, s->new, s->new_n, err) < 0) {
		(void)!host_collect(p->from, NULL, NULL, NULL, &ignored);
		return -1;
	}
	result = tree_fetch_collect(p->from, s->old, s->old_n,
	                            &(struct tree_fetch){ &old, begin, bytes, done, failed }, err);
	if (s->new_n && tree_fetch_collect(p->to, s->new, s->new_n,
	                                   &(struct tree_fetch){ &new, begin, bytes, done, failed },
	                                   result < 0 ? &ignored : err) < 0)
		result = -1;
	return result;
}

static bool is_hash(const struct tree_row *row)
{
	return row->action == TREE_HASH_OLD || row->action == TREE_HASH_BOTH;
}

static void decide(struct tree_row *row)
{
	/* attributes of a file with several names are never set in place: tree/write.h */
	if (row->content_differs || (row->attributes_differ && row->node.links > 1))
		row->action = TREE_SEND;
	else
		row->action = row->attributes_differ ? TREE_SET : TREE_RECORD;
	tree_attributes_fini(&row->attributes);
}

static int hash_slices(struct tree_pass *p, struct slice *s, struct error *err)
{
	size_t at = 0;

	while (at < p->rows_n) {
		size_t octets = 0;

		s->old_n = s->new_n = 0;
		for (; at < p->rows_n && octets < TREE_FETCH_OCTETS; at++) {
			const struct tree_row *row = &p->rows[at];
			const struct tree_wanted wanted = { row->path, TREE_WANT_DIGEST };

			if (!is_hash(row))
				continue;
			octets += strlen(row->path) + 20;
			s->old[s->old_n] = wanted;
			s->old_rows[s->old_n++] = at;
			if (row->action == TREE_HASH_BOTH) {
				s->new[s->new_n] = wanted;
				s->new_rows[s->new_n++] = at;
			}
		}
		if (s->old_n && ask(p, s, err) < 0)
			return -1;
	}
	return 0;
}

int tree_pass_hash(struct tree_pass *p, struct error *err)
{
	AUTO_FREE struct tree_wanted *old = xcalloc(p->rows_n + 1, sizeof *old);
	AUTO_FREE struct tree_wanted *new = xcalloc(p->rows_n + 1, sizeof *new);
	AUTO_FREE size_t *old_rows = xcalloc(p->rows_n + 1, sizeof *old_rows);
	AUTO_FREE size_t *new_rows = xcalloc(p->rows_n + 1, sizeof *new_rows);
	struct slice s = { .old = old, .new = new, .old_rows = old_rows, .new_rows = new_rows };

	if (hash_slices(p, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < p->rows_n; i++)
		if (is_hash(&p->rows[i]))
			decide(&p->rows[i]);
	return 0;
}
