/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_export.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "lists/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PART (4ull << 20)

int archive_is_public(struct host *h, const struct lists_paths *paths, const char *list,
                      bool *is_public, struct error *err)
{
	AUTO_FREE char *below = xasprintf("%s/config.pck", list);
	AUTO_FREE char *path = lists_paths_join(paths, LISTS_LIST_DATA_DIR, below);
	AUTO_VALUE_FILE struct value_file file = { 0 };
	int64_t is_private = 1;

	*is_public = false;
	if (!path || !lists_name_is_good(span_of(list)))
		return 0;
	if (lists_file_read(h, path, &file, err) < 0)
		return lists_is_unreached(err) ? -1 : 0;
	*is_public = file.n &&
	             value_get_int(value_dict_find(file.rows[0], SPAN("archive_private")),
	                           &is_private) &&
	             is_private == 0;
	return 0;
}

/* Makes and opens one directory of ours. What stands there is taken if nobody else can get in. */
static int open_dir(int above, const char *name, mode_t mode, struct error *err)
{
	struct stat st;
	int fd;

	if (mkdirat(above, name, mode) < 0 && errno != EEXIST)
		return error_system(err, "%s", name);
	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_system(err, "%s", name);
	if (mode == 0700 && (fstat(fd, &st) < 0 || (st.st_mode & 077) || st.st_uid != geteuid())) {
		(void)close(fd);
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "%s: others can get into it, and it is for private archives", name);
		return error_hint(err, "chmod 700, or another directory");
	}
	return fd;
}

static int copy(struct host *h, const char *from, int fd, uint64_t *octets, struct error *err)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t size = 1;

	for (*octets = 0; *octets < size; *octets += part.n) {
		if (host_read_part(h, from, *octets, PART, &part, &size, err) < 0)
			return -1;
		if (!part.n)
			break;
		if (fd_write_all(fd, part.p, part.n) < 0)
			return error_system(err, "writing");
	}
	return fsync(fd) < 0 ? error_system(err, "writing") : 0;
}

static int take_away(int dirfd, const char *name, bool *removed, struct error *err)
{
	if (unlinkat(dirfd, name, 0) < 0)
		return errno == ENOENT ? 0 : error_system(err, "%s", name);
	*removed = true;
	return fsync(dirfd) < 0 ? error_system(err, "%s", name) : 0;
}

struct exporting {
	struct host *h;
	const struct lists_paths *paths;
	const char *list;
	int dirfd; /* where it goes, as it is known before reading */
	bool public_tree;
	struct archive_export *out;
};

/* It is whole, below a name that nobody takes for an archive, and nobody else can read it. */
static int publish(struct exporting *x, int fd, const char *part, const char *name,
                   struct error *err)
{
	bool still;

	if (archive_is_public(x->h, x->paths, x->list, &still, err) < 0)
		return -1;
	if (x->out->is_public && !still) {
		(void)unlinkat(x->dirfd, part, 0);
		x->out->outcome = ARCHIVE_EXPORT_PRIVATE;
		return take_away(x->dirfd, name, &x->out->removed, err);
	}
	if (fchmod(fd, x->public_tree ? 0644 : 0600) < 0 || fsync(fd) < 0 ||
	    renameat(x->dirfd, part, x->dirfd, name) < 0 || fsync(x->dirfd) < 0)
		return error_system(err, "%s", name);
	x->out->outcome = ARCHIVE_EXPORT_WRITTEN;
	return 0;
}

static int write_mbox(struct exporting *x, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s.mbox", x->list), *part = xasprintf(".%s.part", name);
	AUTO_FREE char *below = xasprintf("%s/%s", name, name);
	AUTO_FREE char *from = lists_paths_join(x->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, below);
	AUTO_CLOSE int fd = -1;

	x->out->outcome = ARCHIVE_EXPORT_NONE;
	if (!from || !host_has(x->h, from))
		return host_is_broken(x->h) ? error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
		                                        "host %s: lost", host_name(x->h))
		                            : 0;
	/* never one that was there before with a wider mode */
	if (unlinkat(x->dirfd, part, 0) < 0 && errno != ENOENT)
		return error_system(err, "%s", part);
	fd = openat(x->dirfd, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_system(err, "%s", part);
	if (copy(x->h, from, fd, &x->out->octets, err) < 0) {
		(void)unlinkat(x->dirfd, part, 0);
		return -1;
	}
	return publish(x, fd, part, name, err);
}

int archive_export(struct host *h, const struct lists_paths *paths, const char *list,
                   const char *dir, bool public_tree, struct archive_export *out, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s.mbox", list);
	struct exporting x = { h, paths, list, -1, public_tree, out };
	AUTO_CLOSE int top = -1, closed = -1, open_ = -1;

	*out = (struct archive_export){ 0 };
	if (!lists_name_is_good(span_of(list)))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "%s is no name of a list", list);
	if (archive_is_public(h, paths, list, &out->is_public, err) < 0)
		return -1;
	if (mkdir(dir, public_tree ? 0755 : 0700) < 0 && errno != EEXIST)
		return error_system(err, "%s", dir);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return error_system(err, "%s", dir);
	if (public_tree) {
		if (!out->is_public) {
			out->outcome = ARCHIVE_EXPORT_PRIVATE;
			return take_away(top, name, &out->removed, err);
		}
		x.dirfd = top;
		(void)snprintf(out->path, sizeof out->path, "%s", name);
		return write_mbox(&x, err);
	}
	closed = open_dir(top, "private", 0700, err);
	open_ = closed < 0 ? -1 : open_dir(top, "public", 0755, err);
	if (open_ < 0 || (!out->is_public && take_away(open_, name, &out->removed, err) < 0))
		return error_context(err, "%s", dir);
	x.dirfd = out->is_public ? open_ : closed;
	(void)snprintf(out->path, sizeof out->path, "%s/%s", out->is_public ? "public" : "private",
	               name);
	if (write_mbox(&x, err) < 0)
		return -1;
	/* it has become private while it was read */
	if (out->outcome == ARCHIVE_EXPORT_PRIVATE)
		return archive_export(h, paths, list, dir, public_tree, out, err);
	return out->is_public && out->outcome == ARCHIVE_EXPORT_WRITTEN
	               ? take_away(closed, name, &out->removed, err)
	               : 0;
}

int archive_export_withdraw(struct host *h, const struct lists_paths *paths, const char *list,
                            const char *dir, bool *removed, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s.mbox", list);
	AUTO_CLOSE int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_public;

	*removed = false;
	if (top < 0)
		return errno == ENOENT ? 0 : error_system(err, "%s", dir);
	if (archive_is_public(h, paths, list, &is_public, err) < 0)
		return -1;
	return is_public ? 0 : take_away(top, name, removed, err);
}
