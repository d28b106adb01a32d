/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * node -- what one name in a file tree stands for, as inode(7) has it, and which names and paths
 * may stand in a tree at all.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum tree_kind {
	TREE_UNKNOWN, /* it is there, and could not be looked at */
	TREE_FILE,
	TREE_DIR,
	TREE_LINK,
	TREE_FIFO,
	TREE_SOCKET,
	TREE_DEVICE,
};

struct tree_node {
	enum tree_kind kind;
	uint32_t mode; /* the bits of 07777 */
	uint32_t uid, gid;
	uint64_t size, links, inode, device;
	int64_t mtime_ns, ctime_ns; /* since 1970 UTC */
	char *target;               /* owned; what a symbolic link says, else NULL */
};
void tree_node_fini(struct tree_node *n);
/* Everything but the target. */
struct tree_node tree_node_of(const struct stat *st);
const char *tree_kind_words(enum tree_kind kind); /* "a FIFO" */
/* Size, both times and inode say that nothing was written in between. */
bool tree_node_same_version(const struct tree_node *a, const struct tree_node *b);

/* Longest path below a root, in octets: PATH_MAX without its NUL. Deeper trees are told of. */
#define TREE_PATH_MAX 4095u
/* A path below a root that fits (mail_path_fits()) and is not too long. */
bool tree_path_fits(const char *path);
/* Names under which files lie until they are whole; they are no part of any tree. */
#define TREE_TEMPORARY "mailhaul.tmp."
bool tree_name_is_temporary(const char *name);

struct tree_attribute {
	char *name;       /* owned */
	struct buf value; /* any octets */
};
/* Extended attributes, xattr(7), by name. */
struct tree_attributes {
	struct tree_attribute *rows; /* owned */
	size_t n, room;
	struct strings others; /* names of those that are not carried */
};
#define AUTO_TREE_ATTRIBUTES __attribute__((cleanup(tree_attributes_fini)))
void tree_attributes_fini(struct tree_attributes *a);
void tree_attributes_add(struct tree_attributes *a, const char *name, struct span value);
void tree_attributes_sort(struct tree_attributes *a);
const struct tree_attribute *tree_attributes_find(const struct tree_attributes *a,
                                                  const char *name);
bool tree_attributes_equal(const struct tree_attributes *a, const struct tree_attributes *b);
/* user.*, security.capability and the POSIX ACLs are carried. Others are bound to their host
 * (labels of SELinux, signatures of IMA, overlay marks). */
bool tree_attribute_is_carried(const char *name);
/* Most octets of names and values that one file may bring. */
#define TREE_ATTRIBUTES_MAX (1u << 20)
