/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_about -- what has to be known of a Mailman 3 before lists of 2.1 come to it: its version, how it takes
 * and gives mail, and what of its settings would lose something.
 *
 * Source: config/schema.cfg and mta/postfix.py of Mailman core 3.3.8.
 */

#include "config/config.h"
#include "lists/mailman3_give.h"
#include "state/state.h"

struct lists_mailman3_about {
	char *version;  /* "3.3.8" */
	char *incoming; /* "mailman.mta.postfix.LMTP" */
	char *data;     /* its folder for tables of the MTA */
	char *queues;   /* the folder with its queues */
	unsigned lmtp_port;
	bool sqlite;    /* while it is written, nobody else can write: a post would bounce */
	char *archiver; /* why HyperKitty does not take what it archives; NULL: it does */
	char *text;     /* all of it, as one line of JSON, for the state */
};
#define AUTO_LISTS_MAILMAN3_ABOUT __attribute__((cleanup(lists_mailman3_about_fini)))
void lists_mailman3_about_fini(struct lists_mailman3_about *a);

/*
 * Asks it.
 *
 *   names    of lists in 2.1, which may be none; borrowed
 *   missing  sentences: lists can't come, or something of them would be lost; appended
 *   advice   sentences: what a person should know or change; appended
 */
int lists_mailman3_about_ask(const struct lists_mailman3_core *core, const struct strings *names,
                             struct lists_mailman3_about *out, struct strings *missing,
                             struct strings *advice, struct error *err) MUST_CHECK;

/* Keeps it in the state. */
int lists_mailman3_about_keep(struct state *s, const struct lists_mailman3_about *a,
                              struct error *err) MUST_CHECK;
/* What was kept; nothing: ERROR_RETRY_PERSON. */
int lists_mailman3_about_kept(struct state *s, struct lists_mailman3_about *out, struct error *err)
	MUST_CHECK;

/* Where the program of new's Mailman 3 is, and whom it runs as, by move.yaml; all borrowed. */
struct lists_mailman3_core lists_mailman3_core_of(const struct config *c, struct host *new);

/*
 * Whether the Postfix of its host leads mail to lists.
 *
 *   addresses  NAME@HOST of lists; borrowed
 *   bad        sentences, appended; of another MTA none, for its tables are not known here
 */
int lists_mailman3_about_mta(struct host *h, const struct lists_mailman3_about *a,
                             const struct strings *addresses, struct strings *bad,
                             struct error *err) MUST_CHECK;
