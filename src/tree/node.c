/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/node.h"

#include "base/memory.h"
#include "mail/flags.h"

#include <stdlib.h>
#include <string.h>

void tree_node_fini(struct tree_node *n)
{
	free(n->target);
	n->target = NULL;
}

static enum tree_kind kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return TREE_FILE;
	case S_IFDIR:
		return TREE_DIR;
	case S_IFLNK:
		return TREE_LINK;
	case S_IFIFO:
		return TREE_FIFO;
	case S_IFSOCK:
		return TREE_SOCKET;
	default:
		return TREE_DEVICE;
	}
}

struct tree_node tree_node_of(const struct stat *st)
{
	return (struct tree_node){
		.kind = kind_of(st->st_mode),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = (uint64_t)st->st_size,
		.links = st->st_nlink,
		.inode = st->st_ino,
		.device = st->st_dev,
		.mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
		.ctime_ns = st->st_ctim.tv_sec * 1000000000LL + st->st_ctim.tv_nsec,
	};
}

const char *tree_kind_words(enum tree_kind kind)
{
	static const char *const words[] = {
		[TREE_UNKNOWN] = "something",    [TREE_FILE] = "a file", [TREE_DIR] = "a directory",
		[TREE_LINK] = "a symbolic link", [TREE_FIFO] = "a FIFO", [TREE_SOCKET] = "a socket",
		[TREE_DEVICE] = "a device",
	};

	return words[kind];
}

bool tree_node_same_version(const struct tree_node *a, const struct tree_node *b)
{
	return a->kind == b->kind && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->inode == b->inode;
}

bool tree_path_fits(const char *path)
{
	return strlen(path) <= TREE_PATH_MAX && mail_path_fits(path);
}

bool tree_name_is_temporary(const char *name)
{
	return !strncmp(name, TREE_TEMPORARY, sizeof TREE_TEMPORARY - 1);
}

void tree_attributes_fini(struct tree_attributes *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->rows[i].name);
		buf_fini(&a->rows[i].value);
	}
	free(a->rows);
	strings_fini(&a->others);
	*a = (struct tree_attributes){ 0 };
}

void tree_attributes_add(struct tree_attributes *a, const char *name, struct span value)
{
	ARRAY_GROW(a->rows, a->n, a->room);
	a->rows[a->n] = (struct tree_attribute){ .name = xstrdup(name) };
	buf_add_span(&a->rows[a->n++].value, value);
}

static int by_name(const void *a, const void *b)
{
	const struct tree_attribute *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void tree_attributes_sort(struct tree_attributes *a)
{
	if (a->n)
		qsort(a->rows, a->n, sizeof *a->rows, by_name);
}

const struct tree_attribute *tree_attributes_find(const struct tree_attributes *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->rows[i].name, name))
			return &a->rows[i];
	return NULL;
}

bool tree_attributes_equal(const struct tree_attributes *a, const struct tree_attributes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct tree_attribute *other = tree_attributes_find(b, a->rows[i].name);

		if (!other || !span_equal(buf_span(&a->rows[i].value), buf_span(&other->value)))
			return false;
	}
	return true;
}

bool tree_attribute_is_carried(const char *name)
{
	static const char *const whole[] = {
		"security.capability",
		"system.posix_acl_access",
		"system.posix_acl_default",
	};

	if (!strncmp(name, "user.", 5))
		return true;
	for (size_t i = 0; i < ROWS(whole); i++)
		if (!strcmp(name, whole[i]))
			return true;
	return false;
}
