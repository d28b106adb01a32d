/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* walk -- what the files of one pass over all mailboxes share; see copy/accounts.c. */

#include "copy/copy.h"
#include "remote/mailbox.h"
#include "state/signs.h"

struct side {
	struct mailbox_sign now; /* owned */
	struct digest known;
	struct store_outline outline; /* of `known`, until it is seen to hold; owned */
	bool as_outlined;
};

/* What is known of one account, in the order of the caller's. */
struct look {
	struct side old, new;
	uint64_t messages, octets;
	bool known;
};

struct part; /* accounts.c */

struct walk {
	struct host *old_host, *new_host;
	const struct copy_account *accounts;
	size_t n;
	struct state *state;
	const struct copy_options *options;
	struct copy_result *out;
	struct look *looks;            /* owned */
	size_t *signed_ones, signed_n; /* owned; accounts that have signs */
	struct copy_progress finished; /* of the accounts before the one that is under way */
	size_t *changed, changed_n;    /* owned; accounts that are to be passed over */
	size_t at;                     /* in `changed`: where the part that is under way begins */
	struct part *now, *next;       /* owned; next: NULL: is not looked at yet */
	bool only_now;                 /* no other agents can be had to look at the next one */
};

/* ── looks.c: from outside ───────────────────────────────────────────────────────────────────── */

/* What they were like when both were seen to hold the same. */
int walk_load_signs(struct walk *w, struct error *err) MUST_CHECK;
/* What they are like now. Both hosts look at the same time. What only Dovecot reads has no sign: its files
 * change when they are read. */
int walk_look_at_all(struct walk *w, struct error *err) MUST_CHECK;

bool side_is_as_known(const struct side *side);
bool look_is_unchanged(const struct look *l);
bool side_is_outlined_anew(const struct side *side);

/* Writes down the sign of account i, if the pass over it found nothing to do: the signs were taken before it
 * looked, so they stand for "the same on both sides", unless something changed in the very tick in which it
 * was looked at. */
int walk_keep_sign(struct walk *w, size_t i, const struct copy_result *r, struct error *err)
	MUST_CHECK;
/* The outlines of n accounts whose signs hold: Dovecot's caches came or went there. A few of them cost less
 * to look at in full than to write down. */
int walk_keep_outlines(struct walk *w, const size_t *which, size_t n, struct error *err) MUST_CHECK;
