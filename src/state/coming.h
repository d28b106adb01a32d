/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * coming -- names of messages that new may put in place at any moment, and of which the ledger
 * (state/messages.h) knows nothing yet. They are written before new is told to, so that whoever is
 * killed in between leaves none behind that nobody knows as ours.
 *
 * Few rows with many names each, and only while a batch is under way, or after one that was cut off.
 */

#include "state/state.h"

#include <stddef.h>

struct coming_name {
	const char *account, *folder, *base; /* borrowed; any octet but NUL */
};

/* Writes the names of a batch, those of one folder together; *batch is what it is called from then
 * on. In a transaction of its own: durable at return. */
int coming_put(struct state *s, const struct coming_name *names, size_t n, int64_t *batch,
               struct error *err) MUST_CHECK;
/* The ledger has them now: in the transaction that puts them there. */
int coming_arrived(struct state *s, int64_t batch, struct error *err) MUST_CHECK;

typedef int coming_visit_fn(void *context, const struct coming_name *name, struct error *err);
/* Of one account, in no order; a name may come more than once. It is valid during the call; -1 from
 * `visit` ends the walk. */
int coming_walk(struct state *s, const char *account, coming_visit_fn *visit, void *context,
                struct error *err) MUST_CHECK;
/* What was left of earlier batches of that account was looked at: each is in the ledger, or gone. */
int coming_settled(struct state *s, const char *account, struct error *err) MUST_CHECK;
