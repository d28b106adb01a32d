/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *without_leading_slashes(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int file_open_below(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	path = without_leading_slashes(path);
	do {
		fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof how);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk_open(rootfd, path, flags, mode);
	return fd;
}

int file_open_parent_below(int rootfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	AUTO_FREE char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	if (!*last || !strcmp(last, ".") || !strcmp(last, "..")) {
		errno = EINVAL;
		return -1;
	}
	*name = last;
	return file_open_below(rootfd, dir, O_RDONLY | O_DIRECTORY, 0);
}

static int read_fd(int fd, const char *path, size_t limit, struct buf *out, struct error *err)
{
	AUTO_BUF struct buf made = { 0 };

	for (;;) {
		ssize_t n = read(fd, buf_room(&made, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s", path);
		if (n == 0)
			break;
		buf_grown(&made, (size_t)n);
		if (made.n > limit)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "%s is longer than %zu octets", path, limit);
	}
	buf_fini(out);
	*out = made;
	made = (struct buf){ 0 };
	return 0;
}

int file_read_below(int rootfd, const char *path, size_t limit, struct buf *out, struct error *err)
{
	/* O_NONBLOCK: a FIFO under the name must not hang us */
	AUTO_CLOSE int fd = file_open_below(rootfd, path, O_RDONLY | O_NONBLOCK, 0);

	if (fd < 0)
		return error_system(err, "open %s", path);
	return read_fd(fd, path, limit, out, err);
}

int file_read(const char *path, size_t limit, struct buf *out, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_system(err, "open %s", path);
	return read_fd(fd, path, limit, out, err);
}

int fd_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_then_rename(int dirfd, int fd, const char *temporary, const char *name,
                             mode_t mode, struct span data, struct error *err)
{
	if (fd_write_all(fd, data.p, data.n) < 0)
		return error_system(err, "write %s", name);
	if (fchmod(fd, mode) < 0)
		return error_system(err, "set the mode of %s", name);
	if (fsync(fd) < 0)
		return error_system(err, "fsync %s", name);
	if (renameat(dirfd, temporary, dirfd, name) < 0)
		return error_system(err, "rename to %s", name);
	if (fsync(dirfd) < 0)
		return error_system(err, "fsync the directory of %s", name);
	return 0;
}

int file_write_durable(int dirfd, const char *name, mode_t mode, struct span data,
                       struct error *err)
{
	AUTO_FREE char *temporary = xasprintf(".%s.new", name);

	/* what an interrupted write left behind has never been told to anyone */
	if (unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", temporary);

	AUTO_CLOSE int fd = openat(dirfd, temporary,
	                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_system(err, "create %s", temporary);
	if (write_then_rename(dirfd, fd, temporary, name, mode, data, err) < 0) {
		(void)unlinkat(dirfd, temporary, 0);
		return -1;
	}
	return 0;
}

int file_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* EINVAL: the file system does not know the flag, or the C library tells of ENOSYS so */
	if (errno != ENOSYS && errno != EINVAL)
		return -1;
	if (linkat(from_dir, from, to_dir, to, 0) == 0)
		return unlinkat(from_dir, from, 0);
	if (errno == EEXIST)
		return -1;
	/* a directory, or a file system without links: here a race is left, which rename(2) itself
	 * refuses to lose for directories that hold something */
	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_dir, from, to_dir, to);
}

int file_write_path_durable(const char *path, mode_t mode, struct span data, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(path, slash > path ? (size_t)(slash - path) : 1)
	                            : xstrdup(".");

	AUTO_CLOSE int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return error_system(err, "open %s", dir);
	return file_write_durable(dirfd, slash ? slash + 1 : path, mode, data, err);
}
