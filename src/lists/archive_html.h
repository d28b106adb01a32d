/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_html -- pipermail's pages: those that index a volume, edited so that what stands there already
 * stays as it is, octet for octet, in whatever language and charset; and pages of messages. Pure.
 *
 * What is new is ASCII with character references, which is right in any charset in which ASCII is ASCII.
 * Source of the forms: pages that 2.1.39 has written. All of an index page is written anew, from the same
 * database, when Mailman archives the next message of that volume.
 */

#include "base/text.h"
#include "lists/archive_letter.h"

#include <stdbool.h>
#include <stdint.h>

enum archive_kind { ARCHIVE_THREAD, ARCHIVE_SUBJECT, ARCHIVE_AUTHOR, ARCHIVE_DATE, ARCHIVE_KINDS };
const char *archive_kind_name(enum archive_kind kind); /* "thread" ... */

/* What a volume's index page has of a message; all is borrowed. */
struct archive_row {
	int64_t number;
	struct span thread_key;      /* "01270655143.36-01272212110.42-" */
	struct span subject, author; /* UTF-8 */
};

/* `text` as HTML in ASCII; what is no UTF-8 as "?". */
void archive_html_text(struct span text, struct buf *out);

/*
 * The index page with exactly these rows, in this order: what it has of a message already stays.
 *
 *   starting, ending  new dates of the first and last message, or NULL: they stay
 *   returns           false: it does not have pipermail's form; nothing was appended
 */
bool archive_html_index(struct span page, enum archive_kind kind, const struct archive_row *rows,
                        size_t n, const char *starting, const char *ending, struct buf *out);
/* One of a volume that had none, without rows. `info`: the URL of the list's own page. */
void archive_html_new_index(enum archive_kind kind, const char *list, const char *volume,
                            const char *info, struct buf *out);

/* Links to that message's page say no longer what its subject was. False: there are none. */
bool archive_html_hide_links(struct span page, int64_t number, struct buf *out);

/* Marks a page of ours that stands for a message which was withdrawn. */
#define ARCHIVE_WITHDRAWN "<!--mailhaul: withdrawn-->"
void archive_html_withdrawn(int64_t number, const char *list, const char *info, struct buf *out);

struct archive_html_page {
	int64_t number, before, after; /* -1: there is none; by thread */
	const char *list, *info, *address;
	const struct archive_letter *letter;
};
void archive_html_message(const struct archive_html_page *p, struct buf *out);

/* The table of contents with a row for a volume that it does not have, in front of the others. False: it
 * has no table, or that row already. */
bool archive_html_contents(struct span page, const char *volume, struct buf *out);
