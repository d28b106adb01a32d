/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * dovecot_mail -- what a mailbox holds whose format only Dovecot itself reads (sdbox, mdbox), as
 * doveadm tells it.
 *
 * A listing made here has as folder names the mailbox names ("" for INBOX), and as identity of a
 * message its UID and GUID: "0000000017-1f0c...": a copy that a user made of a message has the same
 * GUID, in the same folder too. `size` is the size with CRLF (RFC822.SIZE), the same in every format;
 * `mtime_ns` the INTERNALDATE, in whole seconds, modulo 2^32 of them as in Dovecot's cache.
 *
 * Reading may write Dovecot's own caches and index logs on that host, never mail, flags or UIDs.
 */

#include "mail/listing.h"
#include "remote/host.h"
#include "remote/stream.h"

#define DOVECOT_FOLDERS_MAX 100000u
#define DOVECOT_MESSAGES_MAX 20000000u
#define DOVECOT_LINE_MAX 65536u

struct dovecot_totals {
	uint64_t folders, messages, octets, subscriptions;
};

/* The account as a program of agent/streams.c takes it. `location` is owned by the caller and has to
 * live as long as the result; it is set to NULL when the host's settings say it. */
struct host_stream dovecot_stream(const struct mailbox_account *account, const char *row,
                                  char **location);

/* Only counts. An account that has no mail yet: zeros. */
int dovecot_count(struct host *h, const struct mailbox_account *account, struct dovecot_totals *out,
                  struct error *err) MUST_CHECK;

/*
 * Lists all folders and messages.
 *
 *   out      what doveadm could not read stands in its troubles
 *   errors   doveadm does not run, or says what no doveadm says
 */
int dovecot_list(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
                 struct error *err) MUST_CHECK;

/* The subscribed mailboxes, sorted. */
int dovecot_subscriptions(struct host *h, const struct mailbox_account *account,
                          struct strings *out, struct error *err) MUST_CHECK;

/* What a message is, read whole on its host; CRLF counts as LF (agent/texts.h). */
struct dovecot_text {
	uint32_t uid;
	struct digest digest;
	struct span message_id; /* "<...>" or ""; borrowed during the call */
};
typedef void dovecot_text_fn(void *context, const struct dovecot_text *text);

/* Reads the messages of one folder with these UIDs, in any order; those that are gone, or can't be
 * read, are not told. The octets stay on that host. */
int dovecot_read_texts(struct host *h, const struct mailbox_account *account,
                       const char *folder_guid, const uint32_t uids[], size_t n,
                       dovecot_text_fn *tell, void *context, struct error *err) MUST_CHECK;

/* ── the tables of doveadm -f tab; pure, fuzzed ──────────────────────────────────────────────── */

/* `mailbox status "messages uidvalidity uidnext vsize guid"`: fills in folders and totals; the
 * columns stand in any order, a name may hold tabs. Either of the two may be NULL. */
int dovecot_read_folders(struct span text, struct mail_listing *out, struct dovecot_totals *totals,
                         struct error *err) MUST_CHECK;

/* `fetch "mailbox-guid uid guid size.virtual date.received flags"`, in pieces as they come. */
struct dovecot_rows {
	struct mail_listing *listing; /* borrowed; has the folders */
	struct buf line;              /* the part of a line that has come so far */
	uint64_t lines, messages;
	size_t *by_guid; /* folders, sorted by GUID */
	struct mail_folder *last;
};
#define AUTO_DOVECOT_ROWS __attribute__((cleanup(dovecot_rows_fini)))
void dovecot_rows_begin(struct dovecot_rows *r, struct mail_listing *listing);
int dovecot_rows_feed(struct dovecot_rows *r, struct span piece, struct error *err) MUST_CHECK;
int dovecot_rows_end(struct dovecot_rows *r, struct error *err) MUST_CHECK;
void dovecot_rows_fini(struct dovecot_rows *r);
