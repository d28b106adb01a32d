/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * pace -- how long to wait so that no more than so many octets a second come. Arithmetic only.
 *
 * Each octet has its time on an ideal line of that rate; what came earlier than its time waits. A line
 * that was idle may catch up PACE_BURST_MS of it, and no more.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_BURST_MS 200

struct pace {
	uint64_t rate;   /* octets a second; 0: no limit */
	int64_t next_us; /* when the ideal line is free again; on the caller's clock */
	bool begun;
};

void pace_begin(struct pace *p, uint64_t rate);
/* `octets` came at `now_ms` (any clock that never goes back). How many milliseconds to wait before
 * the next are read; 0 without a limit. */
int64_t pace_wait_ms(struct pace *p, uint64_t octets, int64_t now_ms);
/* How much to read at once: an eighth of a second's, from 4 KB to `most`. */
size_t pace_chunk(const struct pace *p, size_t most);
