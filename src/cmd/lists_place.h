/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* lists_place -- which host, and which Mailman there, a verb of `mailhaul lists` is about. */

#include "cmd/cmd.h"
#include "lists/paths.h"

#include <getopt.h>

struct lists_place {
	struct cmd_run run; /* a move's, when its hosts are asked for */
	struct host *own;   /* of --site */
	struct host *h;     /* borrowed from one of these */
	struct lists_installations all;
};
#define AUTO_LISTS_PLACE __attribute__((cleanup(lists_place_end)))
void lists_place_end(struct lists_place *p);

struct lists_place_wishes {
	const char *site; /* a place, cmd_place_words(), or a folder in this one; NULL: a move's */
	const char *prefix; /* where its Mailman is; NULL: it is looked for */
	bool new;           /* of a move: the new host */
	bool control;       /* it shall be changed */
};
/* Rows of getopt_long(3) for these, and what to do with each: false, `c` is none of them. */
#define LISTS_PLACE_OPTIONS                                                                        \
	{ "site", required_argument, NULL, 's' }, { "prefix", required_argument, NULL, 'p' },      \
	{                                                                                          \
		"new", no_argument, NULL, 'n'                                                      \
	}
bool lists_place_option(struct lists_place_wishes *wishes, int c, const char *argument);

/* Finds the Mailman of a host: the only one, or that of the prefix, which may be NULL. Errors: there is
 * none, or there are several. The caller ends *all in either case. */
int lists_place_choose(struct host *h, const char *prefix, struct lists_installations *all,
                       struct error *err) MUST_CHECK;

/* Opens the host and finds its Mailman. */
int lists_place_open(struct lists_place *p, const struct cmd_run *run,
                     const struct lists_place_wishes *wishes, struct error *err) MUST_CHECK;
