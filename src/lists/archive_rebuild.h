/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_rebuild -- messages come into an archive that was published, or are withdrawn from it, and no page
 * gets another address. Mailman's own `arch --wipe` numbers all of them anew.
 *
 * A new message gets the next free number, a page in the volume of its date (UTC), a row in the volume's
 * indexes, and goes to the end of the mbox. Of one that is withdrawn the page says so and nothing more; it
 * leaves the indexes, the links that name its subject, the month's text and the mbox, and its number is given
 * to no other. All else stays, octet for octet. Mailman has to be stopped.
 *
 * In this order, so that one that was killed is ended by the same call: numbers are taken (pipermail.pck);
 * pages; mbox and texts; index pages; the database, its article file last. Killed in between, a new message may
 * leave a page without an index behind, which archive_check names.
 */

#include "lists/archive_check.h"

struct archive_rebuild_options {
	struct host *h;                        /* borrowed; with control unless dry_run */
	const struct lists_installation *site; /* borrowed */
	const char *list;                      /* borrowed */
	const struct strings *drop; /* borrowed; Message-IDs, with "<" and ">" or without */
	struct span add;            /* an mbox; or empty */
	bool dry_run;
};

struct archive_rebuild {
	struct strings done;   /* "VOLUME/000042.html: withdrawn: SUBJECT"; fit to print */
	struct strings failed; /* what was asked for and is not so */
	struct strings notes;  /* for a person */
	size_t added, withdrawn, there_already;
	struct archive_check after; /* of a dry run: as it would be */
};
#define AUTO_ARCHIVE_REBUILD __attribute__((cleanup(archive_rebuild_fini)))
void archive_rebuild_fini(struct archive_rebuild *r);

/* `out` zeroed by the caller. 0 when it came to its end: look at out->failed. */
int archive_rebuild(const struct archive_rebuild_options *o, struct archive_rebuild *out,
                    struct error *err) MUST_CHECK;
