/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * carry_entry -- one entry of a queue: a file with two pickles, the message and what Mailman knows of
 * it. Pure.
 */

#include "base/error.h"
#include "pickle/value.h"

#include <stdbool.h>

struct carry_entry_words {
	struct span
		list; /* whose it is; empty: of the site list. Borrowed from the octets or the arena */
	struct span whichq; /* path of the queue that it came from, on the old host; empty: none */
	bool is_text;       /* the message is text that nobody has parsed yet */
	/* Text that is not marked as such, or the other way round: bin/update of an upgrade makes that. A
	 * runner that meets it puts it into shunt. */
	bool is_mismarked;
	double deliver_until; /* seconds since 1970 UTC: when Mailman gives up; 0: it says nothing */
	size_t data_at;       /* offset of the second pickle */
};

/* `octets` and the arena stay until the last span is forgotten. An error says where it stops. */
int carry_entry_read(struct value_arena *arena, struct span octets, struct carry_entry_words *out,
                     struct error *err) MUST_CHECK;

/* Makes `queue` the path of the queue that the entry came from. Nothing else changes, octet for octet;
 * what comes out is read again and held against what went in. On failure *content is as it was. */
int carry_entry_set_whichq(struct buf *content, const char *queue, struct error *err) MUST_CHECK;

/* Has the entry's mark (`_parsemsg`) say what its message is. The metadata is written anew for it, in its own
 * protocol; the message stays as it is, octet for octet. On failure *content is as it was. */
int carry_entry_set_mark(struct buf *content, struct error *err) MUST_CHECK;
