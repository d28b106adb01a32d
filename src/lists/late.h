/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * late -- what has come to lists on old after new had taken them over: requests that wait for a moderator,
 * with their held posts, and tokens of who wants to join or leave; and what somebody there has decided.
 *
 * A request gets a number that new has not given to another, and so does its post's file. Mailman skips
 * numbers that are taken. What was decided there is not asked of new's moderators again: an approved post
 * lies in old's queue, and comes with that (lists/take.h); the post's file goes aside on new.
 */

#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdint.h>

struct lists_late {
	struct host *from, *to; /* borrowed, as all else is; `to` needs control, and rests */
	const struct lists_installation *old, *new;
	struct state *state;
	/* Told one line at a time; NULL: nobody listens. */
	void (*tell)(void *context, const char *words);
	void *context;
};

/* Puts on record which requests and tokens there are on old: those that new has, too. */
int lists_late_note(const struct lists_late *l, struct error *err) MUST_CHECK;

/*
 * Brings what is beside those, and puts that on record: each comes once, also when it was cut off.
 *
 *   n       requests and tokens brought, and decisions
 *   errors  ERROR_RETRY_LATER: somebody works with that list on new; nothing of it was lost
 */
int lists_late_bring(const struct lists_late *l, uint64_t *n, struct error *err) MUST_CHECK;
