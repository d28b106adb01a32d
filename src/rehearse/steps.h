/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* steps -- one rehearsal under way, for the files that make its steps. Inside the room. */

#include "rehearse/rehearse.h"
#include "rehearse/signing.h"

#include "base/clock.h"

/* A message that was sent into the copy, or out of it. */
struct sent {
	char *from, *to; /* owned; `from` is of this message alone, where it came from outside */
	bool settled;    /* its end is known */
};
struct sent_list {
	struct sent *rows; /* owned */
	size_t n, room;
};

struct rehearsal {
	struct rehearse_plan *plan;
	const struct rehearse_options *options;
	struct rehearse_result *result;
	struct stage *stage;
	struct signing *signing;
	bool judged[INTERNET_SENDERS]; /* one letter of each, before it came here */
	struct sent_list in, out;
	unsigned run;   /* in names of messages */
	unsigned asked; /* of the step under way */
};

#define FAIL(r, ...) rehearse_fail((r)->result, __VA_ARGS__)

/* Each is a row in rehearse/steps.c. */
typedef void step_fn(struct rehearsal *r);
step_fn step_services;                     /* steps.c */
step_fn step_recipients, step_strangers;   /* step_in.c */
step_fn step_letters, step_out, step_ends; /* step_mail.c */
step_fn step_judge;                        /* step_judge.c */
step_fn step_logins;                       /* step_boxes.c */
step_fn step_sieve;                        /* step_sieve.c */
step_fn step_pages;                        /* step_pages.c */
step_fn step_questions;                    /* step_questions.c */

/* ── mail queues (queues.c) ──────────────────────────────────────────────────────────────────── */

/* Takes away what the copy must not have: mail that waits here, and ways to this host's running
 * programs (sockets that they listen on look the same through the copy's file system). */
int queues_clear(struct stage *stage, struct strings *notes, struct error *err) MUST_CHECK;
/* The second half of it: the queue stays. */
int queues_clear_sockets(struct stage *stage, struct strings *notes, struct error *err) MUST_CHECK;

struct queued {
	char *sender, *recipient, *reason; /* owned */
	bool deferred;                     /* was tried */
};
struct queued_list {
	struct queued *rows; /* owned */
	size_t n, room;
};
#define AUTO_QUEUED __attribute__((cleanup(queued_fini)))
void queued_fini(struct queued_list *l);
/* What waits in the copy's queue. 1: done, 0: its MTA is none whose queue can be read here, -1. */
int queues_read(struct stage *stage, struct queued_list *out, struct error *err) MUST_CHECK;
/* Has all of it tried again. */
void queues_flush(struct stage *stage);

/* ── what was caught (caught.c) ──────────────────────────────────────────────────────────────── */

struct caught {
	char *client, *helo, *sender, *recipient; /* owned */
	char *tls, *cipher;                       /* owned; rehearse/outside.h has their meaning */
	bool offered;
	struct buf message;
};
void caught_fini(struct caught *c);
#define AUTO_CAUGHT __attribute__((cleanup(caught_fini)))
/* The message of this number, 1, 2, ...; false when it is not there, or not whole yet. */
bool caught_read(int folder, unsigned number, struct caught *out);
