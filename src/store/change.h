/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * change -- small changes to a Maildir account on the new host: flags, removals, folders. Repeating
 * any of them does no harm. What has changed is added to `sync`; durable by sync_all().
 */

#include "base/error.h"
#include "mail/mailbox.h"
#include "store/sync.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes `root` (and what is missing above it) and `path` below it; what is there stays as it is.
 * New directories belong to uid and gid. */
int change_make_directories(int rootfd, const char *root, const char *path, uint32_t mode,
                            uint32_t uid, uint32_t gid, struct sync_list *sync, struct error *err)
	MUST_CHECK;

/* The directories of a Maildir folder, with cur/ new/ tmp/. */
int change_make_folder(int rootfd, const char *root, const char *folder, uint32_t mode,
                       uint32_t uid, uint32_t gid, struct sync_list *sync, struct error *err)
	MUST_CHECK;

/* Removes a Maildir folder that holds no message, with Dovecot's files in it. Errors: ENOTEMPTY
 * when anything else is there (then nothing but index files is gone). A missing folder is success. */
int change_remove_folder(int rootfd, const char *root, const char *folder, struct sync_list *sync,
                         struct error *err) MUST_CHECK;

/* Where a message was when it was last seen: tried first. */
struct change_was {
	const char *suffix; /* borrowed */
	bool in_new;
};

/* Gives a message another suffix, or brings it from new/ to cur/ or back, and sets its time. The
 * device of `folderfd` is in `sync` already. Errors: ENOENT, no file of that base. */
int change_rename(int folderfd, const char *base, const struct change_was *was, const char *suffix,
                  bool in_new, int64_t mtime_ns, struct sync_list *sync, struct error *err)
	MUST_CHECK;

/* Removes a message by its base name, wherever it is; one that is gone is success. */
int change_remove(int folderfd, const char *base, const struct change_was *was,
                  struct sync_list *sync, struct error *err) MUST_CHECK;

/* Dovecot's index files of a folder ("" with `list`: also the list of folders). */
int change_drop_indexes(int rootfd, const struct mailbox_account *account, const char *folder,
                        struct sync_list *sync, struct error *err) MUST_CHECK;

/* A file beside the messages, or a symbolic link, that lies below `root`; one that is gone is
 * success, a directory is refused (EISDIR). */
int change_remove_file(int rootfd, const char *root, const char *path, struct sync_list *sync,
                       struct error *err) MUST_CHECK;
