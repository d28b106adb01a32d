/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* maildir -- what the files of the Maildir format share. Inside the room. */

#include "store/courier.h"
#include "store/maildirscan.h"
#include "store/names.h"

struct maildir_scan {
	const struct mailbox_account *account;
	const struct store_sink *sink;
	const struct maildirscan *more; /* NULL: nothing is known */
};

/* Tells the sink; `left_out`: what may be mail is not told of because of it. */
int maildir_trouble(const struct maildir_scan *s, const char *folder, const char *name,
                    const char *what, bool left_out, struct error *err) MUST_CHECK;

/*
 * What is there and can't be looked at ends the scan. Left out, it would be taken for expunged: then
 * its copy on the other side would go, or it would be brought there a second time. By errno; -1.
 */
int maildir_unreadable(const struct maildir_scan *s, const char *folder, const char *name,
                       struct error *err);

/* Never through a link; -1 with errno. */
int maildir_open_directory(int at, const char *name);

/* The messages of one folder; zeroed but for what is named first. */
struct maildir_look {
	const char *folder;            /* borrowed, like all of these */
	int newfd, curfd;              /* -1: there is none */
	const struct courier *courier; /* of this folder */
	struct store_known *known;     /* NULL: everything is told */
	struct names names;            /* owned */
	bool *told;                    /* owned; of names.rows */
};
void maildir_look_fini(struct maildir_look *l);
#define AUTO_MAILDIR_LOOK __attribute__((cleanup(maildir_look_fini)))

/* Reads the names, and finds which of them are as known. A folder that is the same has none to tell. */
int maildir_look_begin(struct maildir_look *l, struct error *err) MUST_CHECK;

/* A name that is not known stands in this dovecot-uidlist. */
bool maildir_look_adds_uids(const struct maildir_look *l, struct span uidlist);

/* Tells the sink of all that is not as known. */
int maildir_look_tell(struct maildir_look *l, const struct maildir_scan *s, struct error *err)
	MUST_CHECK;

/* store_maildir's. */
int maildir_open(int rootfd, const struct mailbox_account *account,
                 const struct store_wanted *wanted, struct store_opened **out, struct error *err)
	MUST_CHECK;
int maildir_read(struct store_opened *o, const struct store_reader *reader, struct error *err)
	MUST_CHECK;
