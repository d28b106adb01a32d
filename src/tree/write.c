/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/write.h"

#include "base/file.h"
#include "base/memory.h"
#include "tree/attributes.h"
#include "tree/batch.h"
#include "tree/below.h"
#include "tree/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define WRITEBACK (32u << 20)

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static void forget_now(struct tree_batch *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->open = b->skipping = false;
	tree_pending_fini(&b->now);
	tree_attributes_fini(&b->attributes);
}

void tree_put_drop(struct tree_batch *b)
{
	if (b->open && !b->skipping && b->now.from && tree_batch_enter(b, b->now.dir) == 0)
		(void)unlinkat(b->at_fd, b->now.from, 0);
	forget_now(b);
}

static void add_notes(struct tree_batch *b, uint64_t id, struct strings *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		tree_batch_note(b, id, xstrdup(notes->rows[i]));
}

static int check_closed(const struct tree_batch *b, struct error *err)
{
	if (!b->open)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "something came in the middle of a file");
}

static void begin(struct tree_batch *b, uint64_t id, const char *name)
{
	tree_pending_fini(&b->now);
	b->now = (struct pending){
		.id = id,
		.dir = xstrdup(b->at_dir),
		.from = xasprintf(TREE_TEMPORARY "%lx.%u", b->unique, b->number++),
		.to = xstrdup(name),
	};
}

static void add_pending(struct tree_batch *b)
{
	ARRAY_GROW(b->rows, b->n, b->room);
	b->rows[b->n++] = b->now;
	b->now = (struct pending){ 0 };
}

static void copy_attributes(const struct tree_attributes *from, struct tree_attributes *to)
{
	tree_attributes_fini(to);
	for (size_t i = 0; i < from->n; i++)
		tree_attributes_add(to, from->rows[i].name, buf_span(&from->rows[i].value));
}

static int create(struct tree_batch *b)
{
	return openat(b->at_fd, b->now.from, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	              0600);
}

int tree_put_file(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
                  const struct tree_attributes *attributes, struct error *err)
{
	const char *name;

	if (check_closed(b, err) < 0)
		return -1;
	b->open = true;
	b->node = *node;
	b->node.target = NULL;
	tree_digest_begin(&b->digest);
	copy_attributes(attributes, &b->attributes);
	if (node->size <= INT64_MAX && tree_batch_enter_parent(b, path, &name) == 0) {
		begin(b, id, name);
		b->fd = create(b);
		if (b->fd >= 0)
			return 0;
	} else if (node->size > INT64_MAX) {
		errno = EFBIG;
	}
	b->skipping = true;
	return tree_batch_fail_errno(b, id, "create it", err);
}

int tree_put_bytes(struct tree_batch *b, uint64_t offset, struct span bytes, struct error *err)
{
	uint64_t at = offset;

	if (!b->open || offset < b->digest.at || bytes.n > b->node.size ||
	    offset > b->node.size - bytes.n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "octets came that belong to no file");
	tree_digest_add_zeros(&b->digest, offset - b->digest.at);
	tree_digest_add(&b->digest, bytes.p, bytes.n);
	while (bytes.n && !b->skipping) {
		ssize_t n = pwrite(b->fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int why = errno;
			uint64_t id = b->now.id;

			(void)unlinkat(b->at_fd, b->now.from, 0);
			b->skipping = true;
			errno = why;
			return tree_batch_fail_errno(b, id, "write it", err);
		}
		at += (uint64_t)n;
		bytes = span_from(bytes, (size_t)n);
	}
	/* a large file goes to the disk while it comes, not all of it at the commit */
	if (!b->skipping && at / WRITEBACK != offset / WRITEBACK)
		(void)sync_file_range(b->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int finish(struct tree_batch *b, struct error *err)
{
	AUTO_STRINGS struct strings notes = { 0 };

	if (ftruncate(b->fd, (off_t)b->node.size) < 0)
		return error_system(err, "give it its size");
	if (tree_attributes_give(b->fd, &b->node, &b->attributes, &notes, err) < 0)
		return -1;
	add_notes(b, b->now.id, &notes);
	return 0;
}

int tree_put_done(struct tree_batch *b, const struct digest *expected, struct error *err)
{
	struct digest got;

	if (!b->open)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "no file was begun");
	tree_digest_add_zeros(&b->digest, b->node.size - b->digest.at);
	got = tree_digest_end(&b->digest);
	if (!digest_equal(&got, expected)) {
		tree_put_drop(b);
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		                 "what arrived is not what was sent");
	}
	if (b->skipping) {
		forget_now(b);
		return 0;
	}
	if (finish(b, err) < 0) {
		uint64_t id = b->now.id;

		tree_put_drop(b);
		return tree_batch_fail(b, id, err);
	}
	tree_batch_hold(b, fd_take(&b->fd));
	add_pending(b);
	forget_now(b);
	return 0;
}

int tree_put_link(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
                  struct error *err)
{
	struct timespec times[2] = { tree_time(node->mtime_ns), tree_time(node->mtime_ns) };
	const char *name;

	if (check_closed(b, err) < 0)
		return -1;
	if (tree_batch_enter_parent(b, path, &name) < 0)
		return tree_batch_fail_errno(b, id, "make the link", err);
	begin(b, id, name);
	if (symlinkat(node->target, b->at_fd, b->now.from) < 0) {
		tree_pending_fini(&b->now);
		return tree_batch_fail_errno(b, id, "make the link", err);
	}
	if (fchownat(b->at_fd, b->now.from, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
		tree_batch_note(
			b, id, xasprintf("owner %u:%u: %s", node->uid, node->gid, strerror(errno)));
	if (utimensat(b->at_fd, b->now.from, times, AT_SYMLINK_NOFOLLOW) < 0)
		tree_batch_note(b, id, xasprintf("time: %s", strerror(errno)));
	tree_batch_hold(b, -1);
	add_pending(b);
	return 0;
}

int tree_put_hard(struct tree_batch *b, uint64_t id, const char *path, const char *to,
                  struct error *err)
{
	const char *name, *to_name;
	AUTO_CLOSE int to_dir = tree_open_parent(b->rootfd, to, &to_name);

	if (check_closed(b, err) < 0)
		return -1;
	if (to_dir < 0 || tree_batch_enter_parent(b, path, &name) < 0)
		return tree_batch_fail_errno(b, id, "give the file another name", err);
	begin(b, id, name);
	b->now.hard = true;
	if (linkat(to_dir, to_name, b->at_fd, b->now.from, 0) < 0) {
		tree_pending_fini(&b->now);
		return tree_batch_fail_errno(b, id, "give the file another name", err);
	}
	tree_batch_hold(b, -1);
	add_pending(b);
	return 0;
}

/* ── at once ─────────────────────────────────────────────────────────────────────────────────── */

int tree_make_dir(struct tree_batch *b, uint64_t id, const char *path, struct error *err)
{
	const char *name;
	struct stat st;

	if (check_closed(b, err) < 0)
		return -1;
	if (tree_batch_enter_parent(b, path, &name) < 0)
		return tree_batch_fail_errno(b, id, "make it", err);
	if (mkdirat(b->at_fd, name, 0700) < 0) {
		if (errno != EEXIST || fstatat(b->at_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return tree_batch_fail_errno(b, id, "make it", err);
		if (!S_ISDIR(st.st_mode) &&
		    (unlinkat(b->at_fd, name, 0) < 0 || mkdirat(b->at_fd, name, 0700) < 0))
			return tree_batch_fail_errno(b, id, "make it", err);
	}
	tree_batch_hold(b, -1);
	return 0;
}

int tree_set(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
             const struct tree_attributes *attributes, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	AUTO_CLOSE int fd = tree_open_below(b->rootfd, path, O_RDONLY | O_NONBLOCK);
	AUTO_STRINGS struct strings notes = { 0 };
	struct tree_node there;
	struct stat st;

	if (check_closed(b, err) < 0)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return tree_batch_fail_errno(b, id, "open it", err);
	there = tree_node_of(&st);
	if (there.kind != node->kind || (there.kind == TREE_FILE && there.links != 1)) {
		error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_LATER, 0,
		          "it is not what it was on the new side");
		return tree_batch_fail(b, id, err);
	}
	if (tree_attributes_give(fd, node, attributes, &notes, err) < 0)
		return tree_batch_fail(b, id, err);
	add_notes(b, id, &notes);
	if (tree_batch_enter(b, dir) < 0)
		return tree_batch_fail_errno(b, id, "open its directory", err);
	/* another file system may be mounted there */
	if (there.kind == TREE_DIR)
		tree_batch_note_device(b, fd);
	tree_batch_hold(b, fd_take(&fd));
	return 0;
}

int tree_remove(struct tree_batch *b, uint64_t id, const char *path, bool whole, struct error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	if (check_closed(b, err) < 0)
		return -1;
	if (!*path || !tree_path_fits(path) || tree_batch_enter(b, dir) < 0) {
		if (!*path || !tree_path_fits(path))
			errno = EINVAL;
		return tree_batch_fail_errno(b, id, "remove it", err);
	}
	if (tree_remove_name(b->at_fd, name, whole, err) < 0)
		return tree_batch_fail(b, id, err);
	/* the directory that is kept open may have been in it */
	tree_batch_hold(b, -1);
	close(b->at_fd);
	b->at_fd = -1;
	return 0;
}
