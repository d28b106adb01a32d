/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* counters -- what the gate has done since its start, in numbers; for Prometheus and for `status`. To
 * add one, add a member here and a row in gate/counters.c. */

#include "base/text.h"

#include <stdint.h>

struct gate_counters {
	uint64_t accepted, crowded, too_many, too_fast; /* connections */
	uint64_t deferred;                              /* sessions or transactions */
	uint64_t taken, taken_octets;                   /* messages: 250 was said */
	uint64_t failed, full;                          /* messages: 451, 452 was said */
	uint64_t relayed, relay_refused, relay_unreached;
	uint64_t recipients_taken, recipients_unknown, recipients_unsure, recipients_foreign;
	uint64_t bad_newlines, too_big, timeouts, errors, tls, tls_failed;
	uint64_t sessions, bytes_in; /* now; octets of messages */
};

/* Appends "# HELP ... # TYPE ... mailhaul_gate_NAME VALUE" of each. */
void gate_counters_prometheus(const struct gate_counters *c, struct buf *out);
/* Appends "\"name\": value, ..." of each. */
void gate_counters_json(const struct gate_counters *c, struct buf *out);
/* One number of another kind, for Prometheus. */
void gate_gauge(struct buf *out, const char *name, const char *help, uint64_t value);
