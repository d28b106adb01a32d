/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * move -- the heart: which step comes when, what is journalled, when it goes back.
 *
 * A cut-over is an attempt: the steps of move/steps.c in their order. Each is journalled BEGIN,
 * acts, DONE; what was DONE is not done again when the command is given again after a crash, and a
 * step without its DONE is simply done again. Until `switch` has begun, a step that fails, or a
 * budget that has run out, takes the whole attempt back by itself: the undos in reverse order,
 * journalled in the same way.
 *
 *	idle ──cutover──► under way ──all done──► finished
 *	  ▲                  │    │                   │
 *	  └─── gone back ◄───┴────┴──── rollback ─────┘
 *
 * Invariants that the tests hold:
 *  1. The old side takes mail, or nothing does but a gate that keeps it, or the new side does; never
 *     both at a time.
 *  2. Mail that a side has answered 250 for is in its queue or a mailbox, and travels with them.
 *  3. Killed at any journal write and started again, the end is the same.
 *  4. Nothing is ever deleted on the old side.
 *
 * This room decides; everything above it in the layer table only does.
 */

#include "base/error.h"
#include "config/config.h"
#include "remote/host.h"
#include "state/journal.h"
#include "state/state.h"
#include "survey/accounts.h"

#include <stdbool.h>
#include <stdint.h>

struct move {
	const struct config *config; /* borrowed, as are the next three */
	struct state *state;
	struct host *old, *new;
	int64_t attempt;               /* 1, 2, ... */
	bool has_lists;                /* mailing lists move; set by move_open() */
	struct account_pairs accounts; /* owned; read by move_open() */
	/* Told one line at a time what happens; NULL: nobody listens. */
	void (*tell)(void *listener, const char *words);
	void *listener;
};

enum move_phase { MOVE_IDLE, MOVE_UNDER_WAY, MOVE_FINISHED, MOVE_GOING_BACK, MOVE_GONE_BACK };
const char *move_phase_name(enum move_phase phase);
/* The phase of the latest attempt, and its number (0: there was none). */
int move_phase_read(struct state *s, enum move_phase *phase, int64_t *attempt, struct error *err)
	MUST_CHECK;

/* Reads what the state knows of the move into *m, whose borrowed members are set. */
int move_open(struct move *m, struct error *err) MUST_CHECK;
void move_fini(struct move *m);
#define AUTO_MOVE __attribute__((cleanup(move_fini)))

enum move_end {
	MOVE_END_DONE,      /* everything, or up to `until` */
	MOVE_END_WENT_BACK, /* failed before the switch; the old side serves again */
};

/*
 * Carries the cut-over on from where it stands.
 *
 *   until    name of the last step to do, or NULL
 *   why      set when it went back: what failed
 *   returns  0 with *end set; -1: it stands where it stood (a host out of reach, a person has to
 *            act, or a failure after the switch); the same command goes on from there
 */
int move_cutover(struct move *m, const char *until, enum move_end *end, struct error *why,
                 struct error *err) MUST_CHECK;

/* Undoes the attempt in reverse; the old side serves when it returns 0. Repeatable. */
int move_rollback(struct move *m, struct error *err) MUST_CHECK;

void move_say(struct move *m, const char *format, ...) PRINTF_LIKE(2, 3);

/* ── steps ───────────────────────────────────────────────────────────────────────────────────── */

struct step {
	const char *name;   /* stable: in the journal, in --until */
	const char *does;   /* one sentence each, for the runbook */
	const char *proven; /* how it is checked */
	const char *undone; /* how it is taken back; NULL: there is nothing to take back */
	/* Whether this move has the step at all; NULL: always. */
	bool (*applies)(const struct config *c);
	bool lists; /* only where mailing lists move */
	/* Both may be repeated after a crash at any place in them. */
	int (*act)(struct move *m, struct error *err);
	int (*undo)(struct move *m, struct error *err);
	bool always; /* acts anew in each run, even when DONE: a proof ages */
};

extern const struct step move_steps[];
extern const unsigned move_steps_rows;
const struct step *move_step_find(const char *name); /* NULL: there is none */
/* `lists`: whether mailing lists move, move_lists_wanted(). */
bool move_step_applies(const struct step *step, const struct config *c, bool lists);

/* The new host's mail ports take nobody from outside: where the gate takes mail no sender may be refused,
 * so that port 25 keeps silent until it opens. */
int move_shut_new(struct move *m, struct error *err) MUST_CHECK;

/* Keeps as "dns.old_ttl" how long a resolver may go on giving what the names lead to now. */
int move_keep_old_ttl(struct move *m, struct error *err) MUST_CHECK;

/* The steps' functions stand in freeze.c, lists.c, turn_away.c, stand_in.c, transfer.c, switch.c, opening.c. */
int step_preconditions(struct move *m, struct error *err);
int step_close_new(struct move *m, struct error *err);
int undo_close_new(struct move *m, struct error *err);
int step_hush_lists(struct move *m, struct error *err);
int undo_hush_lists(struct move *m, struct error *err);
int step_turn_away(struct move *m, struct error *err);
int undo_turn_away(struct move *m, struct error *err);
int step_stand_in(struct move *m, struct error *err);
int undo_stand_in(struct move *m, struct error *err);
int step_freeze(struct move *m, struct error *err);
int undo_freeze(struct move *m, struct error *err);
int step_stop_jobs(struct move *m, struct error *err);
int undo_stop_jobs(struct move *m, struct error *err);
int step_stop_lists(struct move *m, struct error *err);
int undo_stop_lists(struct move *m, struct error *err);
int step_drain(struct move *m, struct error *err);
int undo_drain(struct move *m, struct error *err);
int step_flush(struct move *m, struct error *err);
int step_stop_old(struct move *m, struct error *err);
int undo_stop_old(struct move *m, struct error *err);
int step_gate(struct move *m, struct error *err);
int undo_gate(struct move *m, struct error *err);
int step_prove(struct move *m, struct error *err);
int step_delta(struct move *m, struct error *err);
int undo_delta(struct move *m, struct error *err);
int step_queue(struct move *m, struct error *err);
int undo_queue(struct move *m, struct error *err);
int step_lists(struct move *m, struct error *err);
int undo_lists(struct move *m, struct error *err);
int step_verify(struct move *m, struct error *err);
int step_switch(struct move *m, struct error *err);
int undo_switch(struct move *m, struct error *err);
int step_open_smtp(struct move *m, struct error *err);
int undo_open_smtp(struct move *m, struct error *err);
int step_give_out(struct move *m, struct error *err);
int undo_give_out(struct move *m, struct error *err);
int step_canary(struct move *m, struct error *err);
int step_open_lists(struct move *m, struct error *err);
int undo_open_lists(struct move *m, struct error *err);
int step_open_mailboxes(struct move *m, struct error *err);
int undo_open_mailboxes(struct move *m, struct error *err);
int step_account(struct move *m, struct error *err);
