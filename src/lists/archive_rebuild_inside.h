/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* archive_rebuild_inside -- what the files of a rebuild share: what is planned, and writing it. */

#include "lists/archive_rebuild.h"

/* A volume in which something changes, as it is to be. */
struct archive_touched {
	struct archive_volume volume;
	int64_t first, last;    /* numbers of its first and last message, by date, before */
	struct strings dropped; /* ids, with "<" and ">" */
};
struct archive_incoming {
	struct archive_letter letter;
	struct span octets; /* the message without its From_ line; borrowed */
	struct span from_line;
	size_t touched;
	int64_t number;
};
struct archive_leaving {
	char *id;       /* owned; with "<" and ">" */
	size_t touched; /* when number is not -1 */
	int64_t number; /* -1: only the mbox has it */
};

struct archive_run {
	const struct archive_rebuild_options *o;
	struct archive_rebuild *out;
	struct archive_state state;
	struct archive_touched *touched;
	size_t touched_n, touched_room;
	struct archive_incoming *incoming;
	size_t incoming_n, incoming_room;
	struct archive_leaving *leaving;
	size_t leaving_n, leaving_room;
	int64_t next; /* number */
};

/* archive_rebuild_texts.c */
int archive_rebuild_mbox(struct archive_run *r, struct error *err) MUST_CHECK;
int archive_rebuild_text(struct archive_run *r, struct archive_touched *t, struct error *err)
	MUST_CHECK;

/* archive_rebuild_write.c */

/* A page of the archive, whose owner and mode new ones get. */
const struct host_entry *archive_like_page(const struct archive_run *r);
int archive_rebuild_write(struct archive_run *r, struct error *err) MUST_CHECK;
