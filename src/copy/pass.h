/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * pass -- what the files of one pass share; see copy/copy.h for the whole.
 *
 * Accounts are passed in groups (copy/group.c): their listings are asked for ahead, and what has to
 * be on disk before something else may follow is waited for once for all of them.
 */

#include "copy/agreed.h"
#include "copy/copy.h"
#include "copy/known.h"
#include "copy/transfer.h"
#include "mail/listing.h"
#include "remote/mailbox.h"

/* A message that is on new already, and of which the ledger shall say what is on old now. */
struct pass_noted {
	const struct mail_folder *f; /* borrowed from the listing of old */
	const struct mail_message *m;
	struct digest digest;
	char *message_id; /* owned */
};

/* One account. */
struct pass {
	struct host *old_host, *new_host;
	const struct copy_account *account;
	struct state *state;
	const struct copy_options *options;
	struct copy_result *out;
	struct mail_listing old, new;
	struct known known;
	struct agreed agreed;
	/* by its sign that side is as it was when both were seen to hold the same */
	bool old_same, new_same;
	bool by_names;   /* new was asked with digests of its names, which may not be enough */
	bool with_names; /* and is not to be */
	struct transfer_row *rows; /* messages that are to travel; in a group: a part of its rows */
	size_t rows_n, rows_room;
	struct mailbox_changes changes; /* of what is on new already */
	struct pass_noted *noted;       /* owned */
	size_t noted_n, noted_room;
	size_t failures;       /* before the plan was made: in out->skipped */
	uint64_t vanished;     /* the same of out->vanished */
	struct strings listed; /* folders whose uidlist was written */
	struct pass_uidlist {
		const struct mail_folder *f; /* borrowed from the listing of old */
		struct digest digest;
	} * uidlists; /* owned; those that were written */
	size_t uidlists_n, uidlists_room;
	struct copy_progress progress;
	struct pass_files *files;
	bool left_out; /* this account can't be copied; it stands in out->skipped */
};

/* Says that `folder`/`name` was left out, and why. */
void pass_skip(struct pass *p, const char *folder, const char *name, const char *why);

/* The full disk of the new host as a person wants to read of it, where `octets` are still to come;
 * other errors pass. */
int pass_explain(struct pass *p, uint64_t octets, struct error *err);

/* Brings a message into the ledger as it is on old. */
int pass_record(struct pass *p, struct message_writer *w, const struct mail_folder *f,
                const struct mail_message *m, const struct digest *digest, const char *message_id,
                struct error *err) MUST_CHECK;

/* The ledger's rows of messages, and of folders, that are not on old any more. */
int pass_record_gone(struct pass *p, struct message_writer *w, struct error *err) MUST_CHECK;
int pass_record_gone_folders(struct pass *p, struct error *err) MUST_CHECK;

/* A message as it was when it was read, after the listing. */
void pass_take_arrival(const struct transfer_row *row, const struct mail_message *now);

/* Asks for the two listings; reads them, both, whatever happens, or the host is broken. With
 * *again set nothing is known, and they are to be asked for and read once more. */
int pass_ask(struct pass *p, struct error *err) MUST_CHECK;
int pass_look(struct pass *p, bool *again, struct error *err) MUST_CHECK;

/* Plans a Maildir account: what travels, and p->changes, which may be sent in part. */
int pass_compare(struct pass *p, struct error *err) MUST_CHECK;
/* Writes into the ledger what the comparison found, when the answers to p->changes are there. To be
 * committed after a commit on new, which makes them durable. */
int pass_compare_record(struct pass *p, struct message_writer *ledger, struct error *err)
	MUST_CHECK;

/* plan.c: compares the listings; fills p->rows, p->changes, and p->noted. */
struct plan {
	struct pass *p;
	/* messages on both sides of which the ledger knows nothing */
	struct transfer_row *doubtful;
	size_t doubtful_n, doubtful_room;
};
int pass_plan(struct plan *plan, struct error *err) MUST_CHECK;

/* uids.c: puts the uidlist and the keywords of each folder; `there` is true for each message of old
 * that is on new by now. */
typedef bool pass_there_fn(void *context, const struct mail_folder *f,
                           const struct mail_message *m);
/* The usual one, of the pass that is its context: on new before this pass, or brought by it. Sorts
 * p->rows first, by the message they point to. */
pass_there_fn *pass_sort_there(struct pass *p);
/* Of the row of that message, after pass_sort_there(); NULL: it did not travel. */
const struct transfer_row *pass_find_row(const struct pass *p, const struct mail_message *m);
int pass_uids_put(struct pass *p, struct mailbox_writer *writer, pass_there_fn *there,
                  void *context, struct error *err) MUST_CHECK;
/* The index files of those folders go: before the new lists can be seen, so that being killed in
 * between never leaves an old index beside them; and after, for a Dovecot that looked in just then. */
int pass_uids_drop_indexes(struct pass *p, struct error *err) MUST_CHECK;

/* beside.c: subscriptions, ACLs, Sieve. In this order; between put and drop what was put is
 * committed. The ledger's rows are put into the transaction that is open. */
struct pass_files *pass_files_new(struct pass *p);
int pass_files_look(struct pass_files *f, struct error *err) MUST_CHECK;
int pass_files_put(struct pass_files *f, struct mailbox_writer *writer, struct error *err)
	MUST_CHECK;
int pass_files_drop(struct pass_files *f, struct error *err) MUST_CHECK;
void pass_files_free(struct pass_files *f);

/* group.c: of one account whose listings are there, the messages and uidlists; the files beside. */
int pass_maildir(struct pass *p, struct error *err) MUST_CHECK;
int pass_files(struct pass *p, struct error *err) MUST_CHECK;

/* mboxpass.c: with the listings and the ledger. */
int pass_mbox(struct pass *p, struct error *err) MUST_CHECK;

void pass_fini(struct pass *p);
