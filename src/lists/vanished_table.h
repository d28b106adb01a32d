/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* vanished_table -- posts that are looked for, by fingerprints of Message-ID and list: 48 octets each.
 * Inside of lists/vanished.h. */

#include "lists/vanished.h"

struct vanished_entry {
	uint64_t id;     /* 0: the place is free */
	uint64_t sender; /* of list and sender together */
	uint64_t offset; /* of the last trace, in the file */
	int64_t at;      /* of it */
	uint32_t list;
	uint32_t file; /* of all files that were read, as they were counted */
	uint32_t row;  /* of the result, and one; 0: none yet */
	uint8_t kind;  /* of enum lists_vanished_kind; 0: it was found */
};

struct vanished_table {
	struct vanished_entry *rows; /* owned; a power of two of places */
	size_t places, n, most;
	bool forgets; /* those of kind 0 make room for others */
	bool is_full; /* one did not fit: what is in it is no whole part */
	uint64_t key[2];
	unsigned part, parts; /* which posts it is for */
};
void vanished_table_fini(struct vanished_table *t);
void vanished_table_empty(struct vanished_table *t);

/* Fingerprints; a list's name without regard to case. */
uint64_t vanished_id(const struct vanished_table *t, struct span id);
uint32_t vanished_list(const struct vanished_table *t, struct span list);
uint64_t vanished_sender(const struct vanished_table *t, struct span list, struct span sender);
/* Whether the part that is read now has it. */
bool vanished_is_mine(const struct vanished_table *t, uint64_t id);

/* Adds a trace. One that is there takes it when it is of a kind that comes later on a post's way. A
 * post that was found before is looked for again. */
void vanished_put(struct vanished_table *t, const struct vanished_entry *trace);
/* The entry, found or not; NULL: none. `list` 0: the next of any list behind `after` (NULL: the first). */
struct vanished_entry *vanished_get(const struct vanished_table *t, uint64_t id, uint32_t list,
                                    const struct vanished_entry *after);
/* It is somewhere: of that list, or of all when `list` is 0. */
void vanished_found(struct vanished_table *t, uint64_t id, uint32_t list);

/* How many decisions of moderators there are for a list and a sender. Fingerprints, and counts. */
struct vanished_counts {
	struct vanished_count {
		uint64_t key;
		uint64_t n;
	} * rows; /* owned */
	size_t places, n;
};
void vanished_counts_fini(struct vanished_counts *c);
uint64_t *vanished_counts_at(struct vanished_counts *c, uint64_t key);
