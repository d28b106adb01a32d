/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxfile -- one mbox file of an account: opened below its root, locked, walked. */

#include "mail/listing.h"
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

/* mbox_read_fn over an open file; context is a pointer to its descriptor. */
ssize_t mboxfile_pread(void *context, void *out, size_t n, uint64_t offset);

/* Dovecot's order: the INBOX's directory, or the path below the root, and the last component. */
int mboxfile_directory(int rootfd, const struct mailbox_account *account, const char *folder,
                       const char **name, struct error *err);
