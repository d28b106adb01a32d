/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_letter -- what an archive's page and its indexes say of a message: headers as text, and of its
 * body what can be read. Pure; all text is UTF-8.
 *
 * Source of the rules: RFC 5322 (dates, headers), 2045 (encodings, parts), 2047 (encoded words); and
 * Mailman/Archiver of 2.1.39 for what a Message-ID is to it.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct archive_letter {
	struct buf id;                     /* without "<", ">" and blanks; empty: it has none */
	struct buf subject, author, email; /* author: a name, else the address */
	struct buf date_text;              /* the Date header as it stands */
	int64_t date;                      /* seconds since 1970 UTC */
	bool dated;                        /* neither Date nor From_ line has one */
	struct buf in_reply_to;            /* as id */
	struct strings references;         /* the same */
	struct buf body;                   /* other parts are named in it, in brackets */
};
#define AUTO_ARCHIVE_LETTER __attribute__((cleanup(archive_letter_fini)))
void archive_letter_fini(struct archive_letter *l);

/* `message` with its From_ line or without. `obscure`: "@" between words becomes " at ". Never fails: what
 * can't be read is empty, or as it stands. */
void archive_letter_read(struct archive_letter *l, struct span message, bool obscure);

/* "Thu, 1 Apr 2010 09:44:25 +0200". False: it is no date. */
bool archive_letter_date(struct span text, int64_t *time);
/* A body's octets by its Content-Transfer-Encoding; one that is not known: as they stand. */
void archive_letter_octets(struct span encoding, struct span body, struct buf *out);
/* Octets of a charset by name as UTF-8; what is no text of it as lists_decode() says. */
void archive_letter_charset(struct span octets, struct span charset, struct buf *out);
/* A parameter of a header such as Content-Type, without its quotation marks; empty: there is none. */
struct span archive_letter_parameter(struct span header, const char *name);
/* "Subject" with its encoded words read. */
void archive_letter_words(struct span header, struct buf *out);
/* "RE: [Prefix] a  b" as pipermail sorts it: "ab"; `prefix` may be empty. */
void archive_letter_sorted(struct span subject, struct span prefix, struct buf *out);
