/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * agreed -- the messages of a Maildir folder as they were when both sides were seen to hold the
 * same, or one was made to: by their names and inodes. A later listing need only tell what differs from that, and asks
 * the disk about nothing else (stat(2) of a hundred thousand files is most of a listing's time).
 *
 * What it does not see: a file whose octets or date were changed in its place, under the same
 * inode, as store/sign.h does not; a listing of everything does.
 */

#include "mail/digest.h"

#include <stddef.h>

struct mail_agreed_row {
	const char *base, *suffix; /* borrowed from `text` */
	bool in_new;
	uint64_t old_inode, new_inode;
	bool is_later; /* it stands in `later` */
	/* for whoever compares: it must be looked at; that side has told of it */
	bool differs, old_told, new_told;
};

struct mail_agreed {
	char *folder;    /* owned */
	struct buf text; /* the rows, as they are kept */
	/* Those that are other ones by now, or gone: so that a few of many cost as much as a few. In any
	 * order, each base once. */
	struct buf later;
	struct mail_agreed_row *rows; /* owned; by base, each once; after mail_agreed_read() */
	size_t n, room;
	struct strings gone; /* of `later` */
	/* of the folder's files; of nothing when there was none */
	struct digest old_uidlist, new_uidlist, old_keywords;
};
void mail_agreed_fini(struct mail_agreed *a);

/* Adds one to `text`; in the order of their bases. */
void mail_agreed_add(struct mail_agreed *a, const struct mail_agreed_row *row);

/* The same for `later`. */
void mail_agreed_add_later(struct mail_agreed *a, const struct mail_agreed_row *row);
void mail_agreed_add_gone(struct mail_agreed *a, const char *base);

/* Reads `text` and `later` into rows. False: malformed. */
bool mail_agreed_read(struct mail_agreed *a) MUST_CHECK;

/*
 * What all names and inodes of one side together are told by, where those of each need not be: the
 * other end, that has names of its own, adds them one by one, in the order of bases. False: one
 * inode is not known.
 */
bool mail_agreed_names(const struct mail_agreed *a, bool of_new, struct digest *out) MUST_CHECK;
void mail_agreed_add_name(struct digest_state *d, struct span base, struct span suffix, bool in_new,
                          uint64_t inode);

/* NULL: not among them. */
struct mail_agreed_row *mail_agreed_find(const struct mail_agreed *a, const char *base);
