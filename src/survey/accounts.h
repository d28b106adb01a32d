/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * accounts -- every mailbox that moves: where it lies on the old side, and where on the new one.
 *
 * `mailhaul survey` finds the old half and stores it; `mailhaul prepare` adds the new half when it
 * has made the user there (a uid may have been taken, so numbers and homes may differ). Both lie in
 * the move's state, so nothing here asks a host.
 */

#include "base/text.h"
#include "mail/mailbox.h"
#include "state/state.h"

#include <stdbool.h>
#include <stddef.h>

struct account_pair {
	struct mailbox_account from; /* on the old side */
	struct mailbox_account to;   /* on the new side; all NULL while `prepared` is false */
	bool prepared;               /* prepare has made the user and the home on new */
	/* What belongs to the mailbox's owner and lies beside the mail: the Sieve folder, the link
	 * to the active script, .forward ... Relative to the home, a folder means all below it.
	 * Carried by each pass just as mail is, since people change them until the cut-over. */
	struct strings beside;
};

struct account_pairs {
	struct account_pair *rows; /* owned; sorted by user */
	size_t n, room;
};
#define AUTO_ACCOUNT_PAIRS __attribute__((cleanup(account_pairs_fini)))
void account_pairs_fini(struct account_pairs *pairs);

/*
 * Reads all mailboxes of the move.
 *
 *   out     emptied first; the caller owns the rows
 *   errors  ERROR_RETRY_PERSON "survey has not been run yet" when it has not
 */
int survey_accounts(struct state *s, struct account_pairs *out, struct error *err) MUST_CHECK;

/* Stores one pair, replacing the one of the same user. */
int survey_account_put(struct state *s, const struct account_pair *pair, struct error *err)
	MUST_CHECK;

/* Makes these the mailboxes of the move. Where the old half is as it was, the new half that prepare
 * has stored is kept (and put into *pairs). In one transaction. */
int survey_accounts_replace(struct state *s, struct account_pairs *pairs, struct error *err)
	MUST_CHECK;
