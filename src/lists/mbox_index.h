/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mbox_index -- where each message of an mbox begins, its Message-ID and its date, found in one pass
 * over the file; what is kept is bounded by the number of messages, not by what they hold.
 *
 * A message begins at each line that begins with "From ", as pipermail reads it (no blank line is
 * asked for, no Content-Length is believed); so one that a body holds begins a message, too. Which of
 * them bin/cleanarch takes for real is a flag of each row: the message of a row without it belongs, in
 * truth, to the row before. Where `separators` is less than n, that is so.
 *
 *	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index ix = { 0 };
 *	if (lists_mbox_index_host(&ix, h, path, err) < 0)
 *		return -1;
 *	for (size_t i = 0; i < ix.n; i++)
 *		... ix.rows[i].offset, lists_mbox_index_octets(&ix, i)
 *
 * Source: Mailman/Archiver and bin/cleanarch of 2.1.39; RFC 4155.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stdint.h>

enum lists_mbox_flag {
	LISTS_MBOX_SEPARATOR = 1 << 0, /* cleanarch's rule holds for its From_ line */
	LISTS_MBOX_AGAIN = 1 << 1,     /* an earlier row has the same Message-ID */
	LISTS_MBOX_HAS_DATE = 1 << 2,  /* `at` is of its Date field */
	LISTS_MBOX_FROM_DATE = 1 << 3, /* `at` is of its From_ line: there is no Date to be read */
	LISTS_MBOX_NO_BLANK = 1
	                      << 4, /* the line before it is not empty: cleanarch puts one there */
	LISTS_MBOX_LONGER = 1 << 5, /* Content-Length says that it goes on behind the next From_ */
};

/* 40 octets, and up to 16 for the search by Message-ID. */
struct lists_mbox_row {
	uint64_t offset;      /* of its From_ line in the file */
	uint64_t id;          /* its Message-ID's fingerprint; 0: it has none */
	int64_t at;           /* seconds since 1970 UTC; 0 without one of the two flags */
	uint32_t from_octets; /* of the From_ line, with its end: there the header begins */
	uint32_t body_offset; /* from `offset`: where the body begins, behind the blank line */
	uint32_t id_offset;   /* from `offset`: the Message-ID as it stands there, trimmed */
	uint16_t id_octets;
	uint16_t flags; /* of enum lists_mbox_flag */
};

struct lists_mbox_index {
	struct lists_mbox_row *rows; /* owned; in the order of the file */
	size_t n, room;
	uint64_t octets;     /* of the file */
	uint64_t separators; /* rows with LISTS_MBOX_SEPARATOR */
	uint64_t
		quoted; /* body lines that begin with ">From ": what a writer of mboxo or mboxrd did */
	uint64_t quoted_again; /* with ">>From ": of mboxrd alone */
	uint64_t before;       /* octets before the first From_ line: of no message */
	uint64_t again;        /* rows with LISTS_MBOX_AGAIN */
	bool is_cut;           /* the last line has no end */
	/* Inside. */
	uint32_t *slots; /* by Message-ID: a row's number and one; of rows alike the first */
	size_t slots_n;
	uint64_t key[2];
	struct buf rest; /* octets that were not taken yet, from `taken` on in the file */
	uint64_t taken;
	uint64_t body_at;           /* in the file, of the last row */
	uint64_t length;            /* its Content-Length; UINT64_MAX: none */
	bool in_message, is_middle; /* `rest` begins in the middle of a line */
	bool is_blank;              /* the line before is empty */
	bool is_bare_cr;            /* in the middle: nothing but a CR stands before it */
};
#define AUTO_LISTS_MBOX_INDEX __attribute__((cleanup(lists_mbox_index_fini)))
void lists_mbox_index_fini(struct lists_mbox_index *ix);

/* The next octets of the file, cut anywhere; and that there are no more. Pure. */
void lists_mbox_index_feed(struct lists_mbox_index *ix, struct span octets);
void lists_mbox_index_end(struct lists_mbox_index *ix);

/* All of an open file of this machine, from its beginning; feed and end are done. */
int lists_mbox_index_file(struct lists_mbox_index *ix, int fd, struct error *err) MUST_CHECK;
/* The same of a file of a host. A missing one: sys_errno ENOENT. */
int lists_mbox_index_host(struct lists_mbox_index *ix, struct host *h, const char *path,
                          struct error *err) MUST_CHECK;

/* Octets of a row's message with its From_ line, up to the next row or the end. */
uint64_t lists_mbox_index_octets(const struct lists_mbox_index *ix, size_t row);
/* The first row with that Message-ID, with or without its angle brackets; ix->n: none. It is found by
 * 64 bits of a keyed hash. */
size_t lists_mbox_index_find(const struct lists_mbox_index *ix, struct span message_id);
/* The next one behind `row` with the same Message-ID; ix->n: none. */
size_t lists_mbox_index_next(const struct lists_mbox_index *ix, size_t row);
