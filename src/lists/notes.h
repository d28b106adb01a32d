/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * notes -- what passes over mailing lists have to tell a person, while nothing is wrong: several look at the
 * same files, so each note is told once, and all are kept as evidence ("list notes").
 */

#include "base/text.h"
#include "state/state.h"

#include <stdint.h>

#define LISTS_NOTES_TOLD 20u

struct lists_notes {
	struct state *state; /* borrowed */
	int64_t since_ms;    /* since 1970 UTC: what was told from then on is not told again */
	/* Told one line at a time; NULL: nobody listens. */
	void (*tell)(void *context, const char *words);
	void *context;
};

/* Tells the first LISTS_NOTES_TOLD of them, and how many there are besides; keeps all. */
int lists_notes_tell(const struct lists_notes *n, const struct strings *notes, struct error *err)
	MUST_CHECK;
