/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * agreed -- a pass over a Maildir account that both sides tell only the differences of: from the
 * names that were on both at the end of an earlier pass (mail/agreed.h): it found them there, or has
 * made new hold what old was listed with.
 *
 * The listings of such a pass hold only messages that differ on one side at least; of those that the
 * other side did not tell of, what it has is made from the agreed names and the ledger. All that
 * compares listings works on them as on whole ones. Where that is not possible, or the ledger does
 * not fit, everything is looked at.
 */

#include "mail/agreed.h"
#include "state/state.h"

struct pass;

struct agreed {
	struct mail_agreed *folders; /* owned; by name */
	size_t n, room;
	bool wanted;                /* the pass is one that may agree */
	bool declined;              /* one side alone told a folder whole */
	uint64_t same, same_octets; /* messages that differ on neither side, by the ledger */
};
void agreed_fini(struct agreed *a);

/* Reads what was agreed, unless everything is to be looked at; then there is none. Before the
 * listings are asked for. */
int agreed_load(struct pass *p, struct error *err) MUST_CHECK;

/*
 * Completes the listings that came, and loads what the ledger says of their messages.
 *
 *   returns  1 done; 0 not possible: nothing is agreed any more, and everything is to be looked at;
 *            -1 error
 */
int agreed_complete(struct pass *p, struct error *err) MUST_CHECK;

/*
 * At the end of a pass, inside of a transaction: keeps what both sides agree on, if they do, which is
 * when nothing was left out. In the transaction that tells the ledger of the last of it, and when all
 * of it is durable on new: who is killed before finds what was agreed before, which the names of
 * state/coming.h, or the ledger's rows, show to be of no use where it matters.
 *
 * Of old it says how it was listed, or how a message was when it was read; what changed since is told
 * as a difference. A message that travelled is one in any case: it is agreed on when a later pass has
 * found it as it was. Of new it says what new's agent has answered: the inode of each file that it put in
 * place, and that each change was made, which leaves the inode as it was listed.
 */
int agreed_keep(struct pass *p, struct error *err) MUST_CHECK;
