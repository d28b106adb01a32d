/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * group -- several accounts in one pass: their listings are asked for ahead, and the disk is waited for once
 * for all of them, not a few times for each.
 *
 * A group may be looked at, by group_look_some() and with other agents, while the one before it travels.
 */

#include "copy/pass.h"

struct group {
	struct pass *passes; /* borrowed; filled but for what a pass finds */
	size_t n; /* how many accounts; may become less while they are looked at, not 0 */
	struct host *old_host, *new_host;
	struct state *state;
	const struct copy_options *options;
	struct transfer_row *rows; /* owned; those of all accounts */
	size_t rows_n;
	struct message_writer *ledger; /* NULL: no transaction is open; owned */
	bool small;                    /* see compare() */
	int64_t coming;                /* what all rows of a small group are called */
	struct copy_progress progress;
	/* what was looked at */
	size_t asked, looked; /* accounts whose listings were asked for, and read */
	uint64_t listed;      /* messages in them */
	bool *again;          /* owned; accounts that want another look */
	/* See struct transfer; NULL: nothing. */
	void (*meanwhile)(void *context);
	void *context;
};

/* Of n passes, whose hosts are those to look with; the messages are old's and new's. */
struct group group_of(struct pass *passes, size_t n, struct host *old_host, struct host *new_host);

/* One pass over the accounts of a group, as many as their listings are worth having in memory at a time:
 * g->n. Ends the group. An error that is of one mailbox leaves that one out; with one alone it is returned. */
int group_run(struct group *g, struct error *err) MUST_CHECK;

/* Ends one that was not run. */
void group_drop(struct group *g);

/* One account that can't be looked at does not keep the others of the group from it: it is left out,
 * or, in a group of one, -1. */
int group_leave_out(struct group *g, struct pass *p, struct error *err);

/* Its listings are asked for ahead; pass_mbox() and pass_convert() ask for their own. */
bool group_is_maildir(const struct pass *p);

/* group_look.c: asks for the listings of Maildirs ahead, and reads them, until they are enough for a
 * group; some: the next one. */
int group_look(struct group *g, struct error *err) MUST_CHECK;
int group_look_some(struct group *g, struct error *err) MUST_CHECK;
/* What is still on its way would be taken for answers to later requests. */
void group_look_end(struct group *g);

/* group_ledger.c: g->ledger, unless it is there already; what is in it becomes durable; or is forgotten. */
int group_ledger_begin(struct group *g, struct error *err) MUST_CHECK;
int group_ledger_commit(struct group *g, struct error *err) MUST_CHECK;
void group_ledger_abandon(struct group *g);
