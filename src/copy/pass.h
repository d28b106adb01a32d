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
	struct transfer_row *rows; /* messages that are to travel; in a group: a part of its rows */
	size_t rows_n, rows_room;
	struct strings listed; /* folders whose uidlist was written */
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

/* Asks for the two listings; reads them, both, whatever happens, or the host is broken. With
 * *again set nothing is known, and they are to be asked for and read once more. */
int pass_ask(struct pass *p, struct error *err) MUST_CHECK;
int pass_look(struct pass *p, bool *again, struct error *err) MUST_CHECK;

/* Plans a Maildir account, changes what is there already, and writes that into the ledger; the
 * changes are durable at the next commit. `ledger` NULL: a dry run. */
int pass_compare(struct pass *p, struct message_writer *ledger, struct error *err) MUST_CHECK;

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

/* uids.c: puts the uidlist and the keywords of each folder; `there` is true for each message of old
 * that is on new by now. */
typedef bool pass_there_fn(void *context, const struct mail_folder *f,
                           const struct mail_message *m);
/* The usual one, of the pass that is its context: on new before this pass, or brought by it. Sorts
 * p->rows first, by the message they point to. */
pass_there_fn *pass_sort_there(struct pass *p);
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

/* group.c: one pass over `n` accounts together; `passes` are filled but for what it finds. An error
 * that is of one mailbox leaves that one out; with one pass alone it is returned. */
int group_run(struct pass *passes, size_t n, struct error *err) MUST_CHECK;
void pass_fini(struct pass *p);
