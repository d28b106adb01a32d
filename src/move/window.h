/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* window -- how long the downtime will be, and the figures that say so. */

#include "config/config.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

struct window {
	struct {
		int64_t ms;
		char why[160];
	} parts[12];
	size_t n;
	int64_t total_ms;
};

/*
 * Predicts from what was measured: the last seed pass, the last verify, the last cut-over's steps.
 * What has not been measured yet is taken from our own trials, and said so in `why`.
 */
int window_predict(const struct config *c, struct state *s, struct window *out, struct error *err)
	MUST_CHECK;
