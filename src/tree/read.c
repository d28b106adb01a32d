/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/read.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "tree/attributes.h"
#include "tree/below.h"
#include "tree/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#define CHUNK (256u << 10)
/* Up to this size, a file that has all its blocks is not asked for holes. */
#define SMALL (64u << 10)

/* A kernel's clock for file times ticks at 100 Hz or faster; a file system without nanoseconds
 * keeps seconds, or (FAT) every second one. */
#define TICK_NS 10000000LL
#define COARSE_NS 2000000000LL

struct reading {
	int fd;
	const struct tree_reader *reader;
	struct tree_digest digest;
	char *chunk;
};

static int shorter(struct error *err)
{
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
	                 "it became shorter while it was read");
}

static int read_range(struct reading *r, uint64_t at, uint64_t end, struct error *err)
{
	while (at < end) {
		size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = pread(r->fd, r->chunk, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read it");
		if (n == 0)
			return shorter(err);
		tree_digest_add(&r->digest, r->chunk, (size_t)n);
		if (r->reader->bytes(r->reader->context, at, (struct span){ r->chunk, (size_t)n },
		                     err) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

/* The next stretch of data at or after `at`, inside the file. Where the file system knows of no
 * holes, all is data. */
static void next_data(int fd, uint64_t at, uint64_t size, uint64_t *from, uint64_t *to)
{
	off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

	*from = at;
	*to = size;
	if (data < 0) {
		if (errno == ENXIO)
			*from = size;
		return;
	}
	if ((uint64_t)data >= size) {
		*from = size;
		return;
	}
	*from = (uint64_t)data;
	hole = lseek(fd, data, SEEK_HOLE);
	if (hole > data && (uint64_t)hole < size)
		*to = (uint64_t)hole;
}

static int read_content(struct reading *r, const struct stat *st, struct error *err)
{
	uint64_t size = (uint64_t)st->st_size, at = 0, from, to;

	if (size <= SMALL && (uint64_t)st->st_blocks * 512 >= size)
		return read_range(r, 0, size, err);
	while (at < size) {
		next_data(r->fd, at, size, &from, &to);
		tree_digest_add_zeros(&r->digest, from - at);
		if (read_range(r, from, to, err) < 0)
			return -1;
		at = from < size ? to : size;
	}
	return 0;
}

static bool is_young(const struct tree_node *node)
{
	struct timespec now;
	int64_t now_ns, grain = node->ctime_ns % 1000000000 ? TICK_NS : COARSE_NS;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	/* nor is one from the future trusted */
	return node->ctime_ns + grain >= now_ns;
}

static int open_it(int rootfd, const char *path)
{
	/* O_NONBLOCK: a FIFO under the name must not hang us. O_NOATIME is for owner and root. */
	int flags = O_RDONLY | O_NONBLOCK;
	int fd = tree_open_below(rootfd, path, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = tree_open_below(rootfd, path, flags);
	return fd;
}

static int check_still(struct reading *r, const struct tree_node *before, struct error *err)
{
	struct tree_node after;
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return error_system(err, "stat it");
	after = tree_node_of(&st);
	if (tree_node_same_version(before, &after))
		return 0;
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
	                 "it changed while it was read");
}

int tree_read(int rootfd, const char *path, enum tree_want want, const struct tree_reader *reader,
              struct digest *digest, bool *young, struct error *err)
{
	AUTO_CLOSE int fd = open_it(rootfd, path);
	AUTO_FREE char *chunk = NULL;
	AUTO_TREE_ATTRIBUTES struct tree_attributes attributes = { 0 };
	struct reading r = { .fd = fd, .reader = reader };
	struct tree_node node;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_system(err, "open it");
	node = tree_node_of(&st);
	if (node.kind != TREE_FILE && (node.kind != TREE_DIR || want != TREE_WANT_META))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0, "it is %s by now",
		                 tree_kind_words(node.kind));
	*young = is_young(&node);
	if (tree_attributes_read(fd, &attributes, err) < 0 ||
	    reader->begin(reader->context, &node, &attributes, err) < 0)
		return -1;
	*digest = (struct digest){ 0 };
	if (want == TREE_WANT_META)
		return 0;
	tree_digest_begin(&r.digest);
	r.chunk = chunk = xmalloc(CHUNK);
	if (read_content(&r, &st, err) < 0 || check_still(&r, &node, err) < 0)
		return -1;
	*digest = tree_digest_end(&r.digest);
	return 0;
}
