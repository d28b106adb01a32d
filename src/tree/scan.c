/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/scan.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "tree/below.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How often a directory that does not come to rest is read. */
#define LOOKS_MAX 3

struct name {
	ino_t inode;
	char *text; /* owned */
};
struct names {
	struct name *rows;
	size_t n, room;
};

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->rows[i].text);
	free(names->rows);
	*names = (struct names){ 0 };
}
#define AUTO_SCAN_NAMES __attribute__((cleanup(names_clear)))

static int read_names(int dirfd, struct names *out, struct error *err)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int why;

	if (!dir)
		return error_system(err, "open it");
	(void)fd_take(&fd);
	while ((void)(errno = 0), (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = (struct name){ entry->d_ino, xstrdup(entry->d_name) };
	}
	why = errno;
	closedir(dir);
	errno = why;
	return why ? error_system(err, "read its names") : 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static char *read_target(int dirfd, const char *name)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, text, sizeof text);

	if (n < 0 || n == sizeof text)
		return NULL;
	return xstrndup(text, (size_t)n);
}

/* 0 told or gone, -1. */
static int tell(int dirfd, const char *name, const struct tree_sink *sink, bool *settled,
                struct error *err)
{
	struct tree_node node = { 0 };
	struct stat st;
	int result;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		node = tree_node_of(&st);
	} else if (errno == ENOENT) {
		*settled = false;
		return 0;
	}
	if (node.kind == TREE_LINK) {
		node.target = read_target(dirfd, name);
		if (!node.target)
			node.kind = TREE_UNKNOWN;
	}
	result = sink->entry(sink->context, name, &node, err);
	tree_node_fini(&node);
	return result;
}

int tree_scan(int rootfd, const char *path, struct tree_node *self, const struct tree_sink *sink,
              bool *settled, struct error *err)
{
	AUTO_CLOSE int fd = tree_open_below(rootfd, path, O_RDONLY | O_DIRECTORY);
	AUTO_SCAN_NAMES struct names names = { 0 };
	struct stat before, after;

	if (fd < 0)
		return error_system(err, "open it");
	for (int look = 0; look < LOOKS_MAX; look++) {
		names_clear(&names);
		if (fstat(fd, &before) < 0)
			return error_system(err, "stat it");
		if (read_names(fd, &names, err) < 0)
			return -1;
		if (fstat(fd, &after) < 0)
			return error_system(err, "stat it");
		*self = tree_node_of(&before);
		*settled = self->mtime_ns == tree_node_of(&after).mtime_ns;
		if (*settled)
			break;
	}
	/* in the order in which inodes lie on most disks */
	if (names.n)
		qsort(names.rows, names.n, sizeof *names.rows, by_inode);
	for (size_t i = 0; i < names.n; i++)
		if (tell(fd, names.rows[i].text, sink, settled, err) < 0)
			return -1;
	return 0;
}
