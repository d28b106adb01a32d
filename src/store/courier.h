/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * courier -- what Courier keeps beside the messages of a Maildir folder, as Dovecot would have it.
 *
 *  - courierimapuiddb: "1 UIDVALIDITY UIDNEXT", then "UID BASE" (imapd, imapscanclient.c). Messages
 *    that imapd has not seen are not in it.
 *  - courierpop3dsizelist: "/3 NEXT UIDV", then "FILE SIZE N:UIDV:UTF8" (pop3dserver.c; version 2
 *    without UTF8, version 1 without UIDV). The POP3 UIDL is "UID" N "-" UIDV, or made of the file's name
 *    when N is 0. A message that only pop3d has seen gets the next UID, as imapd would give it.
 *  - courierimapkeywords/:list: names of keywords, an empty line, "BASE:NUMBER NUMBER ..."; and one
 *    file for each message whose keywords changed since, BASE or .TIME.BASE with a name a line, of
 *    which BASE, or the greatest TIME, counts (maildirkeywords4.c).
 *
 * Keywords become letters 'a' ... of dovecot-keywords, by the order of their names, so that they stay
 * the same while no keyword comes or goes. All but courier_read() is pure, and fuzzed.
 */

#include "base/error.h"
#include "base/text.h"
#include "mail/flags.h"

#include <stdbool.h>

struct courier_message {
	char *base;       /* owned */
	uint64_t time;    /* of the update that its keywords are from; 0: of the list */
	uint32_t numbers; /* of keywords: bits, in the order of `names` */
};

struct courier {
	struct buf uidlist;               /* dovecot-uidlist; empty: Courier gave no UIDs */
	struct buf keywords_file;         /* dovecot-keywords; empty: there are none */
	struct strings names;             /* keywords, as they came */
	struct courier_message *messages; /* owned; sorted by base after courier_settle() */
	size_t n, room;
	char letters[MAIL_KEYWORDS_MAX + 1]; /* by the order of `names` */
	struct strings troubles;             /* "PLACE:LINE: what" */
};
#define AUTO_COURIER __attribute__((cleanup(courier_fini)))
void courier_fini(struct courier *c);

/* The uidlist from the two files' texts, either of which may be empty. `guid` (32 hexadecimal
 * digits) is to be the same each time. A bad line is told, and left out. */
void courier_uids(struct courier *c, struct span uiddb, struct span sizelist, const char *guid);

/* :list, then updates by the names of their files, in any order; then courier_settle(). */
void courier_keywords(struct courier *c, struct span list);
void courier_update(struct courier *c, const char *name, struct span text);
void courier_settle(struct courier *c);

/* ":2,S" with the letters of the message's keywords: ":2,Sab". Owned by the caller; NULL: no change. */
char *courier_suffix(const struct courier *c, const char *base, const char *suffix);

/* Reads the folder `folderfd`; `place` is its path, for words. Without Courier's files *out is empty. */
int courier_read(int folderfd, const char *place, struct courier *out, struct error *err)
	MUST_CHECK;

/* Is the folder Courier's? Dovecot's own uidlist is believed before Courier's. */
bool courier_is_used(int folderfd);

/* courierimapsubscribed ("INBOX.Sent.2019" a line) as Dovecot's subscriptions of version 2. */
void courier_subscriptions(struct span text, struct buf *out);
