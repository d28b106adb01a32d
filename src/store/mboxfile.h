/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxfile -- one mbox file of an account: opened below its root, locked, walked. */

#include "mail/listing.h"
#include "mail/mboxstate.h"
#include "store/lock.h"

#include <sys/stat.h>

struct mboxfile {
	int dirfd, fd; /* owned */
	char *name;    /* owned; last component */
	struct stat st;
	struct lock lock;
};
#define AUTO_MBOXFILE __attribute__((cleanup(mboxfile_close)))
#define MBOXFILE_NONE                                                                              \
	{                                                                                          \
		.dirfd = -1, .fd = -1, .lock = {.dirfd = -1, .fd = -1 }                            \
	}

enum mboxfile_use { MBOXFILE_READ, MBOXFILE_APPEND };

/*
 * Opens and locks the file of `folder` ("" is the account's INBOX).
 *
 *   errors  sys_errno ENOENT: there is none (APPEND makes it); LATER: someone else holds its lock
 */
int mboxfile_open(struct mboxfile *f, int rootfd, const struct mailbox_account *account,
                  const char *folder, enum mboxfile_use use, struct error *err) MUST_CHECK;
void mboxfile_close(struct mboxfile *f);

/* Reads all messages into `out`, whose name is set; identities are numbered. Size and time are
 * those of the file; a change under our eyes (a writer without locks) starts it again. */
int mboxfile_messages(struct mboxfile *f, struct mail_folder *out, struct error *err) MUST_CHECK;

/*
 * The same, but no more than is needed when `known` (may be NULL) says what the file was: see
 * mail/mboxstate.h. *now is what it is; messages before now->from are not in `out`, and those that
 * are there have numbers of their own: whoever knows the others numbers them.
 *
 *   utc  times of messages are by their zone, or TZ, instead of as they stand
 */
int mboxfile_look(struct mboxfile *f, const struct mbox_state *known, bool utc,
                  struct mail_folder *out, struct mbox_state *now, struct error *err) MUST_CHECK;

/* Size, times and inode as they were at the last look at its descriptor. */
void mboxfile_stamp(const struct mboxfile *f, struct mbox_state *out);
/* mboxsum.c: adds the octets [from, to) to the sum. Of a long file children of this process read
 * it; they have ended when it returns. */
int mboxfile_sum(struct mboxfile *f, struct mbox_summing *sum, uint64_t from, uint64_t to,
                 struct error *err) MUST_CHECK;

/* mbox_read_fn over an open file; context is a pointer to its descriptor. */
ssize_t mboxfile_pread(void *context, void *out, size_t n, uint64_t offset);

/* Dovecot's order: the INBOX's directory, or the path below the root, and the last component. */
int mboxfile_directory(int rootfd, const struct mailbox_account *account, const char *folder,
                       const char **name, struct error *err);
