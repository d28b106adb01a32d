/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sending -- records that go to a host in large frames, ahead of their answers, until a commit: what
 * the writers of remote/mailbox.h and remote/tree.h share.
 */

#include "remote/host.h"

/* Octets of a frame: one that has as many goes out. */
#define SENDING_FILL (1u << 20)

struct sending {
	struct host *h; /* borrowed */
	enum wire_kind kind;
	unsigned most;   /* frames under way; HOST_AHEAD at most */
	struct buf body; /* the frame that is being filled; owned */
	unsigned ahead;  /* frames whose answers were not read */
	bool dirty;      /* something was sent since the last commit; the caller sets it back */
	bool failed;     /* the host has refused something: nothing more is taken */
};

/* An error after any other; call it before a record is put. */
int sending_check(const struct sending *s, struct error *err) MUST_CHECK;
/* After each record: sends the frame when it is full. */
int sending_added(struct sending *s, struct error *err) MUST_CHECK;
/* Sends what is there and reads all answers; then other calls to that host may come between. */
int sending_settle(struct sending *s, struct error *err) MUST_CHECK;
/* Nothing more is taken. Returns -1. */
int sending_give_up(struct sending *s);
/* Ends it. What was not committed is taken back: `spoil` is a body that makes the agent drop all of
 * it, and the `commit` behind it wakes the agent up for the next. */
void sending_end(struct sending *s, struct span spoil, enum wire_kind commit);
