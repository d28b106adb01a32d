/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxlook -- lists an mbox account by reading no more of it than changed since the last pass. */

#include "copy/pass.h"
#include "state/mboxes.h"

/* `offset` of a message that was not read, but taken from the ledger. */
#define MBOXLOOK_LEDGER UINT64_MAX

/* "spring" on old is ".spring" in the ledger: the name there, owned by the caller, or NULL when the
 * folder can't be there. */
typedef char *mboxlook_name_fn(void *context, const char *folder);

/* Asks for the look; `known` and `utc` as below. Its answer is to be read by mboxlook(). */
int mboxlook_ask(struct host *h, const struct mailbox_account *account, bool utc,
                 const struct mbox_states *known, struct error *err) MUST_CHECK;

/* mboxlook() is both: what was asked for is read, ... */
int mboxlook_collect(struct host *h, const struct mailbox_account *account,
                     struct mail_listing *out, struct mbox_states *states, struct error *err)
	MUST_CHECK;
/* ... and completed. */
void mboxlook_complete(struct pass *p, const struct mbox_states *known, mboxlook_name_fn *name,
                       void *context, struct mail_listing *out, const struct mbox_states *states);

/*
 * In place of it, when all that the listing does not have is in the ledger, under the same name:
 * those messages are only counted (`before` in struct mail_folder), so that p->known needs none.
 *
 *   counts  of mboxlook_count()
 */
struct mboxlook_counts {
	struct mboxlook_count {
		char *folder; /* owned */
		uint64_t messages, octets;
	} * rows; /* owned */
	size_t n, room;
};
#define AUTO_MBOXLOOK_COUNTS __attribute__((cleanup(mboxlook_counts_fini)))
void mboxlook_counts_fini(struct mboxlook_counts *counts);
int mboxlook_count(struct pass *p, struct mboxlook_counts *counts, struct error *err) MUST_CHECK;
int mboxlook_put_counts(struct pass *p, const struct mboxlook_counts *counts,
                        struct mail_listing *out, struct error *err) MUST_CHECK;

/*
 * Lists `account`, which was asked for; what was not read is filled in from the ledger. A folder that the ledger knows
 * and that could not be looked at now (the listing has a trouble) is listed as it was.
 *
 *   known   what the files were; their folders' messages are those of p->known
 *   name    NULL: names are the same in the ledger
 *   states  one a folder that was looked at
 */
int mboxlook(struct pass *p, struct host *h, const struct mailbox_account *account,
             const struct mbox_states *known, mboxlook_name_fn *name, void *context,
             struct mail_listing *out, struct mbox_states *states, struct error *err) MUST_CHECK;
