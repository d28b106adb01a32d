/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rename_values -- what Mailman's files of a site become when a list gets other hosts or another name:
 * octets in, octets out. Pure. Only what has to change does; all other values are written as they were
 * read, and what is written is read again and held against what it had to be.
 *
 * Source of the places: sections 13.2 and 13.3 of the facts; of the attributes, 2.5.
 */

#include "base/error.h"
#include "lists/rename_text.h"

#include <stdbool.h>

/* What changes, for a person: "PLACE" and lines with "- " and "+ ". */
struct rename_diff {
	struct strings lines;
	struct strings left; /* "PLACE: names an old host": for a person to look at */
	size_t changes;
};
void rename_diff_fini(struct rename_diff *d);

/* What real_name becomes: the new name, beginning with a capital if `old` does. Owned by the caller. */
char *rename_shown_name(const char *old, const char *list_to);

/* One kind of file: *content becomes what it has to be. 1: it changed; 0: nothing in it does; -1: it
 * can't be read or written, and stays. */
typedef int rename_edit(const struct rename_words *w, struct buf *content, struct rename_diff *diff,
                        struct error *err);
/* config.pck of the list itself: hosts, URL, names, texts, addresses. */
rename_edit rename_config;
/* ... of every other list: what names this one (members, "@LIST", sibling lists, owners). */
rename_edit rename_other_config;
rename_edit rename_requests;      /* request.pck, request.db: held posts, who joins */
rename_edit rename_pending;       /* pending.pck: re-enabling, invitations, who joins */
rename_edit rename_entry;         /* of a queue: its metadata; the message stays, octet for octet */
rename_edit rename_old_entry;     /* ... of 2.1.4: its .db, beside which the message is */
rename_edit rename_events;        /* bounce-events-*.pck */
rename_edit rename_plain;         /* any text: templates, VOLUME.txt of an archive */
rename_edit rename_article_page;  /* NNNNNN.html of an archive */
rename_edit rename_index_page;    /* its other pages */
rename_edit rename_articles;      /* its database/VOLUME-article */
rename_edit rename_archive_state; /* its pipermail.pck */
rename_edit rename_look;          /* changes nothing; tells of old hosts */
