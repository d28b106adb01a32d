/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mbox -- how many messages an mbox of Mailman's has, by two rules.
 *
 * Pipermail begins a message at each line that begins with "From ". Where a body has such a line, it
 * makes two of one. bin/cleanarch knows better: what follows has to look like an address and a
 * date, and the next line like a header. Where both numbers are one, an archive may be rebuilt.
 *
 * Source: Mailman/Archiver and bin/cleanarch of 2.1.39.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct lists_mbox {
	uint64_t messages;   /* by pipermail's rule */
	uint64_t separators; /* by cleanarch's */
	/* Inside. */
	struct buf line; /* one that is not whole yet, its beginning */
	bool candidate;  /* the line before was a separator, if this is a header */
};
#define AUTO_LISTS_MBOX __attribute__((cleanup(lists_mbox_fini)))
void lists_mbox_fini(struct lists_mbox *m);
/* The next octets of the file. */
void lists_mbox_feed(struct lists_mbox *m, struct span octets);
/* There are no more. */
void lists_mbox_end(struct lists_mbox *m);

/* cleanarch's rule: whether `line`, which begins with "From ", begins a message, when `next` is the
 * line behind it. Both without their ends. */
bool lists_mbox_is_separator(struct span line, struct span next);

/* Appends a message as Mailman would: a From_ line, body lines that begin with "From " behind ">", a
 * blank line. `unix_from` empty: one is made. */
void lists_mbox_append(struct buf *out, struct span unix_from, struct span message);
