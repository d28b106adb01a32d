/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * end -- a list manager that lists of Mailman 2.1 go to: what becomes of each attribute, member and held
 * post there, how it is given, and how it is read back. Each is a row in lists/end.c.
 *
 *	plan       nothing is asked of the other side: each attribute is set there, carried elsewhere, or named
 *	           as left with the reason; each member is brought, or refused with the reason
 *	give       makes it so, and only what differs; or looks, in a process or by an opening of its own
 *	read_back  by a way that had no part in writing
 */

#include "base/error.h"
#include "lists/list.h"
#include "remote/host.h"

struct json_t;

enum lists_fate {
	LISTS_FATE_SET = 1, /* a setting of the list there */
	LISTS_FATE_CARRIED, /* in something else there: a member, a template, a ban ... */
	LISTS_FATE_LEFT,    /* has no place there */
	LISTS_FATE_UNUSED,  /* is of 2.1's own working, or says what is so there: nothing is lost */
};
const char *lists_fate_name(enum lists_fate fate);

/* One attribute of config.pck. */
struct lists_end_row {
	char *name; /* fit for a terminal */
	enum lists_fate fate;
	char *to; /* "max_message_size", "template list:member:regular:footer"; NULL: left */
	struct json_t *value; /* owned; null of a secret, a number of entries of a dict by member */
	char *why;            /* sentences; NULL: as it is */
};

/* Who, or what, of a list is not brought. */
struct lists_end_refused {
	const char *what; /* "member", "owner", "ban", "header rule" ... */
	char *who;        /* fit for a terminal */
	char *why;
};

struct lists_end_plan {
	char *name;                 /* in 2.1 */
	char *address;              /* NAME@HOST there */
	struct lists_end_row *rows; /* owned; in the order of the names */
	size_t n, room;
	struct lists_end_refused *refused; /* owned */
	size_t refused_n, refused_room;
	size_t members; /* of the list in 2.1: those in `work` and those refused */
	struct json_t *
		work; /* an owned object: what the other side is given, in a form of each end's own */
};
#define AUTO_LISTS_END_PLAN __attribute__((cleanup(lists_end_plan_fini)))
void lists_end_plan_fini(struct lists_end_plan *p);
/* Report and balance; the caller owns the reference. */
struct json_t *lists_end_plan_json(const struct lists_end_plan *p);

/* Which other side. An end uses those that its row names. */
struct lists_end_place {
	struct host *h;      /* borrowed; where it is, and needs control */
	const char *program; /* by which it is asked; NULL: its usual name */
	const char *
		user; /* whom it runs as, or who owns its files, where we are root; NULL: its usual one */
	const char *folder; /* where its lists lie */
	bool bulk;          /* new members are put into its tables, not by its own program */
	const char *texts;  /* a folder of texts for each language in one; NULL: its package\'s */
};
enum lists_end_takes {
	LISTS_END_PROGRAM = 1 << 0,
	LISTS_END_USER = 1 << 1,
	LISTS_END_FOLDER = 1 << 2, /* needed */
	LISTS_END_OPENS = 1 << 3,  /* something is off there until LISTS_END_OPEN */
	LISTS_END_HOST = 1 << 4,   /* needed; without it it is on this machine */
	LISTS_END_TEXTS = 1 << 5,
	LISTS_END_REMOVES = 1 << 6, /* lists that were made can be taken away, and disabled */
	LISTS_END_BULK = 1 << 7,
};

enum lists_end_do {
	LISTS_END_LOOK = 1, /* what differs; nothing is changed */
	LISTS_END_GIVE,
	LISTS_END_OPEN, /* what sends by itself is on from now on */
	/* Of those that were made by this, and no look follows: */
	LISTS_END_DISABLE, /* nothing goes out by itself, posts are held */
	LISTS_END_REMOVE,  /* gone, with the addresses made for it */
};

/* One at work: begun with `end` and `place`, ended by lists_end_run_fini(). */
struct lists_end_run {
	const struct lists_end *end;
	const struct lists_end_place *place;
	struct strings told; /* sentences on the other side as a whole */
	void *own;           /* the end's; NULL at first */
};
#define AUTO_LISTS_END_RUN __attribute__((cleanup(lists_end_run_fini)))
void lists_end_run_fini(struct lists_end_run *r);

struct lists_end {
	const char *name; /* as --to says it */
	unsigned takes;   /* of enum lists_end_takes */
	/*
	 * Makes the plan of a list, which needs a configuration.
	 *
	 *   l, site  borrowed as long as it works; `site` gives messages that are held, NULL: none is asked for
	 */
	void (*plan)(struct lists_end_plan *out, const struct lists_list *l,
	             const struct lists_site *site);
	/*
	 * Does that for each plan.
	 *
	 *   plans    borrowed; a plan's `work` may get words of the end's own
	 *   answers  an object of each, in their order, owned by the caller:
	 *
	 *	changed   words of what was changed, or, of a look, differs
	 *	refused   objects of what, who, why
	 *	told      words
	 *	members   how many of the plan's are there
	 *	new, error (null, or why it was not brought to its end), mailed (how much mail to people it
	 *	made: 0)
	 *
	 *   returns  -1: it can't be reached, or did not answer for each
	 */
	int (*give)(struct lists_end_run *r, enum lists_end_do what,
	            const struct lists_end_plan *plans, size_t n, struct json_t **answers,
	            struct error *err) MUST_CHECK;
	/*
	 * Does that, and looks at it in a process that had no part in it and begins with what was stored: as
	 * `give` twice, and in less time. NULL: `give` is asked twice.
	 */
	int (*give_and_look)(struct lists_end_run *r, enum lists_end_do what,
	                     const struct lists_end_plan *plans, size_t n, struct json_t **done,
	                     struct json_t **look, struct error *err) MUST_CHECK;
	/*
	 * Holds a list against its plan. NULL: the look of `give` is all there is.
	 *
	 *   answer   what `give` said of it, looking: what it has refused is not missed
	 *   differs  "config max_message_size is 40, not 0", "member a@example.org is not there"; appended
	 */
	int (*read_back)(struct lists_end_run *r, const struct lists_end_plan *plan,
	                 const struct json_t *answer, struct strings *differs, struct error *err)
		MUST_CHECK;
	/* Ends r->own. NULL: there is none. */
	void (*end)(struct lists_end_run *r);
};

/* NULL: there is none such. */
const struct lists_end *lists_end_named(const char *name);

/* All of them. */
const struct lists_end *const *lists_ends(size_t *n);

/* The rows; each is its file's. */
extern const struct lists_end lists_end_mailman3, lists_end_mlmmj, lists_end_sympa;
