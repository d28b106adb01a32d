/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * folder -- opens what lies below an account's root without ever following a symbolic link, so that
 * neither a name nor a link made by a user leads out of it. Works on kernels without openat2(2).
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/stat.h>

/* The account's root; links on the way to it are followed inside `rootfd`. The caller owns the
 * descriptor; -1 with *err set. */
int folder_open_root(int rootfd, const char *root, struct error *err);

/* A directory below an open directory, component by component. "" is the directory itself. -1 with
 * errno: ELOOP or ENOTDIR for a link, EINVAL for ".." or an empty component. */
int folder_open_below(int dirfd, const char *path);

/* The directory of `path` and its last component (borrowed from path), in the same way. */
int folder_open_parent(int dirfd, const char *path, const char **name);

/* A regular file in a directory; links and other kinds are refused (errno EFTYPE-like: EINVAL). */
int folder_open_file(int dirfd, const char *name, struct stat *st);

struct folder_message {
	int fd; /* owned by the caller of folder_open_message() */
	bool in_new;
	char *name; /* owned; base and suffix as they are now */
	struct stat st;
};

/*
 * Opens a Maildir message by its base name, wherever it is by now.
 *
 *   folderfd  borrowed
 *   suffix    borrowed; where it was last: tried first
 *   returns   0, or -1 with errno ENOENT when no file of that base is left
 */
int folder_open_message(int folderfd, const char *base, const char *suffix, bool in_new,
                        struct folder_message *out);
void folder_message_fini(struct folder_message *m);
#define AUTO_FOLDER_MESSAGE __attribute__((cleanup(folder_message_fini)))

/* Finds the present name of a base in cur/ (then new/); *name is owned by the caller. */
int folder_find_name(int folderfd, const char *base, char **name, bool *in_new);
