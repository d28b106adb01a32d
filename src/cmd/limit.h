/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* limit -- holds what move.yaml and --limit say while the old host is read, and tells when it rests. */

#include "cmd/cmd.h"
#include "state/state.h"

#include <stdbool.h>
#include <stdint.h>

struct old_limit {
	struct cmd_run *run; /* borrowed */
	uint64_t rate;       /* octets a second, of --limit; 0: what move.yaml says */
	bool resting;
};

/* "500000", "500k", "2M", "1G" (powers of 1000); false below CONFIG_RATE_LEAST, or for other words. */
bool limit_parse_rate(const char *text, uint64_t *rate);

/* Begins, for run->old_host. `l` stays where it is until limit_end(). */
int limit_begin(struct old_limit *l, struct error *err) MUST_CHECK;
void limit_end(struct old_limit *l);

/* Words for `status`: "rests since 2026-03-01T02:13:07Z: load average is ...", or NULL. Owned by the
 * caller. What a killed process left is told too, so it says since when. */
int limit_resting(struct state *state, char **out, struct error *err) MUST_CHECK;
