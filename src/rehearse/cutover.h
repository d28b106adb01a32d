/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * cutover -- the whole cut-over of the plan, and its way back, by the very code that will do it, on copies of
 * both hosts (rehearse/stage.h) and of the move's state. Inside the room.
 *
 *	cutover_plan.c   what is needed for it, and whether it is there
 *	cutover.c        the order: mail, cut-over, mail, rollback, mail; what is made of it
 *	cutover_mover.c  the process in which the move's steps are done
 *	cutover_mail.c   the senders meanwhile, who are let in or come again; where each message is in the end
 */

#include "rehearse/services.h"
#include "rehearse/stage.h"
#include "rehearse/zonebook.h"

#include "remote/host.h"
#include "survey/accounts.h"

/* Somebody whose mail comes to one mailbox, and nowhere else. */
struct cutover_person {
	char *address;                   /* owned */
	const struct account_pair *pair; /* borrowed from the plan */
};
#define CUTOVER_PEOPLE 3

struct cutover_plan {
	char *skipped;         /* owned; why it can't be rehearsed; NULL: it can */
	char *root, *hostname; /* owned; of old */
	char *disk;            /* owned; how large the copies' disks are; NULL: default */
	bool live;             /* old is a host, and not a folder only */
	struct stage_plan stage;
	struct services services; /* old's */
	struct zonebook now;      /* the zones before the switch */
	struct account_pairs accounts;
	struct cutover_person people[CUTOVER_PEOPLE];
	size_t people_n;
	struct strings notes;
};
void cutover_plan_fini(struct cutover_plan *p);

struct rehearse_plan;
/* What can't be is told in p->skipped; -1 is a state or a host that can't be read. `old` as for
 * rehearse_read(). */
int cutover_plan_read(struct cutover_plan *out, const struct rehearse_plan *p, struct state *s,
                      struct host *old, struct error *err) MUST_CHECK;

struct rehearsal;
#define CUTOVER_STEPS 3 /* that it adds to a result */
/* The stage of the rehearsal is closed before. */
void cutover_rehearse(struct rehearsal *r);

/* ── the mover (cutover_mover.c) ─────────────────────────────────────────────────────────────── */

enum mover_end { MOVER_RUNS, MOVER_DONE, MOVER_WENT_BACK, MOVER_STANDS };

struct mover {
	pid_t pid;
	int from;        /* what it says */
	struct buf said; /* not read yet */
	enum mover_end end;
	char *why; /* owned; what failed; NULL: nothing */
};
/* Begins the cut-over, or its way back, in a process of its own. */
int mover_begin(struct mover *m, struct rehearsal *r, bool back, struct error *err) MUST_CHECK;
/* Takes what it has said meanwhile, and waits for it at most so long. */
void mover_look(struct mover *m, struct rehearsal *r, int wait_ms);
void mover_fini(struct mover *m);

/* ── the senders (cutover_mail.c) ────────────────────────────────────────────────────────────── */

struct letter {
	char *from, *to; /* owned */
	bool uncounted;  /* a canary's answer, or given up */
	bool taken;      /* answered 250 */
	unsigned found;  /* copies, where they were looked for last */
	char words[160]; /* of the last answer, or what there was instead */
};
struct letters {
	struct letter *rows; /* owned */
	size_t n, room;
	unsigned caught; /* messages that have reached the outside */
	int folder;      /* in which they are; borrowed */
};
void letters_fini(struct letters *l);
/* One more for each of the people. */
void letters_write(struct letters *l, const struct rehearsal *r);
/* Each that was not taken yet is tried once, at the address that the DNS gives then; canaries are answered. */
void letters_try(struct letters *l, struct rehearsal *r);
/* Those that were not taken yet are no one's any more. */
void letters_give_up(struct letters *l);
/* Tries until all are taken, and each is once in a mailbox of that side; false: they are not, which is noted
 * as failures. `stamp`: path of a file that is older than all of them. */
bool letters_settle(struct letters *l, struct rehearsal *r, enum stage_side side,
                    const char *stamp);
