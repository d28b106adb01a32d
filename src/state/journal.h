/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * journal -- what has been begun and what is done, on disk before the next line of code runs.
 *
 * Each step writes BEGIN, acts, writes DONE. After a crash, a BEGIN without its DONE means that the
 * action may have happened in part: it is done again, so every action is safe to repeat. An undo
 * writes UNDO_BEGIN, acts, writes UNDONE.
 *
 * A cut-over is one attempt; after a rollback the next cut-over is the next attempt, and the rows of
 * earlier ones stay as evidence.
 *
 * For tests: with MAILHAUL_DIE_AT=before:N (after:N) in the environment the process ends itself by
 * SIGKILL right before (after) its N-th journal write.
 */

#include "state/state.h"

enum journal_mark {
	JOURNAL_NONE,
	JOURNAL_BEGIN,
	JOURNAL_DONE,
	JOURNAL_FAILED, /* acted, and the step's check said no; details say why */
	JOURNAL_UNDO_BEGIN,
	JOURNAL_UNDONE,
};
const char *journal_mark_name(enum journal_mark mark);

/* Writes one record; on disk when 0 is returned. `detail` is words for a person, or NULL. */
int journal_write(struct state *s, int64_t attempt, const char *step, enum journal_mark mark,
                  const char *detail, struct error *err) MUST_CHECK;

/* The last mark of a step in an attempt; JOURNAL_NONE when there is none. */
int journal_last(struct state *s, int64_t attempt, const char *step, enum journal_mark *out,
                 struct error *err) MUST_CHECK;

struct journal_record {
	int64_t id, at_ms, attempt;
	const char *step, *detail; /* borrowed during the visit */
	enum journal_mark mark;
};
typedef int journal_visit_fn(void *context, const struct journal_record *record, struct error *err);
/* Visits all records, oldest first. */
int journal_walk(struct state *s, journal_visit_fn *visit, void *context, struct error *err)
	MUST_CHECK;
