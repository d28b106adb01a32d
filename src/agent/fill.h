/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* fill -- records of an answer on their way into DATA frames. */

#include "agent/agent.h"

struct fill {
	struct agent *a; /* borrowed */
	struct buf out;  /* the frame that is being filled; owned */
	bool gone;       /* mailhaul does not listen any more */
};

/* After each record: sends the frame when it has WIRE_FILL octets. */
int fill_added(struct fill *f, struct error *err) MUST_CHECK;
/* Octets of any number, as records of that tag. */
int fill_pieces(struct fill *f, uint64_t tag, struct span bytes, struct error *err) MUST_CHECK;
/* At the end of the answer: sends what is left. */
int fill_send(struct fill *f, struct error *err) MUST_CHECK;
