/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * change -- small changes to a Maildir account on the new host: flags, removals, folders. Repeating
 * any of them does no harm.
 */

#include "base/error.h"
#include "mail/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes `root` (and what is missing above it) and `path` below it; what is there stays as it is.
 * New directories belong to uid and gid. Durable. */
int change_make_directories(int rootfd, const char *root, const char *path, uint32_t mode,
                            uint32_t uid, uint32_t gid, struct error *err) MUST_CHECK;

/* The directories of a Maildir folder, with cur/ new/ tmp/. */
int change_make_folder(int rootfd, const char *root, const char *folder, uint32_t mode,
                       uint32_t uid, uint32_t gid, struct error *err) MUST_CHECK;

/* Removes a Maildir folder that holds no message, with Dovecot's files in it. Errors: ENOTEMPTY
 * when anything else is there (then nothing but index files is gone). A missing folder is success. */
int change_remove_folder(int rootfd, const char *root, const char *folder, struct error *err)
	MUST_CHECK;

/* Gives a message another suffix, or brings it from new/ to cur/ or back, and sets its time. Not
 * yet durable: see change_sync_folder(). Errors: ENOENT, no file of that base. */
int change_rename(int folderfd, const char *base, const char *suffix, bool in_new, int64_t mtime_ns,
                  struct error *err) MUST_CHECK;

/* Removes a message by its base name, wherever it is; one that is gone is success. */
int change_remove(int folderfd, const char *base, struct error *err) MUST_CHECK;

int change_sync_folder(int folderfd, struct error *err) MUST_CHECK;

/* Dovecot's index files of a folder ("" with `list`: also the list of folders). */
int change_drop_indexes(int rootfd, const struct mailbox_account *account, const char *folder,
                        struct error *err) MUST_CHECK;

/* A file beside the messages, or a symbolic link, that lies below `root`; one that is gone is
 * success, a directory is refused (EISDIR). */
int change_remove_file(int rootfd, const char *root, const char *path, struct error *err)
	MUST_CHECK;
