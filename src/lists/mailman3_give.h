/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_give -- plans of lists given to the Mailman 3 of a host.
 *
 * A program of ours runs inside it (lists/mailman3_core.py, by `mailman shell`, as Mailman's user, through the
 * host's agent): REST has no way for what a list has counted, for bounces, or for a post that is held since a day
 * and for a reason, and takes members one by one. Only what differs is changed. A look also asks its REST, at the
 * address that it has on its own host; the password for that stays there.
 */

#include "base/error.h"
#include "lists/mailman3_plan.h"
#include "remote/host.h"

#define LISTS_MAILMAN3_PROGRAM "/usr/bin/mailman"
#define LISTS_MAILMAN3_USER "list"

struct lists_mailman3_core {
	struct host *h;      /* borrowed; needs control, for it runs a program there */
	const char *program; /* its path there, which ends in "/mailman" */
	const char *user;    /* whom it runs as */
	bool bulk;           /* new members by rows of its tables, if these are as we know them */
};

/*
 * Asks our program in it some questions, which it answers one by one.
 *
 *   asks      objects, borrowed, each with "do"
 *   answers   an object of each, in their order, with "list"; owned by the caller
 *   settings  sentences on Mailman 3's own settings; appended, each once; may be NULL
 *   returns   -1: it can't be run, or did not answer each
 */
int lists_mailman3_ask(const struct lists_mailman3_core *core, struct json_t *const *asks, size_t n,
                       struct json_t **answers, struct strings *settings, struct error *err)
	MUST_CHECK;

/* Runs its program by another row of agent/streams.c, "mailman3-start" and such. */
int lists_mailman3_run(const struct lists_mailman3_core *core, const char *row, struct error *err)
	MUST_CHECK;

/*
 * Does that for each plan.
 *
 *   plans    borrowed; a plan's `work` gets the words "do", "look" and "bulk"
 *   answers  an object of each, in their order, owned by the caller:
 *
 *	changed   words of what was changed, or, of a look, differs
 *	refused   objects of what, who, why
 *	told      words
 *	members   how many of the plan's are there
 *	rest      of a look: what REST says of the list, lists/mailman3_rest.h
 *	new, error (null, or why it was not brought to its end), mailed (how much mail to people it made: 0)
 *
 *   look     the same of a look at all of them behind that, in a process of its own; NULL: there is none
 *   settings sentences on Mailman 3's own settings; appended
 *   returns  -1: it can't be run, or did not answer for each
 */
int lists_mailman3_give(const struct lists_mailman3_core *core, enum lists_end_do what,
                        const struct lists_end_plan *plans, size_t n, struct json_t **answers,
                        struct json_t **look, struct strings *settings, struct error *err)
	MUST_CHECK;
