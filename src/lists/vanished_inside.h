/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* vanished_inside -- what the parts of lists_vanished_read() share. */

#include "lists/vanished_table.h"
#include "mta/mta.h"

/* The logs of one host. */
struct vanished_logs {
	struct lists_log_files of[LISTS_LOGS];
	struct lists_log_files mail; /* the MTA's */
	const struct mta_ops *mta;   /* NULL: none that is known */
};

/* A message that is somewhere. */
struct vanished_place {
	uint64_t id;
	uint32_t list;
	uint32_t queued; /* of site->queue, and one; 0: held */
	uint32_t host;
};

struct vanishing {
	struct lists_vanished *out;
	const struct lists_trace_host *hosts;
	struct lists_site *sites;
	size_t n;
	struct vanished_logs *logs; /* owned; n */
	struct strings names;       /* of all lists, sorted */
	struct vanished_table table;
	struct vanished_table
		queue; /* of the MTA: queue ids as ids; `offset` is the Message-ID's */
	struct vanished_counts decisions;
	struct vanished_place *places; /* owned */
	size_t places_n, places_room;
	bool has_places;
	int64_t began;      /* seconds since 1970: what came later is on its way */
	int64_t told_since; /* the first line of a post or smtp log; 0: there is none */
	/* the file under way */
	size_t host;
	enum lists_log log;
	struct lists_log_file *file;
	uint32_t file_number;
	struct lists_log_clock clock;
	uint64_t taken; /* of the MTA's: octets before the line */
	bool is_naming; /* the second time: rows get their words */
	bool is_first;  /* counts are taken once */
};

/* Streams the logs of all hosts that tell of posts, and what they tell into the table. */
int vanished_read_mail(struct vanishing *v, struct error *err) MUST_CHECK;
int vanished_read_vette(struct vanishing *v, struct error *err) MUST_CHECK;
/* Streams those that tell what became of them, and takes out of the table what was found. */
int vanished_read_posts(struct vanishing *v, struct error *err) MUST_CHECK;
/* Held posts and queues of all hosts; read once. */
int vanished_read_places(struct vanishing *v, struct error *err) MUST_CHECK;
/* Digests and archives of lists that still miss some. */
int vanished_read_mboxes(struct vanishing *v, struct error *err) MUST_CHECK;
