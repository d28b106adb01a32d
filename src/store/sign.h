/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sign -- finds mailboxes below a directory, and says in 32 octets how one looks from outside: a
 * mailbox whose sign is as it was has not changed since, and its messages need not be listed.
 *
 * The sign is a digest of what stat(2) tells of the directories that hold messages and of the files
 * beside them. Any delivery, rename and expunge changes the directory's times (POSIX.1-2017, 4.9).
 * What it does not see: a message file whose octets or date were changed in its place, which no
 * mail server does; verify reads those.
 *
 * A stamp is only as fine as the clock of the file system. What changed in the same tick as it was
 * looked at, before and after, has one stamp for both: such a sign is not `settled`, and must not
 * be relied on (git's index has the same rule for "racily clean" entries).
 */

#include "base/error.h"
#include "base/text.h"
#include "mail/digest.h"
#include "mail/mailbox.h"

#include <stdbool.h>

struct store_sign {
	struct digest digest;
	bool settled;
};

/*
 * Signs one account.
 *
 *   beside   relative to the home: files and folders that are carried with the mail; may be NULL
 *   errors   what can't be looked at (there is no sign then)
 */
int store_sign(int rootfd, const struct mailbox_account *account, const struct strings *beside,
               struct store_sign *out, struct error *err) MUST_CHECK;

struct store_found {
	const char *path; /* relative to where the search began, "" for itself; borrowed */
	enum mailbox_layout layout;
	uint32_t mode, uid, gid;
};
typedef int store_found_fn(void *context, const struct store_found *found, struct error *err);

/*
 * Finds Maildirs (directories with cur/ and new/) below `path`, in the order of their names, at most
 * `depth` levels down. Does not look for more inside of one; follows no symbolic link.
 */
int store_find_maildirs(int rootfd, const char *path, unsigned depth, store_found_fn *found,
                        void *context, struct error *err) MUST_CHECK;
