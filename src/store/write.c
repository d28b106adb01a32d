/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/write.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "mail/flags.h"
#include "store/batch.h"
#include "store/change.h"
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* So much is written before the disk is told to begin. */
#define AHEAD_OCTETS (16u << 20)

struct write_batch *write_batch_new(int rootfd)
{
	struct write_batch *b = xcalloc(1, sizeof *b);

	b->rootfd = rootfd;
	b->fd = b->at_fd = b->aside_fd = b->under_way.fd = -1;
	return b;
}

static DIR *open_dir(int dirfd)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)fd_take(&fd);
	return dir;
}

/* All files whose names begin so. */
static void remove_files(int dirfd, const char *begin)
{
	DIR *dir = open_dir(dirfd);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, begin, strlen(begin)))
			(void)unlinkat(dirfd, entry->d_name, 0);
	closedir(dir);
}

static void remove_leftovers(int dirfd)
{
	AUTO_CLOSE int aside = batch_open_aside(dirfd);

	remove_files(dirfd, BATCH_TEMPORARY);
	if (aside < 0)
		return;
	remove_files(aside, "");
	(void)unlinkat(dirfd, BATCH_ASIDE, AT_REMOVEDIR);
}

static bool is_in(const struct pending *rows, size_t n, const char *root, const char *dir)
{
	for (size_t i = n; i-- > 0;)
		if (!rows[i].same_dir && !strcmp(rows[i].from_dir, dir) &&
		    !strcmp(rows[i].root, root))
			return true;
	return false;
}

static bool is_used(const struct write_batch *b, const char *root, const char *dir)
{
	return is_in(b->rows, b->n, root, dir) ||
	       is_in(b->under_way.rows, b->under_way.n, root, dir);
}

int batch_enter(struct write_batch *b, const char *root, const char *dir, struct error *err)
{
	int fd;

	if (b->at_fd >= 0 && !strcmp(b->at_root, root) && !strcmp(b->at_dir, dir))
		return 0;
	fd = batch_open(b, root, dir, err);
	if (fd < 0)
		return -1;
	batch_leave_aside(b);
	b->at_messages = 0;
	b->at_used = is_used(b, root, dir);
	b->at_listed = false;
	if (!b->at_used)
		remove_leftovers(fd);
	sync_add_device(&b->contents, fd);
	if (b->at_fd >= 0)
		close(b->at_fd);
	free(b->at_root);
	free(b->at_dir);
	b->at_fd = fd;
	b->at_root = xstrdup(root);
	b->at_dir = xstrdup(dir);
	return 0;
}

static char *below(const char *folder, const char *name)
{
	return xasprintf("%s%s%s", folder, *folder ? "/" : "", name);
}

/* ── aside ───────────────────────────────────────────────────────────────────────────────────── */

/* Making a directory, and putting it in place, costs as much as to rename so many. */
#define ASIDE_FROM 16u /* messages of a folder */

static bool is_empty(int dirfd)
{
	DIR *dir = open_dir(dirfd);
	struct dirent *entry = NULL;

	if (!dir)
		return false;
	while ((entry = readdir(dir)) &&
	       (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")))
		;
	closedir(dir);
	return !entry;
}

/* Its owner and mode are those of cur/. Who may do what there by other rules (ACLs, labels) is not carried
 * over, so there must be none. */
static bool is_like(int fd, const struct stat *cur, struct stat *st)
{
	return flistxattr(fd, NULL, 0) <= 0 && fstat(fd, st) == 0 && st->st_dev == cur->st_dev &&
	       ((st->st_uid == cur->st_uid && st->st_gid == cur->st_gid) ||
	        fchown(fd, cur->st_uid, cur->st_gid) == 0) &&
	       fchmod(fd, cur->st_mode & 07777) == 0;
}

static void make_aside(struct write_batch *b, int curfd)
{
	AUTO_CLOSE int fd = -1;
	struct stat cur, st;

	if (fstat(curfd, &cur) < 0 || flistxattr(curfd, NULL, 0) > 0 || !is_empty(curfd) ||
	    mkdirat(b->at_fd, BATCH_ASIDE, 0700) < 0)
		return;
	fd = batch_open_aside(b->at_fd);
	if (fd < 0 || !is_like(fd, &cur, &st)) {
		(void)unlinkat(b->at_fd, BATCH_ASIDE, AT_REMOVEDIR);
		return;
	}
	ARRAY_GROW(b->asides, b->asides_n, b->asides_room);
	b->asides[b->asides_n++] = (struct batch_aside){
		.root = xstrdup(b->now.root),
		.from_dir = xstrdup(b->now.from_dir),
		.to_dir = xstrdup(b->now.to_dir),
		.dev = (uint64_t)st.st_dev,
		.inode = st.st_ino,
	};
	b->aside_fd = fd_take(&fd);
}

/* Before a message for cur/ is begun. */
static void consider_aside(struct write_batch *b)
{
	struct error ignored;

	if (b->at_used || ++b->at_messages != ASIDE_FROM)
		return;
	AUTO_CLOSE int curfd = batch_open(b, b->now.root, b->now.to_dir, &ignored);
	if (curfd >= 0)
		make_aside(b, curfd);
}

/* False: it has to go the other way. */
static bool open_aside(struct write_batch *b, const struct write_target *t)
{
	if (b->aside_fd < 0 || !t->folder || t->in_new)
		return false;
	b->fd = openat(b->aside_fd, b->now.to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	               t->mode & 0777);
	if (b->fd < 0)
		return false;
	b->now.aside = b->asides_n;
	b->now.from = xstrdup(b->now.to);
	return true;
}

static int open_temporary(struct write_batch *b, const struct write_target *t)
{
	b->now.from = xasprintf(BATCH_TEMPORARY "%u", b->number++);
	b->fd = openat(b->at_fd, b->now.from, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	               t->mode & 0777);
	return b->fd;
}

static int begin(struct write_batch *b, const struct write_target *t, struct error *err)
{
	mode_t mask;

	if (b->open)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "a second file was begun before the first was ended");
	if (batch_enter(b, t->root, b->now.from_dir, err) < 0)
		return -1;
	b->now.root = xstrdup(t->root);
	b->target = *t;
	digest_begin(&b->digest);
	if (t->folder && !t->in_new)
		consider_aside(b);
	/* the mode at once, and not by another change of the inode */
	mask = umask(0);
	if (!open_aside(b, t))
		(void)!open_temporary(b, t);
	umask(mask);
	if (b->fd < 0)
		return error_system(err, "create a file in %s/%s", t->root, b->now.from_dir);
	b->open = true;
	return 0;
}

int write_begin_message(struct write_batch *b, const struct write_target *t, struct error *err)
{
	if (!mail_name_fits(span_of(t->name)))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, EINVAL,
		                 "a file name that no message may have");
	batch_pending_fini(&b->now);
	b->now.from_dir = below(t->folder, "tmp");
	b->now.to_dir = below(t->folder, t->in_new ? "new" : "cur");
	b->now.to = xstrdup(t->name);
	return begin(b, t, err);
}

/* Copies the first octets of the file that is there. */
static int keep_octets(struct write_batch *b, uint64_t keep, struct error *err)
{
	AUTO_CLOSE int fd = openat(b->at_fd, b->now.to, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *chunk = xmalloc(1u << 18);

	if (fd < 0)
		return error_system(err, "open %s", b->now.to);
	while (keep) {
		size_t want = keep < 1u << 18 ? (size_t)keep : 1u << 18;
		ssize_t n = read(fd, chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(err, "read %s", b->now.to);
		if (n == 0)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
			                 "%s is shorter than it was", b->now.to);
		keep -= (uint64_t)n;
		if (write_bytes(b, (struct span){ chunk, (size_t)n }, err) < 0)
			return -1;
	}
	return 0;
}

static int split_path(struct write_batch *b, const struct write_target *t, struct error *err)
{
	const char *slash = strrchr(t->path, '/');
	AUTO_FREE char *dir = xstrndup(t->path, slash ? (size_t)(slash - t->path) : 0);
	const char *name = slash ? slash + 1 : t->path;

	if (!mail_name_fits(span_of(name)) ||
	    !strncmp(name, BATCH_TEMPORARY, strlen(BATCH_TEMPORARY)))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EINVAL,
		                 "a name that no file may have");
	if (change_make_directories(b->rootfd, t->root, dir, 0700, t->uid, t->gid, &b->directories,
	                            err) < 0)
		return -1;
	batch_pending_fini(&b->now);
	b->now.from_dir = xstrdup(dir);
	b->now.to_dir = xstrdup(dir);
	b->now.to = xstrdup(name);
	return 0;
}

int write_begin_file(struct write_batch *b, const struct write_target *t, struct error *err)
{
	if (split_path(b, t, err) < 0 || begin(b, t, err) < 0)
		return -1;
	return t->keep ? keep_octets(b, t->keep, err) : 0;
}

int write_bytes(struct write_batch *b, struct span bytes, struct error *err)
{
	if (!b->open)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "octets came for no file");
	if (fd_write_all(b->fd, bytes.p, bytes.n) < 0)
		return error_system(err, "write %s/%s", b->now.root, b->now.to_dir);
	if (!b->target.digested)
		digest_add(&b->digest, bytes.p, bytes.n);
	b->unsynced += bytes.n;
	return 0;
}

void write_drop(struct write_batch *b)
{
	if (!b->open)
		return;
	close(b->fd);
	b->fd = -1;
	b->open = false;
	(void)unlinkat(b->now.aside ? b->aside_fd : b->at_fd, b->now.from, 0);
	batch_pending_fini(&b->now);
}

static int set_attributes(struct write_batch *b, struct error *err)
{
	const struct write_target *t = &b->target;
	int64_t seconds = t->mtime_ns / 1000000000, rest = t->mtime_ns % 1000000000;
	struct timespec times[2];
	struct stat st;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	times[0] = times[1] = (struct timespec){ .tv_sec = seconds, .tv_nsec = (long)rest };
	if (fstat(b->fd, &st) < 0)
		return error_system(err, "stat %s", b->now.to);
	b->now.inode = st.st_ino;
	if ((st.st_uid != t->uid || st.st_gid != t->gid) && fchown(b->fd, t->uid, t->gid) < 0)
		return error_system(err, "give %s to user %u", b->now.to, t->uid);
	/* no set-uid bit ever comes out of a mailbox; a default ACL may have taken some of it */
	if (((st.st_mode ^ t->mode) & 0777 && fchmod(b->fd, t->mode & 0777) < 0) ||
	    futimens(b->fd, times) < 0)
		return error_system(err, "set mode and time of %s", b->now.to);
	return 0;
}

static void add_pending(struct write_batch *b, int fd)
{
	ARRAY_GROW(b->rows, b->n, b->room);
	b->rows[b->n] = b->now;
	b->rows[b->n].same_dir = b->n && b->at_listed;
	b->at_listed = true;
	b->now = (struct pending){ 0 };
	if (fd >= 0) {
		if (!b->contents.many)
			sync_add(&b->contents, fd);
		close(fd);
	}
	b->n++;
}

static int finish(struct write_batch *b, struct error *err)
{
	if (set_attributes(b, err) < 0)
		return -1;
	b->open = false;
	add_pending(b, b->fd);
	b->fd = -1;
	if (b->unsynced >= AHEAD_OCTETS) {
		b->unsynced = 0;
		sync_ahead(&b->ahead, b->at_fd);
	}
	return 0;
}

static int none_open(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "no file was begun");
}

int write_end(struct write_batch *b, const struct digest *expected, struct error *err)
{
	struct digest got;

	if (!b->open)
		return none_open(err);
	got = digest_end(&b->digest);
	if (digest_equal(&got, expected))
		return finish(b, err);
	write_drop(b);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "what arrived is not what was sent");
}

int write_end_own(struct write_batch *b, struct digest *digest, struct error *err)
{
	if (!b->open)
		return none_open(err);
	*digest = digest_end(&b->digest);
	return finish(b, err);
}

int write_end_digested(struct write_batch *b, struct error *err)
{
	return b->open ? finish(b, err) : none_open(err);
}

int write_link(struct write_batch *b, const struct write_target *t, const char *target,
               struct error *err)
{
	if (b->open)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "a link came in the middle of a file");
	if (split_path(b, t, err) < 0 || batch_enter(b, t->root, b->now.from_dir, err) < 0)
		return -1;
	b->now.root = xstrdup(t->root);
	b->now.from = xasprintf(BATCH_TEMPORARY "%u", b->number++);
	if (symlinkat(target, b->at_fd, b->now.from) < 0)
		return error_system(err, "make the link %s/%s", t->root, t->path);
	add_pending(b, -1);
	if (fchownat(b->at_fd, b->rows[b->n - 1].from, t->uid, t->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    geteuid() == 0)
		return error_system(err, "give %s/%s to user %u", t->root, t->path, t->uid);
	return 0;
}
