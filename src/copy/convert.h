/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * convert -- an mbox account becomes a Maildir one, again and again, as a copy of a Maildir does.
 *
 * The listing of old is turned into the one that a Maildir with the same mail would have; the pass
 * of copy/pass.c then does the rest.
 *
 *  - A message's file holds its content in the sense of store/mbox.h, octet by octet: without the
 *    From_ line, the blank line behind it, and the header fields X-UID, Status, X-Status,
 *    X-Keywords, X-IMAP, X-IMAPbase and Content-Length. That is what Dovecot shows of an mbox over
 *    IMAP: BODY[] stays the same. A line ">From " stays as it is: Dovecot undoes no quoting. Nothing
 *    else is left out, so the digest in the ledger is the one of old's content and of new's file.
 *  - Its base name is made of that digest and a number, so that it is found again whatever happens
 *    to the mbox.
 *  - UIDs are those that Dovecot gives: X-UID while they grow and stay below UIDNEXT of X-IMAPbase,
 *    else the next free one. UIDVALIDITY is that of X-IMAPbase; a folder that no IMAP server has
 *    opened gets one. So POP3 UIDLs made of both (pop3_uidl_format = %08Xu%08Xv) stay too.
 *  - Flags become letters; keywords too, by dovecot-keywords. What is neither seen before nor has a
 *    flag lies in new/.
 *  - The file's time is the INTERNALDATE: the From_ line's, by its zone, or the host's local time.
 *  - Folder "2023/spring" becomes ".2023.spring" in Maildir++. A name that can't be (a '.' in it, or
 *    "cur" in the fs layout) is told and left out; its mail stays on old, and in verify's
 *    differences.
 *
 * Not carried: what only Dovecot's index files know (flags not yet written to the mbox: they are
 * written when the last client closes the folder; the UIDVALIDITY of a folder without a message),
 * and more than 26 different keywords in one folder, for which file names have no letters.
 */

#include "copy/pass.h"

bool convert_is_wanted(const struct copy_account *account);

/* The name on new of old's folder, owned by the caller; NULL: it can't be there, *why says why. */
char *convert_name(enum mailbox_layout layout, const char *folder, const char **why);

/* The way back (copy_bring_back()): the folder's name in mbox, and the From_ line of a message with
 * that INTERNALDATE. Both owned by the caller. */
char *convert_name_back(enum mailbox_layout layout, const char *folder);
char *convert_from_line(int64_t mtime_ns);

/*
 * Turns old's listing (mailbox_mbox_scan() with utc, or mboxlook()) into that of the Maildir.
 *
 *   known    UIDVALIDITYs given earlier, and UIDNEXT of what was not read; may be NULL
 *   there    new's listing: letters of keywords stay as they are
 *   left_out "FOLDER: why" for each folder, message or keyword that can't be carried
 */
void convert_listing(const struct copy_account *account, const struct known *known,
                     const struct mail_listing *there, struct mail_listing *old,
                     struct strings *left_out);

/* Scans old for a whole comparison, and converts. */
int convert_scan(struct host *h, const struct copy_account *account, const struct known *known,
                 const struct mail_listing *there, struct mail_listing *out, struct error *err)
	MUST_CHECK;

/* The pass. */
int pass_convert(struct pass *p, struct error *err) MUST_CHECK;

/* convert_files.c: subscriptions; *old's list of files becomes what pass_files() is to see. */
int convert_files(struct pass *p, struct error *err) MUST_CHECK;
