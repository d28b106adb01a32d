/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * lists_hyperkitty -- archives of the lists of a move that go into a HyperKitty (lists.archives: hyperkitty): what seed,
 * verify and the steps do there. Old's mboxes are only read.
 *
 * An archive comes behind its list. While Mailman 3 rests, as between `hush-lists` and `open-lists`, nobody asks it:
 * what the list has just been given holds. What old's runners had archived until they stopped is brought; what still
 * waited in old's queues, also in that of its archives, is archived by Mailman 3, from its own. HyperKitty has one
 * message of a Message-ID, so none is there twice.
 *
 * Facts in the state: "hyperkitty.archive.NAME", how its mbox was when all of it was seen there, so that a window is no
 * longer than what came since; "hyperkitty.archives", the sums of the last look at all of them, as JSON.
 */

#include "lists/hyperkitty_give.h"
#include "move/lists_mailman3.h"

enum archives_do {
	ARCHIVES_LOOK = 1,   /* nothing is changed */
	ARCHIVES_LOOK_FRESH, /* the same, but those that are as they were at the last good look */
	ARCHIVES_GIVE,       /* all, and looks at them */
	ARCHIVES_PUT,        /* those that have changed since; a look follows */
	ARCHIVES_COUNT, /* what is there; one that can't come yet is all new, and nothing is put on record */
};

/* What a pass has come to. */
struct archives_pass {
	uint64_t lists, messages, there, new, refused, copies;
	uint64_t others;       /* in HyperKitty, and not in old's archives */
	uint64_t unchanged;    /* of lists: those that were not looked at again */
	struct strings failed; /* "LIST: archive: why" */
	struct strings notes;  /* what a person should know: refused, altered */
};
#define AUTO_ARCHIVES_PASS __attribute__((cleanup(archives_pass_fini)))
void archives_pass_fini(struct archives_pass *p);

/* Whether they go there. */
bool move_archives_wanted(const struct config *c);
/* Where it is, by move.yaml; all borrowed. */
struct hyperkitty_web move_archives_web(const struct config *c, struct host *new);

/* Does that for the archives of all lists. With `evidence` in `w` all reports are kept under "archives". */
int move_archives_pass(const struct mailman3_way *w, enum archives_do what,
                       struct archives_pass *out, struct error *err) MUST_CHECK;

/* The sums of the last look, an object of lists, messages, there, copies, refused, owned by the caller; NULL: there was
 * none. */
int move_archives_sums(struct state *s, struct json_t **out, struct error *err) MUST_CHECK;

/* In steps of the cut-over; where none are wanted, nothing. A failure is ERROR_RETRY_PERSON. */
int move_archives_put(struct move *m, struct error *err) MUST_CHECK;
int move_archives_verify(struct move *m, struct error *err) MUST_CHECK;
int move_archives_bring_stragglers(struct move *m, struct error *err) MUST_CHECK;
/* Lists that have lived on new stay: what becomes of their archives is told. */
int move_archives_leave(struct move *m, struct error *err) MUST_CHECK;
