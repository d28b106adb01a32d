/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxgrow -- puts octets at the end of an mbox file in place, so that a long one is not written
 * anew for a short tail. */

#include "base/error.h"
#include "mail/mailbox.h"
#include "mail/mboxstate.h"

struct mboxgrow {
	const char *path; /* below the account's root: a file with the tail; removed at the end */
	int64_t mtime_ns; /* that the mbox gets */
	bool undo;        /* only take back what was half done */
};

/*
 * Under both locks. When it is killed, a part of the tail stays at the end of the file, and the
 * file with the tail beside it: `undo` then cuts the mbox at was->size, if what is behind it is the
 * beginning of the tail. Durable at return.
 *
 *   was     folder, and what its file is: else ESTALE, and nothing is done
 *   now     size, times and inode after it
 */
int mboxgrow(int rootfd, const struct mailbox_account *account, const struct mbox_state *was,
             const struct mboxgrow *grow, struct mbox_state *now, struct error *err) MUST_CHECK;
