/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_links -- files that have several names: one is copied, the others become its names. */

#include "copy/tree_pass.h"

#include "base/memory.h"

#include <stdlib.h>

struct tree_link {
	uint64_t device, inode;         /* on old */
	uint64_t new_device, new_inode; /* of the first name on new; 0: not there */
	char *first;                    /* owned; path */
	bool replaced, failed;
};

struct tree_name {
	char *path; /* owned */
	size_t link;
	struct tree_node node;
	uint64_t new_device, new_inode; /* 0: not there */
	bool there;
};

static size_t slot_of(const struct tree_pass *p, uint64_t device, uint64_t inode)
{
	uint64_t h = (inode ^ device << 32) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(h >> 20) & (p->slots_n - 1);

	while (p->slots[at]) {
		const struct tree_link *l = &p->links[p->slots[at] - 1];

		if (l->inode == inode && l->device == device)
			break;
		at = (at + 1) & (p->slots_n - 1);
	}
	return at;
}

static void grow(struct tree_pass *p)
{
	if (p->links_n * 2 < p->slots_n)
		return;
	free(p->slots);
	p->slots_n = p->slots_n ? 2 * p->slots_n : 256;
	p->slots = xcalloc(p->slots_n, sizeof *p->slots);
	for (size_t i = 0; i < p->links_n; i++)
		p->slots[slot_of(p, p->links[i].device, p->links[i].inode)] = i + 1;
}

bool tree_pass_first_name(struct tree_pass *p, const char *path, const struct tree_node *node,
                          const struct tree_node *there, size_t *link)
{
	size_t at;

	grow(p);
	at = slot_of(p, node->device, node->inode);
	if (!p->slots[at]) {
		ARRAY_GROW(p->links, p->links_n, p->links_room);
		p->links[p->links_n++] = (struct tree_link){
			.device = node->device,
			.inode = node->inode,
			.new_device = there ? there->device : 0,
			.new_inode = there ? there->inode : 0,
			.first = xstrdup(path),
		};
		*link = p->slots[at] = p->links_n;
		return true;
	}
	ARRAY_GROW(p->names, p->names_n, p->names_room);
	p->names[p->names_n++] = (struct tree_name){
		.path = xstrdup(path),
		.link = p->slots[at],
		.node = *node,
		.new_device = there ? there->device : 0,
		.new_inode = there ? there->inode : 0,
		.there = there != NULL,
	};
	*link = p->slots[at];
	return false;
}

void tree_pass_link_replaced(struct tree_pass *p, size_t link, bool failed)
{
	if (!link)
		return;
	p->links[link - 1].replaced = true;
	p->links[link - 1].failed = failed;
}

static bool is_name_of(const struct tree_name *n, const struct tree_link *l)
{
	return n->there && !l->replaced && n->new_inode == l->new_inode &&
	       n->new_device == l->new_device;
}

int tree_pass_names(struct tree_pass *p, struct error *err)
{
	for (size_t i = 0; i < p->names_n; i++) {
		struct tree_name *n = &p->names[i];
		const struct tree_link *l = &p->links[n->link - 1];
		struct tree_row row = { .action = TREE_HARD_TO, .node = n->node };

		if (l->failed) {
			tree_pass_failed(p, n->path,
			                 "the file, under another name, could not be copied");
			continue;
		}
		if (is_name_of(n, l)) {
			p->out->unchanged++;
			continue;
		}
		row.path = TAKE(n->path);
		row.to = xstrdup(l->first);
		row.there = n->there;
		tree_pass_add(p, &row);
		if (tree_pass_run_full(p, err) < 0)
			return -1;
	}
	return tree_pass_run(p, err);
}

void tree_pass_links_fini(struct tree_pass *p)
{
	for (size_t i = 0; i < p->links_n; i++)
		free(p->links[i].first);
	for (size_t i = 0; i < p->names_n; i++)
		free(p->names[i].path);
	free(p->links);
	free(p->names);
	free(p->slots);
}
