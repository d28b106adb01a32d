/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* evidence -- what was seen, when, in words and as JSON: the report is made of it. Never changed. */

#include "state/state.h"

/*
 * Keeps one piece of evidence.
 *
 *   topic  "survey", "freeze", "verify", "canary", ...
 *   words  one sentence for a person
 *   json   the whole of it, or NULL
 */
int evidence_put(struct state *s, const char *topic, const char *words, const char *json,
                 struct error *err) MUST_CHECK;

struct evidence_record {
	int64_t at_ms; /* since 1970 UTC */
	const char *topic, *words,
		*json; /* borrowed during the visit; json "" when there is none */
};
typedef int evidence_visit_fn(void *context, const struct evidence_record *record,
                              struct error *err);
/* Oldest first; `topic` NULL: all. */
int evidence_walk(struct state *s, const char *topic, evidence_visit_fn *visit, void *context,
                  struct error *err) MUST_CHECK;
