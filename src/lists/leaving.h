/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * leaving -- what old does of its own for a list that lives on new: nothing. Its directory stands aside, in
 * LIST_DATA_DIR.moved-by-mailhaul, so that old's cron sends no digest, notice or reminder of it, and old's
 * web pages take nothing for it that would be lost; and old's MTA passes its mail on to new.
 *
 * The site list is what Mailman does not start without: its directory goes when no other is left.
 */

#include "base/error.h"
#include "lists/paths.h"
#include "mta/passing.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>

struct lists_leaving {
	struct host *old, *new; /* borrowed, as all else is; old needs control */
	const struct lists_installation *old_site, *new_site;
	struct state *state;
	const char *route; /* an address of new by which old's MTA reaches it; NULL: not known */
	/* An address of old by which new reaches it: where people's mailboxes have not moved yet, mail that new
	 * has for them, such as posts of its lists, goes to old. NULL: it is new's own. */
	const char *home;
	bool passed_on; /* a person has seen to it that old's MTA passes their mail on */
};

/*
 * Finds out which addresses old's MTA has to pass on, and what they are called on new, and puts that on
 * record; neither host is changed. Nothing is passed on of a disk on which nothing runs.
 *
 *   errors  ERROR_RETRY_PERSON: new takes no mail for one of them, which it would refuse; old's MTA is
 *           none that can be told, and passed_on is not set
 */
int lists_leaving_plan(const struct lists_leaving *l, const struct strings *lists,
                       struct error *err) MUST_CHECK;
/* They are not to be passed on any more. */
int lists_leaving_forget(const struct lists_leaving *l, const struct strings *lists,
                         struct error *err) MUST_CHECK;
/* What is on record of each, to put it on record again. */
int lists_leaving_save(const struct lists_leaving *l, const struct strings *lists,
                       struct strings *out, struct error *err) MUST_CHECK;
int lists_leaving_restore(const struct lists_leaving *l, const struct strings *lists,
                          const struct strings *saved, struct error *err) MUST_CHECK;
/* What is on record comes in force, mta_pass_on(): nothing for others is under way into old's Mailman. */
int lists_leaving_pass_on(const struct lists_leaving *l, struct error *err) MUST_CHECK;
/* New passes on what is old's, of all lists that are on record; before old does, and after it does no more, so
 * that nothing goes round in a circle. */
int lists_leaving_pass_home(const struct lists_leaving *l, struct error *err) MUST_CHECK;
/* The same at the cut-over, when new's MTA rests: from now on all is its own. */
int lists_leaving_end_home(struct host *new, struct state *s, struct error *err) MUST_CHECK;
/* Waits until what was on its way to new, of these lists, has come there; old's MTA first. To be called
 * before lists_leaving_forget() with `out` of lists_leaving_pick(). */
int lists_leaving_pick(const struct lists_leaving *l, const struct strings *lists,
                       struct mta_passing *out, struct error *err) MUST_CHECK;
int lists_leaving_await(const struct lists_leaving *l, const struct mta_passing *of,
                        struct error *err) MUST_CHECK;

/* Whether its directory is in its place: 1, 0, -1. */
int lists_leaving_is_there(const struct lists_leaving *l, const char *list, struct error *err)
	MUST_CHECK;
/* Both may be repeated. */
int lists_leaving_put_aside(const struct lists_leaving *l, const char *list, struct error *err)
	MUST_CHECK;
int lists_leaving_put_back(const struct lists_leaving *l, const char *list, struct error *err)
	MUST_CHECK;

bool lists_leaving_is_site_list(const struct lists_leaving *l, const char *list);
/* After others have gone aside or come back. `leaves`: it is one of those that live on new. *stays: it has
 * its place on old, because others do, or because it does not leave. */
int lists_leaving_keep_site_list(const struct lists_leaving *l, bool leaves, bool *stays,
                                 struct error *err) MUST_CHECK;

/* Its files, wherever the directory is now, a line each: another line says that one was changed. */
int lists_leaving_see(const struct lists_leaving *l, const char *list, struct strings *out,
                      struct error *err) MUST_CHECK;

/* Whether a list is left on old: else its Mailman does not start, and need not. */
int lists_leaving_any_stays(const struct lists_leaving *l, bool *any, struct error *err) MUST_CHECK;
