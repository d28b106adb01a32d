/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_export -- the archives' mboxes as files of this machine, what is public apart from what is not.
 *
 * A private archive never stands where others can read it: its file is made with mode 0600 in a directory
 * of mode 0700, and nothing is opened before the list's configuration has said again, after the last
 * octet, that the archive is public. A configuration that can't be read is private.
 */

#include "base/error.h"
#include "lists/paths.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the list's configuration says, now, that its archive is public. -1: the host can't be reached. */
int archive_is_public(struct host *h, const struct lists_paths *paths, const char *list,
                      bool *is_public, struct error *err) MUST_CHECK;

enum archive_export_outcome {
	ARCHIVE_EXPORT_WRITTEN = 1,
	ARCHIVE_EXPORT_PRIVATE, /* and a public tree was asked for: not written; one of earlier is gone */
	ARCHIVE_EXPORT_NONE, /* the list has no mbox */
};

struct archive_export {
	enum archive_export_outcome outcome;
	bool is_public;
	bool removed;    /* a file that had become private was taken away */
	uint64_t octets; /* of the mbox */
	char path[512];  /* where it was written, below the directory asked for */
};

/*
 * Writes one list's mbox, durably.
 *
 *   dir          made if it is not there (0700; a public tree: 0755)
 *   public_tree  a tree for all to read: dir/LIST.mbox (0644), of public archives alone; else
 *                dir/public/LIST.mbox and dir/private/LIST.mbox (0600)
 */
int archive_export(struct host *h, const struct lists_paths *paths, const char *list,
                   const char *dir, bool public_tree, struct archive_export *out, struct error *err)
	MUST_CHECK;

/* Takes out of a public tree the list's mbox if it is private now; for lists that are not exported. */
int archive_export_withdraw(struct host *h, const struct lists_paths *paths, const char *list,
                            const char *dir, bool *removed, struct error *err) MUST_CHECK;
