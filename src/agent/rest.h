/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rest -- when the agent leaves the host to its own work for a while: its load average, or the share
 * of time in which something waited for a disk, is above what the person allows.
 *
 * Sources: proc(5) /proc/loadavg, first field; Documentation/accounting/psi.rst of Linux
 * (/proc/pressure/io, "some avg10=", there since 4.20). Both are read below the agent's root.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Hundredths: of a load average, and of a percent. */
struct rest_figures {
	uint64_t load, io;
	bool has_load, has_io; /* could be read */
};

struct rest {
	uint64_t load, io; /* bounds, in the same hundredths; 0: none */
	bool resting;
	int64_t looked_ms; /* when the figures were looked at; 0: never */
};

/* Reads what the two files hold; what is not there stays false. */
void rest_parse_load(struct span text, struct rest_figures *out);
void rest_parse_pressure(struct span text, struct rest_figures *out);

/*
 * Whether to rest now. It begins above a bound, and ends when all figures are below nine tenths of
 * theirs: a load average moves slowly, and would be crossed back and forth.
 *
 *   words  receives why, when the answer is yes
 */
bool rest_is_due(const struct rest *r, const struct rest_figures *now, struct buf *words);
