/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * gate -- mailhaul-gate on the old host as the move uses it with close: spool or relay. It listens on a
 * port of its own; the fence diverts port 25 to it. Facts in the state: "gate.stands" (yes: there may
 * be mail in its spool, or sessions that it passes through), "gate.trusted" (addresses that the new MTA
 * believes for its sake alone).
 */

#include "move/move.h"

struct gate_now {
	bool runs, hold, reachable;
	char mode[16]; /* "defer", "spool", "relay" */
	char why[256]; /* the server that it gives out to can't be reached */
	uint64_t connections;
	uint64_t accepted;       /* connections since its start */
	uint64_t taken, relayed; /* messages since its start */
	uint64_t messages, held; /* in its spool; of them, refused by the server: for a person */
};

/* How it stands; one that does not run is no error. */
int gate_look(struct move *m, struct gate_now *out, struct error *err) MUST_CHECK;

/* Places it, starts it for the new server, holding what it takes; does nothing when it runs. */
int gate_start(struct move *m, struct error *err) MUST_CHECK;
/* Starts it to give its spool to the old server, and take nothing. */
int gate_start_back(struct move *m, struct error *err) MUST_CHECK;
/* Lets its sessions come to their end, for window.session_grace at most. */
int gate_await_quiet(struct move *m, struct error *err) MUST_CHECK;
/* The same, and ends it. */
int gate_stop(struct move *m, struct error *err) MUST_CHECK;

/* "hold", "release"; "mode", WORD. `word` may be NULL. */
int gate_tell(struct move *m, const char *verb, const char *word, struct error *err) MUST_CHECK;

/* Waits until its spool is empty but for what is held, telling how far it is. ERROR_RETRY_LATER:
 * config's gate.wait has passed. */
int gate_await_empty(struct move *m, struct gate_now *last, struct error *err) MUST_CHECK;

/* The new MTA believes the old host when that says XCLIENT; and no more. */
int gate_trust(struct move *m, struct error *err) MUST_CHECK;
int gate_distrust(struct move *m, struct error *err) MUST_CHECK;

/* Takes away all that the gate needed: the way to it, itself, its trust. Its spool has to be empty, but
 * for what is held; that stays where it is. */
int gate_end(struct move *m, struct error *err) MUST_CHECK;

/* Knocks on port 25 of each old address. At least one has to be in reach from here, and each that is
 * must greet; and it has to be the gate that does. */
int gate_prove(struct move *m, struct error *err) MUST_CHECK;

/* ── the account ─────────────────────────────────────────────────────────────────────────────── */

/* Messages, by the gate's own log. */
struct gate_account {
	uint64_t taken, given, held, waiting;
	uint64_t unaccounted; /* taken, and neither given out nor in the spool */
	struct buf names;     /* of those that are held or unaccounted, a line each */
};
void gate_account_fini(struct gate_account *a);
#define AUTO_GATE_ACCOUNT __attribute__((cleanup(gate_account_fini)))
/* All zero when this move has no gate that takes mail. */
int gate_account(struct move *m, struct gate_account *out, struct error *err) MUST_CHECK;
/* Pure: what the log's lines say; `waiting` is what the spool holds beside what is held. */
void gate_account_read(struct span log, uint64_t waiting, struct gate_account *out);
