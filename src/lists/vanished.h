/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * vanished -- posts that a log speaks of, and that are nowhere: not in a post log, no queue, not held,
 * in no digest and no archive, and neither refused nor discarded.
 *
 * All logs are streamed. Of a post that is looked for, 48 octets are kept; when there are more of them
 * than VANISHED_MAX, the logs are read several times, each time for a part of the posts: so memory is
 * bounded, however long the logs are.
 */

#include "lists/trace.h"

enum lists_vanished_kind {
	LISTS_VANISHED_ACCEPTED = 1, /* the MTA gave it to Mailman, and there it was never seen */
	LISTS_VANISHED_HELD,         /* it was held; nobody decided; and it is held no more */
	LISTS_VANISHED_APPROVED,     /* a moderator approved it, and then nothing */
	LISTS_VANISHED_STRANDED, /* it was approved, and waits in a queue since, where no runner is */
};
const char *lists_vanished_kind_name(enum lists_vanished_kind kind);

struct lists_vanished_row {
	enum lists_vanished_kind kind;
	char *list, *id, *sender; /* owned, printable; "" when it is not known */
	int64_t at;               /* seconds since 1970 UTC, of the last trace; 0: not known */
	const char *host;         /* borrowed */
	char *file;               /* with the last trace */
	uint64_t offset;          /* of it in the file */
	char *words;              /* what the last trace says */
	char *waits;              /* of a stranded one: the queue's file; else NULL */
	const char *doubt;        /* static: why it may be that it is somewhere; NULL: no doubt */
};

struct lists_vanished {
	struct lists_vanished_row *rows; /* owned; as they were found */
	size_t n, room;
	uint64_t untold;                   /* more of them, which have no row */
	uint64_t accepted, held, approved; /* that the logs tell of */
	uint64_t without_id;               /* posts that nobody can follow */
	struct strings not_read;           /* "HOST: FILE: why" */
	unsigned passes;                   /* how often the logs were read */
};
#define AUTO_LISTS_VANISHED __attribute__((cleanup(lists_vanished_fini)))
void lists_vanished_fini(struct lists_vanished *v);

/* Posts that are looked for at once, in 24 MB; and rows. */
#define LISTS_VANISHED_MAX (384u << 10)
#define LISTS_VANISHED_ROWS_MAX 100000u

/*
 * Looks through all hosts.
 *
 *   hosts  each site is read here, into what hosts[i].site points to, and ended by the caller
 *   most   posts that are looked for at once; 0: LISTS_VANISHED_MAX
 *   -1     a host can't be reached
 */
int lists_vanished_read(struct lists_vanished *out, const struct lists_trace_host *hosts,
                        struct lists_site *sites, size_t n, size_t most, struct error *err)
	MUST_CHECK;
