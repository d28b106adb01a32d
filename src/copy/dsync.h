/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* dsync -- what the files of one pass by doveadm share; see copy/doveadm.h for the whole. */

#include "copy/pass.h"
#include "imapd/dovecot_mail.h"

struct dsync {
	struct pass pass;          /* its listings: both sides before dsync ran */
	struct mail_listing after; /* new, when it had run */
	struct strings words;      /* what dsync itself said of its last run */
};

/* Gives the folders of `new` the names that `old` has for them: hosts differ in the separator and
 * prefix of their namespaces, and dsync translates. Sorts `new` again. */
void dsync_adopt_names(const struct mail_listing *old, struct mail_listing *new);

/* Adds to the pass's result what `after` has, or would have, that its listing of new has not. */
void dsync_count(struct pass *p, const struct mail_listing *after);

/* mailbox_scan() for any format. */
int dsync_scan(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
               struct error *err) MUST_CHECK;

/* transfer_digests() for any format: `listing` is where the wanted stand. */
int dsync_digests(struct host *h, const struct mailbox_account *account,
                  const struct mail_listing *listing, const struct mailbox_wanted *wanted, size_t n,
                  struct transfer_digest *out, struct error *err) MUST_CHECK;

/*
 * One run: dsync-server on the pass's old host, `row` of agent/streams.c on its new one.
 *
 *   status  exit code of the latter
 *   errors  a lost agent only: what dsync did or not is seen by looking
 */
int dsync_run(struct dsync *d, const char *row, int *status, struct error *err) MUST_CHECK;

/*
 * Rollback, where "old" is where the mail comes from: what the manifest (p->known) has not is merged
 * into the other side's mailbox by dsync, with its UID and GUID, and then looked for there. One line
 * a message is added to `brought`, as copy_bring_back() has them.
 */
int dsync_bring(struct pass *p, struct strings *brought, struct error *err) MUST_CHECK;

/* Holds new against old. What differs while old has changed meanwhile is the next pass's; the rest
 * is named in `skipped`. */
int dsync_check(struct dsync *d, struct error *err) MUST_CHECK;

/* Brings the ledger to what is on both sides now. */
int dsync_record(struct dsync *d, struct error *err) MUST_CHECK;
