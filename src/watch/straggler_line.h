/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* straggler_line -- what one line of a log of the old host tells of somebody who came there: the gate's,
 * or Postfix's. Inside the room. */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct straggler_line {
	int64_t at_ms;        /* wall clock */
	bool session;         /* one session: counts as somebody who came */
	struct span client;   /* its address; empty: the line names none, but `queue_id` does */
	struct span name;     /* what it said behind HELO, or its name in the DNS; may be empty */
	bool mail;            /* it brought, or was refused, a message */
	struct span sender;   /* of that, the envelope's sender; "" is a bounce's */
	struct span queue_id; /* Postfix's name for a message; may be empty */
};

/* False: it tells of nobody. The spans point into `line`; what stands in them is the client's to choose,
 * but for `client`, which is an address. */
bool straggler_line_read(struct span line, int64_t now_ms, struct straggler_line *out);
