/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* clock -- what time it is, and how long something took. */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

int64_t clock_wall_ms(void);      /* milliseconds since 1970 UTC */
int64_t clock_monotonic_ms(void); /* never goes back; from an arbitrary start */
int64_t clock_monotonic_ns(void); /* the same clock, for what is short */
void clock_sleep_ms(int64_t ms);

/* "2026-03-01T02:13:07.123Z"; returns `out`. */
const char *clock_text(char out[32], int64_t wall_ms);

/* Reads RFC 3339 as clock_text() and Postfix's ISO log style write it ("2026-03-01T02:13:07+01:00",
 * with or without a fraction), and the syslog form "Mar  1 02:13:07" (local time; the year is the
 * one that puts it nearest to, and not after a day past, `near_ms`). False when it is neither. */
bool clock_parse(struct span text, int64_t near_ms, int64_t *wall_ms, size_t *used);
