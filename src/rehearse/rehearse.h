/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rehearse -- the new host as it will be after the switch, run in a sealed copy with a pretended internet
 * around it: mail comes in, mail goes out and is caught, people log in. Nothing of it leaves, and
 * nothing of this host changes.
 *
 *	rehearse_read(&plan, ...);	(asks: old, the state, the name servers)
 *	(close state and hosts: processes are forked)
 *	rehearse_run(&plan, &options, &result, &err);
 *
 * To add a step: a function in a file of its own, a row in rehearse/steps.c.
 */

#include "rehearse/cutover.h"
#include "rehearse/result.h"
#include "rehearse/services.h"
#include "rehearse/stage.h"
#include "rehearse/zonebook.h"

#include "config/config.h"
#include "move/checks.h"
#include "remote/host.h"
#include "state/state.h"

struct rehearse_plan {
	const struct config *config; /* borrowed */
	char hostname[65];           /* of this host */
	struct stage_plan stage;
	struct strings domains; /* that mail is sent to */
	struct strings taken;   /* addresses that the old server takes */
	struct strings letters; /* those of them that get whole messages: people, aliases, lists */
	struct strings whole;   /* domains of which it takes every address */
	struct strings listed;  /* domains of which it takes no other than those */
	struct strings mail_hosts; /* names that clients use; the first one is for logins */
	struct strings served;     /* addresses that mail comes to after the switch */
	struct strings scripts; /* active Sieve scripts: "USER PATH", where they lie on this host */
	unsigned ports;         /* bits: enum rehearse_port, that the old server listens on */
	struct services services;
	struct zonebook book;
	enum check_answer ttl; /* to dns.ttl, of the real servers; the copy sees another DNS */
	struct buf ttl_seen;
	struct cutover_plan cutover;
	struct strings notes;
};
enum rehearse_port {
	REHEARSE_IMAP = 1 << 0,
	REHEARSE_IMAPS = 1 << 1,
	REHEARSE_POP3 = 1 << 2,
	REHEARSE_POP3S = 1 << 3,
};
#define AUTO_REHEARSE_PLAN __attribute__((cleanup(rehearse_plan_fini)))
void rehearse_plan_fini(struct rehearse_plan *p);

/*
 * Learns all that a rehearsal has to know. Changes nothing, forks nothing.
 *
 *   s    what survey and prepare have found
 *   old  borrowed; NULL when it can't be reached: then the addresses are those that survey knows
 */
int rehearse_read(struct rehearse_plan *out, const struct config *c, struct state *s,
                  struct host *old, struct error *err) MUST_CHECK;
/* What would be started and tried, for a person. */
void rehearse_add_plan(struct buf *out, const struct rehearse_plan *p);

/* A message that reached the pretended internet. All borrowed. */
struct rehearse_caught {
	const char *client, *helo, *sender, *recipient; /* of the first recipient */
	struct span message;                            /* as it came: lines end with CRLF */
};
struct rehearse_verdict {
	struct strings wrong; /* owned; a line for each thing that a receiver holds against it */
	struct strings signatures; /* owned; of each that does not pass: whose, and why */
	bool spf, dkim, dmarc;     /* passed */
};
/* Judges a caught message as a receiver would. Names may be asked for at `resolver`, where this process
 * is then. */
typedef void rehearse_judge_fn(const struct rehearse_caught *m, const char *resolver,
                               struct rehearse_verdict *out);

struct rehearse_options {
	bool all; /* DATA for every address, not for a sample */
	/* Borrowed; names of steps or of failures (rehearse_names()): what is needed to try those is
	 * all that is tried. None: everything. */
	struct strings only;
	int folder;               /* descriptor of an empty folder for what is caught; borrowed */
	int64_t wait_ms;          /* how long one who is told to come again does so (greylisting) */
	const char *ca_file;      /* NULL: the system's certificates */
	rehearse_judge_fn *judge; /* NULL: what the room knows by itself is all */
	/* Folder with a copy of the move's state (state_copy()), in which the cut-over is rehearsed; NULL: it
	 * is not to be. */
	const char *scratch;
	void (*progress)(void *context, const char *words);
	void *context;
};
/* Whether a step or a failure can have this name: "logins", "imap". */
bool rehearse_names(const char *name);
/* Whether the cut-over, and whether anything else, is tried with these names. */
bool rehearse_tries_cutover(const struct strings *only);
bool rehearse_tries_new(const struct strings *only);
/* Needs root. 0 when it came to its end, whatever it found: look at out->n. */
int rehearse_run(struct rehearse_plan *p, const struct rehearse_options *o,
                 struct rehearse_result *out, struct error *err) MUST_CHECK;
