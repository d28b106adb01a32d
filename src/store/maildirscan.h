/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* maildirscan -- a scan of a Maildir account that knows what an earlier one has seen, and tells what
 * differs from that (mail/agreed.h says what it can't see). */

#include "mail/digest.h"
#include "store/store.h"

struct store_known_row {
	struct span base, suffix; /* borrowed */
	bool in_new;
	uint64_t inode;
	/* for the scan */
	size_t at; /* among the names; SIZE_MAX: not there */
	bool same;
};

struct store_known {
	const char *folder; /* borrowed */
	struct digest uidlist;
	bool same; /* its messages are so, by its sign (store/sign.h), and `rows` is empty */
	/* `rows` is empty, and its messages are so if their names have that digest (mail/agreed.h); a
	 * folder where they have not is told whole */
	bool by_names;
	struct digest names;
	struct store_known_row *rows; /* borrowed */
	size_t n;
};

struct maildirscan {
	struct store_known *known; /* borrowed; folders that are not among them are told whole */
	size_t n;
	/* With the sink's context. Behind the folder: from here on only what differs is told; with
	 * `uidlist` that file is as known, and was not told. */
	int (*as_known)(void *context, bool uidlist, struct error *err);
	/* A known message of that folder is not there any more. */
	int (*gone)(void *context, struct span base, struct error *err);
};

int maildirscan_since(int rootfd, const struct mailbox_account *account,
                      const struct store_sink *sink, const struct maildirscan *more,
                      struct error *err) MUST_CHECK;
