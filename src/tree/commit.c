/* SPDX-License-Identifier: BSD-2-Clause */

/* commit -- what a batch made becomes durable and is put in place; what failed is told. */

#include "base/clock.h"
#include "base/memory.h"
#include "tree/batch.h"
#include "tree/below.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void tree_pending_fini(struct pending *p)
{
	free(p->dir);
	free(p->from);
	free(p->to);
	*p = (struct pending){ 0 };
}

struct tree_batch *tree_batch_new(int rootfd)
{
	struct tree_batch *b = xcalloc(1, sizeof *b);

	b->rootfd = rootfd;
	b->unique = (unsigned long)clock_wall_ms() << 20 ^ (unsigned long)getpid();
	b->fd = b->at_fd = -1;
	for (size_t i = 0; i < SYNC_ONE_BY_ONE; i++)
		b->held_files[i] = b->held_dirs[i] = -1;
	return b;
}

/* ── what failed ─────────────────────────────────────────────────────────────────────────────── */

/* What the next file would meet as well. */
static bool is_for_all(int e)
{
	return e == ENOSPC || e == EDQUOT || e == EIO || e == EROFS || e == ENOMEM || e == EMFILE ||
	       e == ENFILE;
}

static struct tree_told *tell(struct tree_batch *b, uint64_t id)
{
	ARRAY_GROW(b->told, b->told_n, b->told_room);
	b->told[b->told_n] = (struct tree_told){ .id = id };
	return &b->told[b->told_n++];
}

int tree_batch_fail(struct tree_batch *b, uint64_t id, const struct error *why)
{
	if (is_for_all(why->sys_errno) || why->scope == ERROR_SCOPE_HOST)
		return -1;
	tell(b, id)->why = *why;
	b->failures++;
	return 0;
}

int tree_batch_fail_errno(struct tree_batch *b, uint64_t id, const char *what, struct error *err)
{
	error_system(err, "%s", what);
	return tree_batch_fail(b, id, err);
}

void tree_batch_note(struct tree_batch *b, uint64_t id, char *words)
{
	tell(b, id)->note = words;
}

/* ── places ──────────────────────────────────────────────────────────────────────────────────── */

void tree_batch_note_device(struct tree_batch *b, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	for (size_t i = 0; i < b->devices_n; i++)
		if (b->devices[i].dev == st.st_dev)
			return;
	if (b->devices_n == DEVICES_MAX) {
		b->too_many_devices = true;
		return;
	}
	b->devices[b->devices_n++] = (struct device){
		st.st_dev, openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	};
}

int tree_batch_enter(struct tree_batch *b, const char *dir)
{
	int fd;

	if (b->at_fd >= 0 && !strcmp(b->at_dir, dir))
		return 0;
	fd = tree_open_below(b->rootfd, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -1;
	tree_batch_note_device(b, fd);
	if (b->at_fd >= 0)
		close(b->at_fd);
	free(b->at_dir);
	b->at_fd = fd;
	b->at_dir = xstrdup(dir);
	return 0;
}

int tree_batch_enter_parent(struct tree_batch *b, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	*name = slash ? slash + 1 : path;
	if (!*path || !tree_path_fits(path) || tree_name_is_temporary(*name)) {
		errno = EINVAL;
		return -1;
	}
	return tree_batch_enter(b, dir);
}

void tree_batch_hold(struct tree_batch *b, int file)
{
	if (b->changes < SYNC_ONE_BY_ONE) {
		b->held_files[b->changes] = file;
		b->held_dirs[b->changes] = fcntl(b->at_fd, F_DUPFD_CLOEXEC, 0);
	} else if (file >= 0) {
		close(file);
	}
	b->changes++;
}

/* ── commit ──────────────────────────────────────────────────────────────────────────────────── */

static int sync_devices(struct tree_batch *b, struct error *err)
{
	for (size_t i = 0; i < b->devices_n; i++) {
		if (syscall(SYS_syncfs, b->devices[i].fd) == 0)
			continue;
		if (errno != ENOSYS)
			return error_system(err, "sync the file system");
		sync(); /* before Linux 2.6.39; waits there as well */
	}
	if (b->too_many_devices)
		sync();
	return 0;
}

static int sync_held(const int fds[SYNC_ONE_BY_ONE], struct error *err)
{
	for (size_t i = 0; i < SYNC_ONE_BY_ONE; i++)
		if (fds[i] >= 0 && fsync(fds[i]) < 0)
			return error_system(err, "fsync");
	return 0;
}

static int sync_part(struct tree_batch *b, const int fds[SYNC_ONE_BY_ONE], struct error *err)
{
	return b->changes > SYNC_ONE_BY_ONE ? sync_devices(b, err) : sync_held(fds, err);
}

static int place(struct tree_batch *b, const struct pending *p, struct error *err)
{
	if (tree_batch_enter(b, p->dir) < 0)
		return tree_batch_fail_errno(b, p->id, "rename it into place", err);
	if (renameat(b->at_fd, p->from, b->at_fd, p->to) < 0) {
		int why = errno;

		(void)unlinkat(b->at_fd, p->from, 0);
		errno = why;
		return tree_batch_fail_errno(b, p->id, "rename it into place", err);
	}
	/* rename(2) of two names of one file does nothing */
	if (p->hard)
		(void)unlinkat(b->at_fd, p->from, 0);
	return 0;
}

/* Forgets all rows; of those after the first `placed`, the temporary files are removed. */
static void clear(struct tree_batch *b, size_t placed)
{
	for (size_t i = placed; i < b->n; i++)
		if (tree_batch_enter(b, b->rows[i].dir) == 0)
			(void)unlinkat(b->at_fd, b->rows[i].from, 0);
	for (size_t i = 0; i < b->n; i++)
		tree_pending_fini(&b->rows[i]);
	b->n = 0;
	for (size_t i = 0; i < SYNC_ONE_BY_ONE; i++) {
		fd_close_at(&b->held_files[i]);
		fd_close_at(&b->held_dirs[i]);
		b->held_files[i] = b->held_dirs[i] = -1;
	}
}

int tree_commit(struct tree_batch *b, const struct tree_told **told, size_t *told_n, uint64_t *done,
                struct error *err)
{
	size_t placed = 0;
	uint64_t failures = b->failures;
	int result;

	if (b->open)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "commit in the middle of a file");
	result = sync_part(b, b->held_files, err);
	while (result == 0 && placed < b->n) {
		result = place(b, &b->rows[placed], err);
		placed += result == 0;
	}
	if (result == 0)
		result = sync_part(b, b->held_dirs, err);
	clear(b, placed);
	if (result < 0)
		return -1;
	*told = b->told;
	*told_n = b->told_n;
	*done = b->changes - (b->failures - failures);
	b->changes = 0;
	return 0;
}

void tree_batch_free(struct tree_batch *b)
{
	if (!b)
		return;
	tree_put_drop(b);
	clear(b, 0);
	fd_close_at(&b->at_fd);
	fd_close_at(&b->rootfd);
	free(b->at_dir);
	for (size_t i = 0; i < b->devices_n; i++)
		fd_close_at(&b->devices[i].fd);
	for (size_t i = 0; i < b->told_n; i++)
		free(b->told[i].note);
	free(b->told);
	free(b->rows);
	free(b);
}
