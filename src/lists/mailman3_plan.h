/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_plan -- what becomes of a Mailman 2.1 list in a Mailman 3: each of its attributes is set there,
 * carried elsewhere, or named as left with the reason; each member is brought as it is, or refused with the
 * reason. Nothing is asked of a Mailman 3 for it.
 *
 * Source: MailList.py and handlers of 2.1.39; rest/listconf.py, model/ and rules/ of Mailman core 3.3.8.
 */

#include "lists/list.h"

struct json_t;

enum lists_mailman3_fate {
	LISTS_MAILMAN3_SET = 1, /* an attribute of the list there */
	LISTS_MAILMAN3_CARRIED, /* in something else there: a member, a template, a ban ... */
	LISTS_MAILMAN3_LEFT,    /* has no place there */
	LISTS_MAILMAN3_UNUSED,  /* is of 2.1's own working: nothing is lost without it */
};
const char *lists_mailman3_fate_name(enum lists_mailman3_fate fate);

/* One attribute of config.pck. */
struct lists_mailman3_row {
	char *name; /* fit for a terminal */
	enum lists_mailman3_fate fate;
	char *to; /* "max_message_size", "template list:member:regular:footer"; NULL: left */
	struct json_t *value; /* owned; null of a secret, a number of entries of a dict by member */
	char *why;            /* sentences; NULL: as it is */
};

/* Who, or what, of a list is not brought. */
struct lists_mailman3_refused {
	const char *what; /* "member", "owner", "ban", "header rule" ... */
	char *who;        /* fit for a terminal */
	char *why;
};

struct lists_mailman3_plan {
	char *address;                   /* NAME@HOST there */
	struct lists_mailman3_row *rows; /* owned; in the order of the names */
	size_t n, room;
	struct lists_mailman3_refused *refused; /* owned */
	size_t refused_n, refused_room;
	size_t members; /* of the list in 2.1: those in `work` and those refused */
	/*
	 * What a Mailman 3 is given, an owned object:
	 *
	 *	list             NAME@HOST
	 *	config           by REST's names and in its words; opening: the same, for when it is opened
	 *	core             what REST can't set: post_id, created_at (seconds) ...
	 *	members          address, name, mode, status, options, action, bounces ...
	 *	owners, moderators, bans, header_matches, templates, responses
	 *	held, joining, leaving   what waits; a message is a text of a character an octet
	 */
	struct json_t *work;
};
#define AUTO_LISTS_MAILMAN3_PLAN __attribute__((cleanup(lists_mailman3_plan_fini)))
void lists_mailman3_plan_fini(struct lists_mailman3_plan *p);

/*
 * Makes the plan of a list, which needs a configuration.
 *
 *   l, site  borrowed as long as it works; `site` gives messages that are held, NULL: none is asked for
 */
void lists_mailman3_plan(struct lists_mailman3_plan *out, const struct lists_list *l,
                         const struct lists_site *site);

/* Report and balance; the caller owns the reference. */
struct json_t *lists_mailman3_plan_json(const struct lists_mailman3_plan *p);
