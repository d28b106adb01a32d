/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * hyperkitty_letters -- the messages of an mbox as HyperKitty shall know them: where each stands, by what Message-ID it
 * is known, and when it was written. Pure; the mbox is read once, and never in memory.
 *
 * HyperKitty knows a message by its Message-ID, and has one of each. A message that has none, or one that is no text,
 * gets one that is made of what is in it, so that it is the same each time; so does one whose Message-ID another
 * message of other content has. Copies of one message are one.
 *
 * A Date that can be none, or lies more than 15 days behind the day on which the message came (Mailman's own
 * ARCHIVER_ALLOWABLE_SANE_DATE_SKEW), is not believed: then the day on which it came counts.
 *
 *	AUTO_HYPERKITTY_LETTERS struct hyperkitty_letters l = { 0 };
 *	hyperkitty_letters_begin(&l, &index);
 *	while (...)
 *		hyperkitty_letters_feed(&l, octets);
 *	hyperkitty_letters_end(&l);
 *
 * A message begins where lists/archive_split.h says; and behind a blank line at each From_ line, in whatever form, whose
 * header section has a Message-ID.
 *
 * Source: hyperkitty.lib.incoming and .utils of HyperKitty 1.3; Mailman/Archiver of 2.1.39.
 */

#include "lists/archive_split.h"
#include "lists/mbox_index.h"
#include "mail/digest.h"

#define HYPERKITTY_ID_MAX 254u /* octets of a Message-ID that it keeps */

enum hyperkitty_dated {
	HYPERKITTY_DATED_OWN = 0,
	HYPERKITTY_DATED_CAME,   /* no Date that can be: when the message came */
	HYPERKITTY_DATED_BEFORE, /* nor that: as the message before it */
};

struct hyperkitty_letter {
	uint64_t at, octets; /* in the mbox, without its From_ line and the blank line behind it */
	char *id;            /* owned; UTF-8, without brackets; unique but for copies */
	char *sender;        /* owned; the From_ line's address; NULL: none */
	int64_t date, came;  /* seconds since 1970 UTC; came 0: not known */
	enum hyperkitty_dated dated;
	bool has_made_id; /* `id` is not its own */
	bool is_other;    /* its own Message-ID is that of another message */
	bool is_copy;     /* an earlier one is the same message */
	/* Inside. */
	struct digest digest;
};

struct hyperkitty_letters {
	struct hyperkitty_letter *rows; /* owned; in the order of the mbox */
	size_t n, room;
	uint64_t octets, before; /* of the mbox; before the first message, of none */
	uint64_t strays;         /* lines of bodies that begin with "From " */
	uint64_t made, others, copies, dates;
	/* Inside. */
	struct archive_split split;
	const struct lists_mbox_index *index;
	size_t index_at;
	struct digest_state state;
	struct buf head;
	uint64_t at, blanks, blank_octets;
	bool in_body, in_line;
};
#define AUTO_HYPERKITTY_LETTERS __attribute__((cleanup(hyperkitty_letters_fini)))
void hyperkitty_letters_fini(struct hyperkitty_letters *l);

/* `index` of the same octets; borrowed to the end. NULL: archive_split.h alone says. */
void hyperkitty_letters_begin(struct hyperkitty_letters *l, const struct lists_mbox_index *index);
/* The next octets, cut anywhere; and that there are no more. */
void hyperkitty_letters_feed(struct hyperkitty_letters *l, struct span octets);
void hyperkitty_letters_end(struct hyperkitty_letters *l);

/* What lists/hyperkitty_web.py reads, a line each, ASCII: all but copies. Appended. `n` is the row's number. */
void hyperkitty_letters_json(const struct hyperkitty_letters *l, size_t row, struct buf *out);
