/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LIST_DEPTH_MAX 64u

/* A path from the wire as a C string; one with a NUL inside is nobody's file. */
static int get_path(struct wire_reader *r, char **out, struct error *err)
{
	struct span path = wire_get_span(r);

	if (span_find(path, 0) >= 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "a path with a NUL octet");
	*out = xstrndup(path.p, path.n);
	return 0;
}

int agent_read(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf chunk = { 0 };
	struct stat st;
	uint64_t offset, most;

	if (get_path(r, &path, err) < 0)
		return -1;
	offset = wire_get_u64(r);
	most = wire_get_u64(r);
	if (wire_read_end(r, "READ", err) < 0)
		return -1;

	/* O_NONBLOCK: a FIFO under the name must not hang the agent */
	AUTO_CLOSE int fd = file_open_below(a->rootfd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return error_system(err, "open %s", path);
	if (fstat(fd, &st) < 0)
		return error_system(err, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EISDIR,
		                 "%s is not a regular file", path);
	while (most) {
		size_t want = most < WIRE_CHUNK ? (size_t)most : WIRE_CHUNK;
		ssize_t n = pread(fd, buf_room(&chunk, want), want, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s", path);
		if (n == 0)
			break;
		buf_grown(&chunk, (size_t)n);
		if (agent_send(a, buf_span(&chunk), err) < 0)
			return -1;
		buf_reset(&chunk);
		offset += (uint64_t)n;
		most -= (uint64_t)n;
	}
	wire_put_u64(end, (uint64_t)st.st_size);
	return 0;
}

static int send_entry(struct agent *a, int dirfd, const char *name, const char *path,
                      const struct stat *st, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };
	char target[4096];
	ssize_t n = 0;

	if (S_ISLNK(st->st_mode))
		n = readlinkat(dirfd, name, target, sizeof target);
	wire_put_entry(&body,
	               &(struct wire_entry){
			       .path = span_of(path),
			       .mode = st->st_mode,
			       .uid = st->st_uid,
			       .gid = st->st_gid,
			       .size = (uint64_t)st->st_size,
			       .links = st->st_nlink,
			       .inode = st->st_ino,
			       .mtime_ns = (uint64_t)((int64_t)st->st_mtim.tv_sec * 1000000000 +
	                                              st->st_mtim.tv_nsec),
			       .target = { target, n > 0 ? (size_t)n : 0 },
		       });
	return agent_send(a, buf_span(&body), err);
}

/* Lists what is in `dirfd`, whose path below the listed one is `prefix` ("" or "a/b/"). */
static int list_directory(struct agent *a, int dirfd, const char *prefix, uint64_t depth,
                          struct error *err)
{
	int again = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int result = 0;

	if (!dir)
		return error_system(err, "list %s", prefix);
	for (errno = 0; result == 0 && (entry = readdir(dir)); errno = 0) {
		AUTO_FREE char *path = xasprintf("%s%s", prefix, entry->d_name);
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		/* gone since readdir: it is not there, and that is the truth */
		if (fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		result = send_entry(a, dirfd, entry->d_name, path, &st, err);
		if (result == 0 && depth > 1 && S_ISDIR(st.st_mode)) {
			AUTO_FREE char *below = xasprintf("%s/", path);
			AUTO_CLOSE int fd = openat(dirfd, entry->d_name,
			                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd >= 0)
				result = list_directory(a, fd, below, depth - 1, err);
		}
	}
	/* a part of a list would be taken for all of it */
	if (result == 0 && errno)
		result = error_system(err, "list %s", prefix);
	closedir(dir);
	return result;
}

int agent_list(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = NULL;
	const char *name = ".";
	struct stat st;
	uint64_t depth;

	if (get_path(r, &path, err) < 0)
		return -1;
	depth = wire_get_u64(r);
	if (wire_read_end(r, "LIST", err) < 0)
		return -1;
	if (depth > LIST_DEPTH_MAX)
		depth = LIST_DEPTH_MAX;

	/* "/" has no parent to look at it from */
	AUTO_CLOSE int parent = path[strspn(path, "/")]
	                                ? file_open_parent_below(a->rootfd, path, &name)
	                                : fcntl(a->rootfd, F_DUPFD_CLOEXEC, 0);
	if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_system(err, "list %s", path);
	if (send_entry(a, parent, name, "", &st, err) < 0)
		return -1;
	if (!depth || !S_ISDIR(st.st_mode))
		return 0;

	AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_system(err, "open %s", path);
	return list_directory(a, fd, "", depth, err);
}

int agent_space(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = NULL;
	struct statvfs v;
	struct stat st;

	if (get_path(r, &path, err) < 0 || wire_read_end(r, "SPACE", err) < 0)
		return -1;

	/* not O_PATH, whose statfs(2) is refused before Linux 3.12 */
	AUTO_CLOSE int fd = file_open_below(a->rootfd, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstatvfs(fd, &v) < 0 || fstat(fd, &st) < 0)
		return error_system(err, "statvfs %s", path);
	wire_put_u64(end, (uint64_t)v.f_bavail * v.f_frsize);
	wire_put_u64(end, (uint64_t)v.f_favail);
	wire_put_u64(end, (uint64_t)v.f_blocks * v.f_frsize);
	wire_put_u64(end, (uint64_t)v.f_fsid);
	wire_put_u64(end, (uint64_t)st.st_dev);
	return 0;
}

int agent_write(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = NULL;
	const char *name;
	uint64_t mode, uid, gid;
	struct span data;

	if (get_path(r, &path, err) < 0)
		return -1;
	mode = wire_get_u64(r);
	uid = wire_get_u64(r);
	gid = wire_get_u64(r);
	data = wire_get_span(r);
	if (wire_read_end(r, "WRITE", err) < 0)
		return -1;

	AUTO_CLOSE int dir = file_open_parent_below(a->rootfd, path, &name);
	if (dir < 0)
		return error_system(err, "open the directory of %s", path);
	/* under a name of its own until the owner is right, so that nobody reads it too early */
	AUTO_FREE char *early = xasprintf(".%s.mailhaul", name);
	if (file_write_durable(dir, early, (mode_t)(mode & 07777), data, err) < 0)
		return error_context(err, "%s", path);
	if (fchownat(dir, early, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, early, (mode_t)(mode & 07777), 0) < 0)
		return error_system(err, "set the owner of %s", path);
	if (renameat(dir, early, dir, name) < 0 || fsync(dir) < 0)
		return error_system(err, "rename to %s", path);
	return 0;
}

int agent_rename(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *from = NULL, *to = NULL;
	const char *from_name, *to_name;

	if (get_path(r, &from, err) < 0 || get_path(r, &to, err) < 0 ||
	    wire_read_end(r, "RENAME", err) < 0)
		return -1;

	AUTO_CLOSE int from_dir = file_open_parent_below(a->rootfd, from, &from_name);
	AUTO_CLOSE int to_dir = file_open_parent_below(a->rootfd, to, &to_name);
	if (from_dir < 0 || to_dir < 0)
		return error_system(err, "open the directories of %s and %s", from, to);
	if (file_rename_new(from_dir, from_name, to_dir, to_name) < 0)
		return error_system(err, "rename %s to %s", from, to);
	if (fsync(from_dir) < 0 || fsync(to_dir) < 0)
		return error_system(err, "fsync after the rename of %s", from);
	return 0;
}

/* A directory like those that hold it: our umask keeps what the host has from others' eyes until it
 * has its own mode, and a parent has none but this. */
static int make_parent(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) < 0)
		return errno == EEXIST ? 0 : -1;

	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -1 : fchmod(fd, 0755);
}

/* Makes `path`'s missing parents, owner root, mode 0755. */
static int make_parents(struct agent *a, char *path, struct error *err)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *name;

		*slash = 0;
		AUTO_CLOSE int dir = file_open_parent_below(a->rootfd, path, &name);
		if (dir < 0 || make_parent(dir, name) < 0)
			return error_system(err, "make %s", path);
		if (fsync(dir) < 0)
			return error_system(err, "fsync the directory of %s", path);
		*slash = '/';
	}
	return 0;
}

int agent_mkdir(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_FREE char *path = NULL;
	const char *name;
	uint64_t mode, uid, gid;
	struct stat st;

	if (get_path(r, &path, err) < 0)
		return -1;
	mode = wire_get_u64(r);
	uid = wire_get_u64(r);
	gid = wire_get_u64(r);
	if (wire_read_end(r, "MKDIR", err) < 0 || make_parents(a, path, err) < 0)
		return -1;

	AUTO_CLOSE int dir = file_open_parent_below(a->rootfd, path, &name);
	if (dir < 0)
		return error_system(err, "open the directory of %s", path);
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return error_system(err, "make %s", path);

	/* O_NOFOLLOW: a symbolic link that stands there is not a directory of ours */
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_system(err, "open %s", path);
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
		return error_system(err, "set the owner of %s", path);
	if (fchmod(fd, (mode_t)(mode & 07777)) < 0 || fsync(dir) < 0)
		return error_system(err, "set the mode of %s", path);
	return 0;
}
