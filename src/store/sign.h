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

/*
 * How a Maildir account that has a sign is known again at half the cost: its directories are not read
 * again, only looked at, and so is what was found in them. A name that came or went changed its
 * directory's times, so there are more changes in an outline than in a sign: Dovecot's caches come and
 * go in a folder, and only a sign knows them. Where the outline is another, the sign decides.
 *
 *   places  for each directory: its path below the root, then the names in it that were looked at;
 *           each with a NUL, and one more behind the last. Empty: there is no outline
 */
struct store_outline {
	struct buf places; /* owned; at most STORE_OUTLINE_MAX octets */
	struct digest digest;
};
#define STORE_OUTLINE_MAX 16384u

struct store_sign {
	struct digest digest;
	bool settled;
	struct store_outline outline; /* only of what is settled */
};
void store_sign_fini(struct store_sign *sign);
#define AUTO_STORE_SIGN __attribute__((cleanup(store_sign_fini)))

/*
 * Signs one account.
 *
 *   beside   relative to the home: files and folders that are carried with the mail; may be NULL
 *   out      empty; the caller ends it with store_sign_fini()
 *   errors   what can't be looked at (there is no sign then)
 */
int store_sign(int rootfd, const struct mailbox_account *account, const struct strings *beside,
               struct store_sign *out, struct error *err) MUST_CHECK;

/*
 * Whether an account looks as it did when it was signed with that outline: then the sign is the same
 * and settled. False when it does not, when it can't be looked at, and when the outline is malformed.
 * Follows no link below the account's root, whatever the outline says.
 */
bool store_has_outline(int rootfd, const struct mailbox_account *account,
                       const struct strings *beside, struct span places,
                       const struct digest *digest);

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
