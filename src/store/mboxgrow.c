/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/mboxgrow.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "store/folder.h"
#include "store/mboxfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (256u << 10)

static int write_tail(struct mboxfile *file, int tail, uint64_t size, struct error *err)
{
	AUTO_FREE char *chunk = xmalloc(CHUNK);
	uint64_t at = 0;
	ssize_t n;

	if (lseek(file->fd, (off_t)size, SEEK_SET) < 0)
		return error_system(err, "seek in %s", file->name);
	while ((n = mboxfile_pread(&tail, chunk, CHUNK, at)) > 0) {
		if (fd_write_all(file->fd, chunk, (size_t)n) < 0)
			return error_system(err, "write %s", file->name);
		at += (uint64_t)n;
	}
	return n < 0 ? error_system(err, "read the tail of %s", file->name) : 0;
}

static int set_time(struct mboxfile *file, int64_t mtime_ns, struct error *err)
{
	int64_t seconds = mtime_ns / 1000000000, rest = mtime_ns % 1000000000;
	struct timespec times[2];

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	times[0] = times[1] = (struct timespec){ .tv_sec = seconds, .tv_nsec = (long)rest };
	if (futimens(file->fd, times) < 0)
		return error_system(err, "set the time of %s", file->name);
	if (fsync(file->fd) < 0)
		return error_system(err, "fsync %s", file->name);
	if (fstat(file->fd, &file->st) < 0)
		return error_system(err, "stat %s", file->name);
	return 0;
}

/* What lies behind `size` is the beginning of the tail. */
static bool is_half_done(struct mboxfile *file, int tail, uint64_t size)
{
	uint64_t n = (uint64_t)file->st.st_size - size;
	AUTO_FREE char *have = xmalloc(CHUNK);
	AUTO_FREE char *want = xmalloc(CHUNK);

	for (uint64_t at = 0; at < n;) {
		size_t some = n - at < CHUNK ? (size_t)(n - at) : CHUNK;

		if (mboxfile_pread(&file->fd, have, some, size + at) != (ssize_t)some ||
		    mboxfile_pread(&tail, want, some, at) != (ssize_t)some ||
		    memcmp(have, want, some) != 0)
			return false;
		at += some;
	}
	return true;
}

static int undo(struct mboxfile *file, int tail, const struct mbox_state *was, struct error *err)
{
	uint64_t size = (uint64_t)file->st.st_size;

	if (size <= was->size || file->st.st_ino != was->inode ||
	    !is_half_done(file, tail, was->size))
		return 0;
	if (ftruncate(file->fd, (off_t)was->size) < 0)
		return error_system(err, "cut %s", file->name);
	return set_time(file, was->mtime_ns, err);
}

static int add(struct mboxfile *file, int tail, const struct mbox_state *was,
               const struct mboxgrow *grow, struct error *err)
{
	struct mbox_state is = { 0 };

	mboxfile_stamp(file, &is);
	if (!mbox_state_is_same(&is, was))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, ESTALE,
		                 "%s changed since it was looked at", file->name);
	if (write_tail(file, tail, was->size, err) == 0 && set_time(file, grow->mtime_ns, err) == 0)
		return 0;
	/* whole or not at all; if this fails too, `undo` takes back what is half there */
	(void)!ftruncate(file->fd, (off_t)was->size);
	return error_context(err, "append to %s", file->name);
}

int mboxgrow(int rootfd, const struct mailbox_account *account, const struct mbox_state *was,
             const struct mboxgrow *grow, struct mbox_state *now, struct error *err)
{
	AUTO_CLOSE int root = folder_open_root(rootfd, account->root, err);
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	const char *name = NULL;
	struct stat st;
	int result;

	if (root < 0)
		return -1;

	AUTO_CLOSE int dir = folder_open_parent(root, grow->path, &name);
	AUTO_CLOSE int tail = dir < 0 ? -1 : folder_open_file(dir, name, &st);
	if (tail < 0 && grow->undo && errno == ENOENT)
		return 0; /* it went away when the whole was durable */
	if (tail < 0)
		return error_system(err, "open %s", grow->path);
	if (mboxfile_open(&file, rootfd, account, was->folder, MBOXFILE_APPEND, err) < 0)
		return -1;
	result = grow->undo ? undo(&file, tail, was, err) : add(&file, tail, was, grow, err);
	if (result < 0)
		return -1;
	mboxfile_stamp(&file, now);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return error_system(err, "remove %s", grow->path);
	return 0;
}
