/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * file -- files that are whole on disk before anyone is told, and paths that do not leave their root.
 */

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Opens `path` below `rootfd` as if that directory were "/": an absolute symbolic link and ".."
 * end at the root and never leave it (openat2(2) RESOLVE_IN_ROOT; on kernels before 5.6,
 * base/walk.h).
 *
 *   rootfd  borrowed; an open directory
 *   path    borrowed; leading '/' are ignored, "" is the root itself
 *   returns a descriptor the caller owns, or -1 with errno set (EXDEV: would have left the root)
 */
int file_open_below(int rootfd, const char *path, int flags, mode_t mode);

/* Opens the directory that holds `path` and points *name at its last component (borrowed from
 * `path`). Returns a descriptor the caller owns, or -1 with errno. ".", ".." as last: EINVAL. */
int file_open_parent_below(int rootfd, const char *path, const char **name);

/* Reads the whole file, at most `limit` octets; one longer is an error, never a part. */
int file_read_below(int rootfd, const char *path, size_t limit, struct buf *out, struct error *err)
	MUST_CHECK;

/* As above, by a path of this process's own. */
int file_read(const char *path, size_t limit, struct buf *out, struct error *err) MUST_CHECK;

/*
 * Makes dir/name hold exactly `data`, on disk, before it returns: a reader sees the old file, or
 * the new one, never a part. Writes to a temporary name beside it, fsyncs, renames, fsyncs the
 * directory. A full disk: ERROR_RETRY_PERSON, and the old file stands.
 *
 *   dirfd  borrowed; open directory
 *   name   borrowed; one component
 *   mode   of the new file
 *   source rename(2), fsync(2)
 */
int file_write_durable(int dirfd, const char *name, mode_t mode, struct span data,
                       struct error *err) MUST_CHECK;

/* As above; `path` may have a directory part, which must be there. */
int file_write_path_durable(const char *path, mode_t mode, struct span data, struct error *err)
	MUST_CHECK;

/* rename(2) that fails with EEXIST when something has the name `to` (renameat2(2) RENAME_NOREPLACE;
 * on kernels before 3.15, link(2) and unlink(2)). Both descriptors are borrowed. -1 with errno. */
int file_rename_new(int from_dir, const char *from, int to_dir, const char *to) MUST_CHECK;

/* write(2) until all is written; -1 with errno. */
int fd_write_all(int fd, const void *bytes, size_t n);
