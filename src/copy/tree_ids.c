/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_ids -- numbers of users and groups on old become those of new. */

#include "copy/tree_pass.h"

#include "base/memory.h"

#include <string.h>

static uint32_t map(struct tree_pass *p, const struct copy_tree_id *rows, size_t n, uint32_t id,
                    const char *what)
{
	AUTO_FREE char *words = NULL;

	for (size_t i = 0; i < n; i++)
		if (rows[i].from == id)
			return rows[i].to;
	if (!n)
		return id;
	words = xasprintf("%s %u of the old side has no row in the map: the number is kept", what,
	                  id);
	if (!strings_has(&p->unmapped, words)) {
		strings_add(&p->unmapped, words);
		strings_add(&p->out->notes, words);
	}
	return id;
}

static uint32_t map_uid(void *context, uint32_t id)
{
	struct tree_pass *p = context;

	return map(p, p->options->uids, p->options->uids_n, id, "user");
}

static uint32_t map_gid(void *context, uint32_t id)
{
	struct tree_pass *p = context;

	return map(p, p->options->gids, p->options->gids_n, id, "group");
}

void tree_pass_map_node(struct tree_pass *p, const char *path, struct tree_node *node)
{
	const struct copy_tree_rules *rules = p->options->rules;

	node->uid = map_uid(p, node->uid);
	node->gid = map_gid(p, node->gid);
	if (rules && rules->dress)
		rules->dress(rules->context, path, node);
}

/* ── ACLs: u32 version, then u16 tag, u16 rights, u32 id; all little-endian ──────────────────── */

#define ACL_VERSION 2u
#define ACL_USER 0x02u
#define ACL_GROUP 0x08u
#define ACL_HEADER 4u
#define ACL_ENTRY 8u

static uint32_t get_u32(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u32(char *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (char)(value >> (8 * i));
}

bool tree_acl_map(struct buf *acl, uint32_t (*uid)(void *context, uint32_t id),
                  uint32_t (*gid)(void *context, uint32_t id), void *context)
{
	if (acl->n < ACL_HEADER || get_u32(acl->p) != ACL_VERSION ||
	    (acl->n - ACL_HEADER) % ACL_ENTRY)
		return false;
	for (size_t at = ACL_HEADER; at < acl->n; at += ACL_ENTRY) {
		uint32_t tag = get_u32(acl->p + at) & 0xffff;
		char *id = acl->p + at + 4;

		if (tag == ACL_USER)
			put_u32(id, uid(context, get_u32(id)));
		else if (tag == ACL_GROUP)
			put_u32(id, gid(context, get_u32(id)));
	}
	return true;
}

void tree_pass_map_attributes(struct tree_pass *p, struct tree_attributes *attributes)
{
	for (size_t i = 0; i < attributes->n; i++) {
		struct tree_attribute *a = &attributes->rows[i];

		/* one that is not understood goes as it is, and the kernel judges it */
		if (!strncmp(a->name, "system.posix_acl_", 17))
			(void)tree_acl_map(&a->value, map_uid, map_gid, p);
	}
}
