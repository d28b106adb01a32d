/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* checks -- the questions that a cut-over asks by itself before it begins; a row and a function each.
 * Those beside them, and all that people are shown, are the room check's. */

#include "move/move.h"

enum check_answer { CHECK_YES, CHECK_NO, CHECK_UNKNOWN, CHECK_SKIPPED };
enum check_weight { CHECK_MUST, CHECK_SHOULD, CHECK_INFO };
const char *check_answer_name(enum check_answer answer);

struct check_row {
	const char *id;       /* stable; "disk.new" */
	const char *topic;    /* part in front of the dot */
	const char *question; /* in plain words */
	const char *remedy;   /* what to do about a no */
	enum check_weight weight;
	/* Puts the evidence into `seen`. A host that can't be asked: UNKNOWN, with the reason there. */
	enum check_answer (*ask)(struct move *m, struct buf *seen);
	bool of_old, of_new; /* which hosts it asks: m->old, m->new; others may be NULL */
};

extern const struct check_row move_checks[];
extern const unsigned move_checks_rows;
