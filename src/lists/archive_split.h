/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * archive_split -- where the messages of an mbox begin, of one that others than Mailman may have written.
 *
 * Pipermail begins a message at each line that begins with "From ", bin/cleanarch at those that look like
 * an address and a date with a header behind. Here a line begins a message when all of this holds:
 *  - "From ", a sender (one word; or "NAME at HOST", as pipermail's own texts have it; or quoted), a date:
 *    weekday, month, day, time and year that there can be, with a zone or without
 *  - a header section behind it, in which one of the names stands that messages have (From, Date,
 *    Message-ID, Received ...)
 *  - a blank line before it, or nothing. Without one, the section has to name a sender and a date: two
 *    mboxes put together have such places. These are told apart, for a person to look at.
 * Unlike cleanarch, it looks at the line behind a From_ line too: that can be another one.
 *
 * Source: Mailman/Archiver and bin/cleanarch of 2.1.39; the forms of From_ lines: RFC 4155.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether it is a From_ line by its words alone; without its LF. *time (may be NULL): seconds since 1970
 * UTC; a zone is not asked. */
bool archive_from_line(struct span line, int64_t *time);

enum archive_line {
	ARCHIVE_LINE_PLAIN = 0,  /* a line, or a part of a long one */
	ARCHIVE_LINE_FROM,       /* begins a message */
	ARCHIVE_LINE_FROM_CLOSE, /* the same, but no blank line stands before it */
	ARCHIVE_LINE_STRAY,      /* begins with "From ", and no message: a body's */
};

/* `octets` with the line's end; borrowed during the call. `line` counts from 1. -1 gives up. */
typedef int archive_line_fn(void *context, enum archive_line kind, uint64_t line,
                            struct span octets, struct error *err);

struct archive_split {
	archive_line_fn *take;
	void *context;
	/* Inside. */
	struct buf line;  /* one that is not whole yet */
	struct buf held;  /* a From_ line and what stands behind, undecided */
	size_t held_from; /* octets of the From_ line in it */
	uint64_t held_line, at_line;
	unsigned names;                  /* of headers seen behind it */
	bool in_line, begun, held_close; /* in_line: the begin of this line was given out */
	bool blank;                      /* the last line was */
};
#define AUTO_ARCHIVE_SPLIT __attribute__((cleanup(archive_split_fini)))
void archive_split_fini(struct archive_split *s);
/* The next octets. All octets come out again, in their order, with the decisions. */
int archive_split_feed(struct archive_split *s, struct span octets, struct error *err) MUST_CHECK;
int archive_split_end(struct archive_split *s, struct error *err) MUST_CHECK;
