/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * take -- entries of Mailman's queues change hands: each is in one host's queues, or in the other's,
 * whatever breaks, so that no post is sent by both, and none by nobody.
 *
 * The runners of both hosts are stopped while it works (lists/runners.h); that is what makes it true:
 *
 *  1. look    which entries lie in the queues there: .pck, .bak, .psv; those that were taken before are
 *             not among them.
 *  2. copy    them into the other host's queues, whichq rewritten (lists/carry.h), and compare. Cut here:
 *             done again, over itself.
 *  3. record  the whole set is in state/carried.h, in one transaction. From here on they are the other
 *             host's, and are never copied again.
 *  4. aside   each original moves by rename to QUEUE.moved-by-mailhaul beside its queue, where no runner
 *             looks, and where it is kept. Cut here: the next call goes on.
 *
 * The MTA may run meanwhile: what its pipes put into a queue after step 1 is found by the next call.
 */

#include "base/error.h"
#include "lists/carry.h"

#include <stdint.h>

/* Who works on entries on `to` in place of a Mailman 2.1. */
struct lists_take_other {
	/* Whether entries of that queue can go there; the others stay where they are. */
	bool (*takes)(enum lists_path queue);
	/* Makes each wait there, as steps 2 says; may be cut off and repeated. What it can't bring, and tells
	 * of, it takes out of `entries`. */
	int (*give)(void *context, struct strings *entries, struct error *err);
	/* The way back: none of them is there any more. */
	int (*drop)(void *context, const struct strings *entries, struct error *err);
};

struct lists_take {
	struct host *from, *to; /* borrowed, as all else is; both need control */
	const struct lists_installation *old, *new; /* of from, of to */
	struct state *state;
	const struct strings *lists; /* entries of these; NULL: all */
	/* Whose business it is: the cut-over's and a wave's are taken back apart from each other. */
	bool wave;
	/* The way back: entries of lists that were opened by themselves stay, with `lists` NULL. */
	bool back;
	const struct lists_take_other
		*other;      /* borrowed; NULL: a Mailman 2.1; then `new` is that */
	int64_t since_ms;    /* of notes, lists/notes.h */
	bool originals_stay; /* a disk on which nothing runs: no step 4 */
	/* Told one line at a time; NULL: nobody listens. */
	void (*tell)(void *context, const char *words);
	void *context; /* of `tell`, and of what `other` does */
};

/* `moved`: how many changed hands in this call. An entry that can't be brought, or differs after it:
 * ERROR_RETRY_PERSON, and none has changed hands. */
int lists_take(const struct lists_take *t, uint64_t *moved, struct error *err) MUST_CHECK;

/* What lists_take() would bring now, "QUEUE/NAME", sorted; nothing is changed. */
int lists_take_look(const struct lists_take *t, struct strings *entries, struct error *err)
	MUST_CHECK;

/* The way back of lists_take() where no runner has run on `to` since, and no mail has come there: the
 * originals go back into their queues, the copies aside. */
int lists_take_undo(const struct lists_take *t, uint64_t *moved, struct error *err) MUST_CHECK;

/* What t->from's entries are on record for is over: what lies there under such names is another. For the
 * way back by lists_take() itself, once it is at its end. */
int lists_take_forget(const struct lists_take *t, struct error *err) MUST_CHECK;

/* How many entries wait that a runner would work on: in, out, commands, bounces, virgin, archive, news. */
int lists_queues_count(struct host *h, const struct lists_paths *paths, uint64_t *n,
                       struct error *err) MUST_CHECK;

/* What lies in a queue and is never brought, though a person may want it: names at which a runner ends,
 * and halves of entries of 2.1.4. "PLACE: why", printable. */
int lists_queues_look(struct host *h, const struct lists_paths *paths, struct strings *bad,
                      struct error *err) MUST_CHECK;

/* "in/NAME"; owned by the caller. */
char *lists_take_name(enum lists_path queue, const char *name);
