/* SPDX-License-Identifier: BSD-2-Clause */

/* The records of file trees, as either end may send them. */

#include "fuzz/fuzz.h"
#include "wire/mailbox.h"
#include "wire/tree.h"

#include <stdlib.h>
#include <string.h>

static void read_path(struct wire_reader *r)
{
	char *path = wire_get_tree_path(r);

	if (!r->bad && (path[0] == '/' || strstr(path, "//") || !strcmp(path, "..") ||
	                !strncmp(path, "../", 3) || strstr(path, "/../")))
		__builtin_trap();
	free(path);
}

static void read_node(struct wire_reader *r)
{
	struct tree_node node;

	wire_get_node(r, &node);
	if (!r->bad && ((node.kind == TREE_LINK) != (node.target != NULL) || node.mode > 07777))
		__builtin_trap();
	tree_node_fini(&node);
}

static void read_attributes(struct wire_reader *r)
{
	struct tree_attributes attributes;

	wire_get_attributes(r, &attributes);
	for (size_t i = 0; i < attributes.n; i++)
		if (!tree_attribute_is_carried(attributes.rows[i].name))
			__builtin_trap();
	tree_attributes_fini(&attributes);
}

static void read_record(struct wire_reader *r)
{
	char *name;

	switch (wire_get_u64(r)) {
	case WIRE_TREE_ENTRY:
		name = wire_get_tree_name(r);
		if (!r->bad && (!*name || strchr(name, '/')))
			__builtin_trap();
		free(name);
		read_node(r);
		break;
	case WIRE_TREE_DIR:
		read_node(r);
		(void)wire_get_u64(r);
		break;
	case WIRE_TREE_BEGIN:
		read_node(r);
		read_attributes(r);
		(void)wire_get_u64(r);
		break;
	case WIRE_TREE_DONE:
		(void)wire_get_digest(r);
		(void)wire_get_u64(r);
		break;
	case WIRE_TREE_PUT_FILE:
	case WIRE_TREE_SET:
		(void)wire_get_u64(r);
		read_path(r);
		read_node(r);
		read_attributes(r);
		break;
	case WIRE_TREE_PUT_HARD:
		(void)wire_get_u64(r);
		read_path(r);
		read_path(r);
		break;
	default:
		(void)wire_get_u64(r);
		(void)wire_get_span(r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = { .rest = { (const char *)data, size } };

	while (r.rest.n && !r.bad)
		read_record(&r);
	return 0;
}
