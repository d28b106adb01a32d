/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * imap -- a mailbox of which nothing can be had but IMAP becomes a Maildir, again and again.
 *
 * Kept: octets, folders, UIDVALIDITY, UIDs, UIDNEXT, flags, keywords, INTERNALDATE, subscriptions. So
 * no mail client fetches anything again, as long as the new server reads dovecot-uidlist. What IMAP
 * can't tell can't be brought: passwords, Sieve scripts, ACLs, POP3 UIDLs (the same only if both
 * servers make them of UIDVALIDITY and UID), \Recent, and what else lies beside the mail.
 *
 *  - The old side is only read: EXAMINE, BODY.PEEK[].
 *  - A message is known by UIDVALIDITY and UID; its file name is made of both. A folder whose
 *    UIDVALIDITY has changed is taken anew, and what was brought of it under the old one goes.
 *  - A file holds the octets of BODY[], without the CR of each CRLF if that can be undone
 *    (imap/body.h). What RFC822.SIZE says is a guess of the server; what came counts.
 *  - A folder whose STATUS is as it was at the end of the pass that brought all of it (HIGHESTMODSEQ
 *    too, RFC 7162) costs that one line. Of others, only what changed is asked for, if the server can
 *    tell (QRESYNC, CONDSTORE), else all flags.
 *  - Several connections fetch at the same time, each with several commands ahead, each command
 *    for many messages. One that breaks is opened again; what has arrived does not come again.
 *  - A message that the server lists and does not give is asked for once more, alone, and then told
 *    of by folder, UID and the server's words.
 *  - When all is there, new is listed and held against what the server listed: number, UID, flags,
 *    keywords, date, octets. Each thing that differs stands in `skipped`.
 */

#include "copy/copy.h"
#include "imap/name.h"
#include "imap/session.h"

/* All borrowed. */
struct copy_imap {
	struct imap_server server;
	struct imap_login login;
	enum imap_layout layout; /* of account->to */
	unsigned connections;    /* at most; 0: three */
	int pause_ms; /* before it is tried again after a break or a "not now"; 0: a second. Doubles */
};

/* What is only known of this kind of source. */
struct copy_imap_told {
	uint64_t folders,
		folders_asked;  /* of all; those that were listed, because they had changed */
	uint64_t breaks;        /* connections that were opened again */
	uint64_t unequal_sizes; /* RFC822.SIZE was not what came */
};

/*
 * One pass over the mailbox that `source->login` opens; promises what copy_pass() does.
 *
 *   account  from->user is its name in the ledger; the rest of `from` is not looked at
 *   options  look_everywhere: nothing is taken as unchanged, and the octets on new are read again
 *   told     added to
 */
int copy_imap_pass(const struct copy_imap *source, struct host *new_host,
                   const struct copy_account *account, struct state *state,
                   const struct copy_options *options, struct copy_result *out,
                   struct copy_imap_told *told, struct error *err) MUST_CHECK;
