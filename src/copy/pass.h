/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* pass -- what the files of one pass share; see copy/copy.h for the whole. */

#include "copy/copy.h"
#include "copy/known.h"
#include "copy/transfer.h"
#include "mail/listing.h"
#include "remote/mailbox.h"

struct pass {
	struct host *old_host, *new_host;
	const struct copy_account *account;
	struct state *state;
	const struct copy_options *options;
	struct copy_result *out;
	struct mail_listing old, new;
	struct known known;
	struct transfer_row *rows; /* messages that are to travel */
	size_t rows_n, rows_room;
	struct copy_progress progress;
};

/* Says that `folder`/`name` was left out, and why. */
void pass_skip(struct pass *p, const char *folder, const char *name, const char *why);

/* The full disk of the new host as a person wants to read of it; other errors pass. */
int pass_explain(struct pass *p, struct error *err);

/* Brings a message into the ledger as it is on old. */
int pass_record(struct pass *p, struct message_writer *w, const struct mail_folder *f,
                const struct mail_message *m, const struct digest *digest, const char *message_id,
                struct error *err) MUST_CHECK;

/* plan.c: compares the listings; fills p->rows and the changes, and keeps the ledger's rows true. */
struct plan {
	struct pass *p;
	struct mailbox_changes changes;
	struct message_writer *ledger; /* NULL in a dry run */
	/* messages on both sides of which the ledger knows nothing */
	struct transfer_row *doubtful;
	size_t doubtful_n, doubtful_room;
};
int pass_plan(struct plan *plan, struct error *err) MUST_CHECK;

/* uids.c: the uidlist and the keywords of each folder; `there` is true for each message of old that
 * is on new by now. */
typedef bool pass_there_fn(void *context, const struct mail_folder *f,
                           const struct mail_message *m);
int pass_uids(struct pass *p, pass_there_fn *there, void *context, struct error *err) MUST_CHECK;

/* beside.c: subscriptions, ACLs, Sieve. */
int pass_files(struct pass *p, struct error *err) MUST_CHECK;

/* mboxpass.c */
int pass_mbox(struct pass *p, struct error *err) MUST_CHECK;
