/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mboxread -- reads messages of an mbox account, one after the other. The file of the last one stays
 * open and locked, and what was read of it is kept: so a row of messages costs one walk over them.
 */

#include "store/mbox.h"
#include "store/mboxfile.h"
#include "store/store.h"

struct mboxread {
	struct mboxfile file;
	char *folder;               /* owned; NULL: no file is open */
	struct mbox_walker *walker; /* owned */
	/* the message under way */
	const char *base;
	struct buf content;
	bool too_long;
	struct mail_message now; /* owned */
	char *from_line;         /* owned */
	struct digest digest;    /* of the content of the last one */
	char hex[2 * DIGEST_SIZE + 1];
};
#define MBOXREAD_NONE                                                                              \
	{                                                                                          \
		.file = MBOXFILE_NONE                                                              \
	}
void mboxread_close(struct mboxread *r);
#define AUTO_MBOXREAD __attribute__((cleanup(mboxread_close)))

/* As `read` of struct store. */
int mboxread(struct mboxread *r, int rootfd, const struct mailbox_account *account,
             const struct store_wanted *wanted, const struct store_reader *reader,
             struct error *err) MUST_CHECK;
