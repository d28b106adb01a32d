/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* lists_pair -- the hosts, the state and the Mailmans that a verb of `mailhaul lists` works on: those
 * of a move, or such as the command line names. */

#include "cmd/cmd.h"
#include "lists/paths.h"

/* One side. `place` is as in cmd_place_words(). */
struct lists_side {
	const char *place;  /* borrowed; NULL: the move's host */
	const char *prefix; /* borrowed; where its Mailman is; NULL: it is looked for */
	bool control;
	struct host *host;  /* to use */
	struct host *owned; /* the same, where it is no move's */
	struct lists_installations all;
	struct lists_installation *chosen; /* to use */
};

struct lists_pair {
	struct cmd_run *run;        /* borrowed */
	const char *state_dir;      /* borrowed; NULL: the move's, or one below $XDG_STATE_HOME */
	struct lists_side old, new; /* `old` only where has_old is set */
	bool has_old;
	struct state *state; /* to use */
	struct state *owned_state;
};

/* Fills in what is to be used, from what the caller has set. The caller ends it in either case. */
int lists_pair_open(struct lists_pair *p, struct error *err) MUST_CHECK;
void lists_pair_close(struct lists_pair *p);
