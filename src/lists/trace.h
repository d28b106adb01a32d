/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * trace -- every place of a Mailman where one message was seen: held posts, queues, the digest in
 * progress, archives, bounces that were not counted yet, and what the logs tell of it.
 *
 * Several hosts may be asked, as where web server and MTA share one Mailman: first all of them for
 * places, then for logs, since a queue's file is named by a time (the first part of its name, which
 * stays the same from queue to queue) by which the error log speaks of it.
 */

#include "lists/log_files.h"
#include "lists/site.h"

struct lists_trace_row {
	int64_t at_ms;    /* since 1970 UTC; 0: the place does not say when */
	const char *host; /* borrowed */
	const char *
		where; /* static: "queue", "held", "digest", "archive", "events", or a log's name */
	char *file, *place,
		*what; /* owned; `place` in the file: "octet 1234", "list talk, request 3" */
};

/* A Mailman of a host; borrowed. */
struct lists_trace_host {
	const char *name;
	struct host *h;
	const struct lists_installation *mailman;
	const struct lists_site *site; /* read with its queues */
};

struct lists_trace {
	struct span id;               /* borrowed; without its angle brackets */
	struct lists_trace_row *rows; /* owned; as they were found */
	size_t n, room;
	/* Inside. */
	struct strings lists;   /* that have, or had it */
	struct strings senders; /* "LIST ADDRESS": whose post was held */
	double *bases;          /* of queue files */
	size_t bases_n, bases_room;
};
#define AUTO_LISTS_TRACE __attribute__((cleanup(lists_trace_fini)))
void lists_trace_fini(struct lists_trace *t);

/* Looks through all hosts. What cannot be read is a row, too. -1: a host can't be reached. */
int lists_trace_read(struct lists_trace *t, const struct lists_trace_host *hosts, size_t n,
                     struct error *err) MUST_CHECK;

/* Inside: the parts of the former. */
int lists_trace_places(struct lists_trace *t, const struct lists_trace_host *host,
                       struct error *err) MUST_CHECK;
int lists_trace_logs(struct lists_trace *t, const struct lists_trace_host *hosts, size_t n,
                     struct error *err) MUST_CHECK;
struct lists_trace_row *lists_trace_add(struct lists_trace *t, const char *host, const char *where,
                                        int64_t at_ms, const char *file);
void lists_trace_add_list(struct lists_trace *t, struct span list);
