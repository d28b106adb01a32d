/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* answers -- what was answered to each question of `mailhaul check`, when, and by whom. Never changed:
 * a later answer is another row. */

#include "base/error.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

/* All strings are owned, none is NULL. */
struct answer {
	int64_t run;   /* 1, 2, ...: what was asked together; 0: a person's answer */
	int64_t at_ms; /* since 1970 UTC */
	char *id;      /* of the question */
	char *side;    /* "old", "new", "both" */
	char *answer;  /* "yes", "no", "unknown", "skipped" */
	char *evidence;
	char *who; /* the person, or "" */
};
struct answers {
	struct answer *rows; /* owned; oldest first */
	size_t n, room;
};
#define AUTO_ANSWERS __attribute__((cleanup(answers_fini)))
void answers_fini(struct answers *a);
void answers_add(struct answers *a, const struct answer *row); /* copies it */

/* Stores these as one run, whose number is told; in one transaction. */
int answers_put_run(struct state *s, const struct answers *a, int64_t *run, struct error *err)
	MUST_CHECK;
/* Stores what a person answers. */
int answers_put_person(struct state *s, const struct answer *row, struct error *err) MUST_CHECK;

/* Those of one run (0: what persons answered), or with run -1 of all; `id` NULL: of all questions. */
int answers_load(struct state *s, int64_t run, const char *id, struct answers *out,
                 struct error *err) MUST_CHECK;
