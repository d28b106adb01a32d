/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * waiting -- how much waits in a Mailman, and for whom: files of every queue, posts and requests that
 * wait for a moderator, bounces that nobody has counted; by queue and by list.
 */

#include "lists/site.h"

/* One thing that waits. All strings are borrowed; NULL where it is not known. */
struct lists_waiting_item {
	const char *list;  /* NULL: the site list's, by Mailman's rule */
	const char *place; /* "in", "out" ...; "held", "joining", "leaving", "orphan", "bounce" */
	const char *state; /* lists_queue_state_name(); "lost" of a held post without its file */
	const char *sender;
	uint64_t octets;
	double at; /* seconds since 1970 UTC; 0: not known */
	bool has_problem;
};

struct lists_waiting {
	struct lists_waiting_item *rows; /* owned; by list, place, state, sender, time */
	size_t n, room;
	struct lists_findings findings; /* of requests; `where` is the list */
	struct strings senders;         /* inside */
};
#define AUTO_LISTS_WAITING __attribute__((cleanup(lists_waiting_fini)))
void lists_waiting_fini(struct lists_waiting *w);

/* Of a site that was read with its queues, and borrowed as long as *out lives: reads each list's
 * requests. -1 only when the host can't be reached. */
int lists_waiting_read(struct lists_waiting *out, const struct lists_site *site, struct error *err)
	MUST_CHECK;

/* Rows that are alike, added up. */
struct lists_waiting_sum {
	uint64_t n, octets, problems;
	double oldest, newest; /* 0: not known */
};
void lists_waiting_add(struct lists_waiting_sum *sum, const struct lists_waiting_item *item);

/* Who has sent the rows from `from` up to `to` (which are of one list, place and state), most first;
 * at most `most`. Returns how many there are in all. */
struct lists_waiting_sender {
	const char *name; /* borrowed; NULL: not known */
	uint64_t n;
};
size_t lists_waiting_senders(const struct lists_waiting *w, size_t from, size_t to,
                             struct lists_waiting_sender *out, size_t most);
