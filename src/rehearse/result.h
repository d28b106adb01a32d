/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* result -- what came of a rehearsal: steps, failures by step and name, and the proof that nothing has
 * left. Kept as JSON (mailhaul-rehearse(1) has its form), so that the next one can be held against it. */

#include "base/attr.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct rehearse_failure {
	const char *step;   /* static; "in.rcpt" */
	char *name, *words; /* owned; whom it is about, and what was seen */
	bool is_new;        /* the last rehearsal had no such one */
};
struct rehearse_step {
	const char *id, *title; /* static */
	unsigned asked, failed;
	double seconds;
};
/* A step of the cut-over, or of its way back. */
struct rehearse_moved {
	const char *name; /* static */
	bool back;
	const char *end; /* static; "done", "failed", "undone", "not undone" */
	double seconds;
};
struct rehearse_cutover {
	char *skipped; /* owned; why it was not rehearsed; NULL: it was, or was not to be */
	struct rehearse_moved *rows; /* owned; as they were done */
	size_t n, room;
	unsigned messages;              /* that came meanwhile */
	double window_s, last_window_s; /* from the freeze to the opening; 0: not known */
};
struct rehearse_result {
	struct rehearse_failure *failures; /* owned */
	size_t n, room;
	struct rehearse_step steps[16];
	size_t steps_n;
	struct rehearse_cutover cutover;
	struct strings notes, proof;
	/* Where not everything was tried: what was asked for, and the names of failures that this one
	 * would have found. */
	struct strings only, tried;
	struct strings
		mended; /* "in.rcpt sales@example.org": failures of the last one that are none now */
	unsigned caught; /* messages that reached the pretended internet */
	int64_t at_ms;   /* since 1970 UTC */
	double seconds;
	bool compared; /* there was a last one */
};
#define AUTO_REHEARSE_RESULT __attribute__((cleanup(rehearse_result_fini)))
void rehearse_result_fini(struct rehearse_result *r);

/* A failure; once for each step and name. */
void rehearse_fail(struct rehearse_result *r, const char *step, const char *name,
                   const char *format, ...) PRINTF_LIKE(4, 5);

/* Marks what is new since `last`, the JSON of an earlier one, and lists what is mended. */
void rehearse_compare(struct rehearse_result *r, const char *last);
/* Whether everything was tried: only such a JSON can be held against. */
bool rehearse_was_whole(const char *json);

void rehearse_add_table(struct buf *out, const struct rehearse_result *r);
/* The caller owns it. */
char *rehearse_json(const struct rehearse_result *r) MUST_CHECK;
