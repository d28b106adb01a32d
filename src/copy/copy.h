/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * copy -- brings a mailbox on the new side to the state of the one on the old side, again and
 * again, while the old one lives.
 *
 * A message is known by its identity (Maildir: the base name), so a flag that a client sets is a
 * rename on new, never a second transfer. What new holds and old does not is removed only when an
 * earlier pass brought it; anything else is `extra` and stays.
 *
 * What makes a pass true at its end, whenever it ends:
 *  1. old's uidlist is read before old's folder is listed: each file it knows was there.
 *  2. Messages are in place and durable on new before the uidlist that names them is; the uidlist
 *     written there names only files that are there.
 *  3. A message is written into the ledger (state/messages.h) only after 2, and its name into
 *     state/coming.h before new may put it in place. One that is on both sides and not in the ledger
 *     (we were killed in between) is compared by its octets; one that is on new alone and whose name
 *     was coming is ours, and is removed.
 *  4. Dovecot's index files on new are removed before and after a uidlist changes: an index that
 *     knows other UIDs makes Dovecot give out new ones (they are caches, and rebuilt). Those of
 *     mbox folders hold what the file does not, and follow it.
 */

#include "mail/mailbox.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>
#include <stdint.h>

/* One mailbox on both sides; all borrowed. `to->uid` and `to->gid` own what is made on new. */
struct copy_account {
	const struct mailbox_account *from, *to;
	const struct strings *beside; /* relative to the homes: Sieve, .forward ...; may be NULL */
};

struct copy_progress {
	uint64_t messages, octets;             /* durable on new, in this pass */
	uint64_t total_messages, total_octets; /* to be brought in this pass */
	const char *account;
};

struct copy_options {
	bool dry_run;      /* counts what would be done; nothing is changed */
	bool delete_extra; /* what new holds and no pass has brought is removed too */
	/* copy_accounts() lists every mailbox, also those whose signs are as they were */
	bool look_everywhere;
	/* May be NULL. copy_accounts() calls it before it passes over an account that does not look as
	 * it did: what has to be there for it, its root on new. -1 with *err set ends the pass. Not
	 * with dry_run. */
	int (*prepare)(void *context, size_t account, struct error *err);
	void (*progress)(void *context, const struct copy_progress *progress); /* may be NULL */
	void *context;
};

struct copy_result {
	uint64_t old_messages, old_octets; /* what old holds */
	uint64_t copied, copied_octets;    /* messages that travelled */
	uint64_t here_octets;              /* of those: read and stored by one and the same agent */
	uint64_t renamed;                  /* flags, new/ to cur/, dates */
	uint64_t removed;                  /* expunged on old since an earlier pass */
	uint64_t unchanged;
	uint64_t vanished; /* expunged on old while we copied */
	uint64_t folders_made, folders_removed;
	uint64_t files; /* uidlists, keywords, subscriptions, Sieve ... written or removed */
	struct strings skipped; /* "FOLDER/NAME: why", each thing that could not be brought */
	struct strings extra;   /* on new, never on old: left alone */
	struct strings notes;   /* odd, and of no consequence for mail: a bad line in a uidlist */
	double seconds;
};
#define AUTO_COPY_RESULT __attribute__((cleanup(copy_result_fini)))
void copy_result_fini(struct copy_result *r);
/* Adds `from` to the sum; takes the words out of it. */
void copy_result_add(struct copy_result *sum, struct copy_result *from);
/* Something was brought, changed or removed. */
bool copy_result_changed(const struct copy_result *r);

/*
 * One pass over many accounts. A mailbox that looks, on both sides, as it did when a pass found
 * nothing to do in it (store/sign.h) is not listed again: it counts as unchanged.
 *
 * One mailbox that can't be copied does not keep the others from it: it stands in out->skipped.
 * Progress adds up over all of them. The rest as copy_pass().
 */
int copy_accounts(struct host *old_host, struct host *new_host, const struct copy_account *accounts,
                  size_t n, struct state *state, const struct copy_options *options,
                  struct copy_result *out, struct error *err) MUST_CHECK;

/*
 * One pass over one account.
 *
 *   new_host  needs control, unless dry_run
 *   out       zeroed by the caller; what was done is added to it, also when the pass fails
 *   errors    a full disk on new: ERROR_RETRY_PERSON, with what is needed and what is free; the
 *             next pass goes on where this one ended
 */
int copy_pass(struct host *old_host, struct host *new_host, const struct copy_account *account,
              struct state *state, const struct copy_options *options, struct copy_result *out,
              struct error *err) MUST_CHECK;

/*
 * Rollback: stores on `to` each message that `from` has and the manifest has not, that is, what the
 * new side took after the freeze: same bytes, flags and date, under its own base name (Maildir),
 * appended under locks (mbox), or merged by dsync with UID and GUID (sdbox, mdbox). Repeating it doubles
 * nothing.
 *
 *   account  from = the account on the new side, to = on the old side (which needs control)
 *   brought  one line a message: "FOLDER/NAME Message-ID"; those that were there already too
 */
int copy_bring_back(struct host *from_host, struct host *to_host,
                    const struct copy_account *account, struct state *state,
                    struct strings *brought, struct copy_result *out, struct error *err) MUST_CHECK;
