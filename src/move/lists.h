/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * lists -- the mailing lists of a move: where both sides have their Mailman, and what the steps, checks
 * and verbs do with it.
 *
 * Runners are stopped before the old MTA: their last mails pass through it. What its queue still
 * delivers into theirs stays there, and travels. From then on no runner runs anywhere until new's are
 * started behind the switch, so that each entry is worked on once. Queues change hands when both MTAs
 * stand still (lists/take.h); before, neither `seed` nor any pass touches them.
 */

#include "lists/carry.h"
#include "lists/take.h"
#include "move/checks.h"
#include "move/move.h"

struct move_lists {
	struct lists_installations old_all, new_all; /* owned */
	struct lists_installation *old, *new;
};
void move_lists_fini(struct move_lists *l);
#define AUTO_MOVE_LISTS __attribute__((cleanup(move_lists_fini)))

/* Whether lists move: survey has found some on old, and lists.to does not say that they stay. */
int move_lists_wanted(const struct config *c, struct state *s, bool *wanted, struct error *err)
	MUST_CHECK;
/* Whether some live on new already, opened by themselves. */
int move_lists_any_open(struct state *s, bool *any, struct error *err) MUST_CHECK;
/* Where new's doors are closed: old is let in, which passes mail on to lists that live there. */
int move_lists_admit(struct host *old, struct host *new, struct error *err) MUST_CHECK;
/* Whether it is a Mailman 3 that they move into: move/lists_mailman3.h. */
bool move_lists_to_mailman3(const struct config *c);
/* Finds both; of new a Mailman 2.1 alone, NULL where they move into another. None on new, or several on a
 * side: ERROR_RETRY_PERSON. */
int move_lists_find(const struct config *c, struct host *old, struct host *new,
                    struct move_lists *out, struct error *err) MUST_CHECK;

/* Every file of every list that was not opened, its rights, who can reach an archive, and the new MTA's
 * addresses; a difference is ERROR_RETRY_PERSON. */
int move_lists_verify(struct move *m, struct error *err) MUST_CHECK;
/* What new's MTA does not know of the lists that are there, one line each. */
int move_lists_addresses(struct host *new, const struct lists_installation *mailman,
                         struct strings *bad, struct error *err) MUST_CHECK;
/* Names the processes of Mailman that run on old; NULL: none. The caller's. */
int move_lists_running(struct move *m, char **words, struct error *err) MUST_CHECK;

/* Behind the switch: what has come to old's queues, and to its lists for a moderator, comes to new, once. */
int move_lists_bring_stragglers(struct move *m, struct error *err) MUST_CHECK;

/* Steps with more to them where lists move: move/lists_still.c. */
int step_prove_still(struct move *m, struct error *err);
int step_account_with_lists(struct move *m, struct error *err);

/* Inside. */
struct lists_carry_options move_lists_carry(struct move *m, const struct move_lists *l);
struct lists_take move_lists_take(struct move *m, const struct move_lists *l, bool back);
int move_lists_note(struct move *m, const struct strings *notes, struct error *err) MUST_CHECK;
/* "ADDRESS: WORDS", printable. */
void move_lists_add(struct strings *to, const char *address, const char *format, ...)
	PRINTF_LIKE(3, 4);
void move_lists_say(struct move *m, const struct strings *words);

/* Old's files of lists as they are, a line each; and kept, as what was seen before all was read. */
int move_lists_see(struct move *m, const struct move_lists *l, struct strings *out,
                   struct error *err) MUST_CHECK;
int move_lists_put_seen(struct move *m, const struct strings *seen, struct error *err) MUST_CHECK;
/* Paths of those that are not as they were kept; none, where nothing was. */
int move_lists_changed(struct move *m, const struct strings *after, struct strings *paths,
                       struct error *err) MUST_CHECK;
/* On record: all that was brought lives on new. */
int move_lists_open_all(struct move *m, struct error *err) MUST_CHECK;
/* The error of old's lists that do not come to rest. -1. */
int move_lists_disturbed(const struct strings *fresh, struct error *err);
/* Waits until a queue gets no shorter: `count` says how long it is. */
int move_lists_drain(struct move *m, int (*count)(void *context, uint64_t *n, struct error *err),
                     void *context, struct error *err) MUST_CHECK;

/* Facts of the state: "yes", what ran there was stopped. */
#define MOVE_LISTS_STOPPED_NEW "lists.stopped.new"

enum check_answer check_lists_there(struct move *m, struct buf *seen);
enum check_answer check_lists_seeded(struct move *m, struct buf *seen);
enum check_answer check_lists_archives(struct move *m, struct buf *seen);
enum check_answer check_lists_addresses(struct move *m, struct buf *seen);
enum check_answer check_lists_queues(struct move *m, struct buf *seen);
enum check_answer check_lists_jobs(struct move *m, struct buf *seen);
