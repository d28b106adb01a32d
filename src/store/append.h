/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* append -- adds one message to an mbox file that other programs write to as well. */

#include "base/error.h"
#include "mail/digest.h"
#include "mail/mailbox.h"

#include <stdbool.h>

/* All borrowed. */
struct append_message {
	const char *folder; /* "" is the INBOX */
	const char *path; /* file with the content, below the account's root; removed at the end */
	const char *from_line; /* "From alice Sun Mar  1 02:13:07 2026" */
	const char *flags;     /* letters as in Maildir names */
	const char *keywords;  /* with blanks between, or "" */
	uint32_t uid, gid;     /* of an mbox file that has to be made */
	struct digest digest;  /* of the content */
};

/*
 * Adds the message at the end, under both locks, unless one of the same content is there. What an
 * append that was killed left half done is taken back first. Durable at return.
 *
 *   appended  false: it was there
 */
int append_to_mbox(int rootfd, const struct mailbox_account *account,
                   const struct append_message *m, bool *appended, struct error *err) MUST_CHECK;
