/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * lists_mailman3 -- the lists of a move whose destination is a Mailman 3 (lists.to: mailman3): what seed, verify,
 * the questions and the steps do there. Old's side is as for a Mailman 2.1 (move/lists.h).
 *
 * Lists are given while no post can come: before the opening the new MTA does not run, and neither does Mailman 3
 * from `hush-lists` until `open-lists`. What waits in old's queues is put into its queues meanwhile, and worked on
 * when it starts. So nothing of it has been sent by then, and all is taken back by removing what was put there.
 *
 * Fact in the state: "mailman3.addresses", of lists, a line each.
 */

#include "lists/mailman3_about.h"
#include "lists/take.h"
#include "move/checks.h"

/* What a pass over all lists has come to. */
struct mailman3_pass {
	uint64_t lists, changes;
	struct strings failed; /* "LIST: why": is not there as planned */
	struct strings notes;  /* "LIST: ...", who was refused and why, what a person should know */
	struct strings left;   /* "LIST: ATTRIBUTE is left: why" */
	struct strings different; /* "LIST: ...", what the look of LISTS_END_LOOK saw */
};
#define AUTO_MAILMAN3_PASS __attribute__((cleanup(mailman3_pass_fini)))
void mailman3_pass_fini(struct mailman3_pass *p);

/* Where they come from and go to; borrowed. */
struct mailman3_way {
	const struct config *config;
	struct state *state;
	struct host *old, *new; /* `new` with control, whatever is done */
	bool keep;              /* how far each list is goes into the state */
	const char *evidence;   /* all reports are kept under this topic; NULL: they are not */
};

/*
 * Does that for all lists of old that do not live on new yet.
 *
 *   what   LISTS_END_LOOK: nothing is changed
 *   errors ERROR_RETRY_PERSON: the MTA of new runs, and a post would meet a locked database
 */
int mailman3_pass(const struct mailman3_way *w, enum lists_end_do what, struct mailman3_pass *out,
                  struct error *err) MUST_CHECK;

/* NAME@HOST of the lists that were given to it; appended. */
int mailman3_given(struct state *s, struct strings *addresses, struct error *err) MUST_CHECK;
/* What its host's MTA does not know of the lists that were given to it, one line each. */
int mailman3_addresses(struct state *s, struct host *new, struct strings *bad, struct error *err)
	MUST_CHECK;

/* What becomes of entries of queues; the context is the struct move. */
extern const struct lists_take_other mailman3_queues;
/* The same where archives go with the lists. */
extern const struct lists_take_other mailman3_queues_archiving;

/* In the places of the steps of move/lists.c and move/lists_still.c. */
int mailman3_step_hush_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_undo_hush_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_step_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_undo_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_step_open_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_undo_open_lists(struct move *m, struct error *err) MUST_CHECK;
int mailman3_verify(struct move *m, struct error *err) MUST_CHECK;
int mailman3_prove(struct move *m, struct error *err) MUST_CHECK;
/* Behind the opening: what its runners have put aside since the freeze is given to them again, and named. */
int mailman3_account(struct move *m, struct error *err) MUST_CHECK;
int mailman3_bring_stragglers(struct move *m, struct error *err) MUST_CHECK;
/* In the places of questions. */
enum check_answer mailman3_check_there(struct move *m, struct buf *seen);
enum check_answer mailman3_check_addresses(struct move *m, struct buf *seen);
