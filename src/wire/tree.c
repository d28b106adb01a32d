/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/tree.h"

#include "base/cleanup.h"
#include "mail/flags.h"
#include "wire/mailbox.h"

#include <string.h>

void wire_put_tree_tag(struct buf *body, enum wire_tree_tag tag)
{
	wire_put_u64(body, (uint64_t)tag);
}

char *wire_get_tree_path(struct wire_reader *r)
{
	char *path = wire_get_string(r);

	if (!tree_path_fits(path))
		r->bad = true;
	return path;
}

char *wire_get_tree_name(struct wire_reader *r)
{
	char *name = wire_get_string(r);

	if (!mail_name_fits(span_of(name)))
		r->bad = true;
	return name;
}

char *wire_get_tree_root(struct wire_reader *r)
{
	char *root = wire_get_string(r);

	if (root[0] != '/' || strlen(root) > TREE_PATH_MAX)
		r->bad = true;
	return root;
}

void wire_put_node(struct buf *body, const struct tree_node *n)
{
	wire_put_u64(body, (uint64_t)n->kind);
	wire_put_u64(body, n->mode);
	wire_put_u64(body, n->uid);
	wire_put_u64(body, n->gid);
	wire_put_u64(body, n->size);
	wire_put_u64(body, n->links);
	wire_put_u64(body, n->inode);
	wire_put_u64(body, n->device);
	wire_put_u64(body, (uint64_t)n->mtime_ns);
	wire_put_u64(body, (uint64_t)n->ctime_ns);
	wire_put_text(body, n->target ? n->target : "");
}

static uint32_t get_upto(struct wire_reader *r, uint32_t most)
{
	uint64_t v = wire_get_u64(r);

	if (v > most)
		r->bad = true;
	return (uint32_t)v;
}

void wire_get_node(struct wire_reader *r, struct tree_node *out)
{
	struct span target;

	*out = (struct tree_node){ 0 };
	out->kind = (enum tree_kind)get_upto(r, TREE_DEVICE);
	out->mode = get_upto(r, 07777);
	out->uid = get_upto(r, UINT32_MAX);
	out->gid = get_upto(r, UINT32_MAX);
	out->size = wire_get_u64(r);
	out->links = wire_get_u64(r);
	out->inode = wire_get_u64(r);
	out->device = wire_get_u64(r);
	out->mtime_ns = (int64_t)wire_get_u64(r);
	out->ctime_ns = (int64_t)wire_get_u64(r);
	target = wire_get_span(r);
	if ((out->kind == TREE_LINK) != (target.n > 0) || target.n > TREE_PATH_MAX ||
	    span_find(target, 0) >= 0)
		r->bad = true;
	if (r->bad)
		out->kind = TREE_UNKNOWN;
	else if (out->kind == TREE_LINK)
		out->target = span_dup(target);
}

void wire_put_attributes(struct buf *body, const struct tree_attributes *a)
{
	wire_put_u64(body, a->n);
	for (size_t i = 0; i < a->n; i++) {
		wire_put_text(body, a->rows[i].name);
		wire_put_span(body, buf_span(&a->rows[i].value));
	}
}

void wire_get_attributes(struct wire_reader *r, struct tree_attributes *out)
{
	uint64_t n = wire_get_u64(r);
	size_t octets = 0;

	*out = (struct tree_attributes){ 0 };
	/* each takes at least its two lengths, so a count that lies ends soon */
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		AUTO_FREE char *name = wire_get_string(r);
		struct span value = wire_get_span(r);

		octets += strlen(name) + value.n;
		if (!tree_attribute_is_carried(name) || octets > TREE_ATTRIBUTES_MAX)
			r->bad = true;
		if (!r->bad)
			tree_attributes_add(out, name, value);
	}
}
