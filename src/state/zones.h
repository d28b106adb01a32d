/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * zones -- changes of DNS zones that mailhaul has made, or had made: what was there before and what
 * after, so that each can be taken back exactly, and the time when an old TTL began to run out.
 *
 * A row is on disk before anything is sent, and marked when it is done.
 */

#include "state/state.h"

struct zone_change {
	int64_t id;  /* 1, 2, ... */
	char *kind;  /* owned; "apply", "lower-ttl", "away", "switch" */
	char *edits; /* owned; JSON, dns/edits.h */
	int64_t begun_ms, done_ms, undo_begun_ms, undone_ms; /* wall clock; 0: not */
	int64_t seen_ms; /* when all servers of the zones were first seen to have it; 0: not yet */
};
struct zone_changes {
	struct zone_change *rows; /* owned; oldest first */
	size_t n, room;
};
#define AUTO_ZONE_CHANGES __attribute__((cleanup(zone_changes_fini)))
void zone_changes_fini(struct zone_changes *c);

int zone_changes_load(struct state *s, struct zone_changes *out, struct error *err) MUST_CHECK;
/* Writes that a change begins; *id names it from now on. */
int zone_change_begin(struct state *s, const char *kind, const char *edits, int64_t *id,
                      struct error *err) MUST_CHECK;

enum zone_mark { ZONE_DONE, ZONE_SEEN, ZONE_UNDO_BEGUN, ZONE_UNDONE };
/* Marks it with a wall clock's time; a mark that is there stays. */
int zone_change_mark(struct state *s, int64_t id, enum zone_mark mark, int64_t at_ms,
                     struct error *err) MUST_CHECK;
