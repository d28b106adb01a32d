/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailbox -- the requests about mailboxes: scans, messages, changes. A part of wire/wire.h, whose
 * frames and fields these are.
 *
 * Bodies here are rows of records, as many as fit in a frame; a record is u64 tag and the fields
 * that stand beside the tag. An account (below "A") is six fields: user, home, root, inbox, u64
 * format, u64 layout.
 *
 *	MAIL_SCAN    A, KNOWN...: Maildir folders as they were on this side (mail/agreed.h)
 *	    -> DATA: FOLDER, its UIDLIST and KEYWORDS pieces, its MESSAGEs, the next FOLDER ...;
 *	       FILE and TROUBLE anywhere. Of a folder with AS_KNOWN behind it only what differs is
 *	       told: MESSAGEs, and GONE for those that are not there any more
 *	MAIL_FIND    path, u64 depth
 *	    -> DATA: FOUND per Maildir below that path
 *	MAIL_SIGN    (A, u64 n, n paths beside, relative to the home, outline, its digest)...
 *	    -> DATA: SIGNED per account, in the order of asking; the outline is one that SIGNED told
 *	       before, or empty
 *	MAIL_FETCH   A, u64 content 0|1|2, WANTED...; 2: as 1, and mailhaul did not wait for the line
 *	    -> DATA per wanted, in order: BEGIN, BYTES..., DONE (without content no BYTES), or FAILED
 *	       at any place
 *	MAIL_STORE   C PUT_MESSAGE|PUT_FILE, BYTES..., DONE; LINK; DROP
 *	    -> nothing
 *	MAIL_COMMIT  C nothing, or u64 1: ahead
 *	    -> u64 number of files in place, and the inode of each, in the order of storing, for at
 *	       most WIRE_MAIL_INODES_MAX of them (0: not known). What was stored since the last commit is durable now, and
 *	       seen only now. Ahead: that of the COMMIT before it is, and is told of; what was stored
 *	       since becomes so while other requests are answered, and is told of at the next COMMIT.
 *	       A STORE that failed spoils all up to the next COMMIT
 *	MAIL_BRING   C A, top, root, u64 uid, u64 gid, WANTED...
 *	    -> as MAIL_FETCH without content: of each, what is stored as by MAIL_STORE, until the next
 *	       COMMIT, in the account at root. Of messages that this agent reads itself, below top
 *	MAIL_CHANGE  C A, u64 uid, u64 gid, u64 later, RENAME|REMOVE|MAKE_FOLDER|...
 *	    -> DATA: FAILED per record that could not be done. Durable at END; with `later` 1 at that
 *	       of the next COMMIT
 *	MBOX_FETCH   A, STATE: what its file is, as MBOX_SCAN told; u64 keep
 *	    -> DATA: BEGIN (offset: keep), BYTES of [keep, size)..., DONE with the digest of them;
 *	       ERROR ESTALE: its first `size` octets are others by now
 *	MBOX_SCAN    A, u64 1: times in UTC, STATE...: what is known of folders
 *	    -> as MAIL_SCAN, with a STATE behind each FOLDER (mail/mboxstate.h), and an ID behind
 *	       each MESSAGE that has a Message-ID
 *	MBOX_GROW    C A, STATE: what its file is, u64 mtime_ns, path (below root; a file that STORE
 *	               brought), u64 1: only take back what was half done
 *	    -> STATE of the file, with those octets at its end; ERROR ESTALE: it is another
 *	MBOX_APPEND  C A, folder, u64 uid, u64 gid, path (below root; a file that STORE brought, with
 *	               the content), from line, flag letters, keywords, digest
 *	    -> u64 1 appended, 0 a message of that content was there
 */

#include "mail/listing.h"
#include "mail/mboxstate.h"
#include "wire/wire.h"

#define WIRE_MAIL_KNOWN_SAME 1u
#define WIRE_MAIL_KNOWN_NAMES 2u

#define WIRE_MAIL_WAS_IN_NEW 1u
#define WIRE_MAIL_COMES_TO_NEW 2u
#define WIRE_MAIL_SAME_FOLDER 4u
#define WIRE_MAIL_PLACES 7u

/* More than are ever stored between two commits of messages. */
#define WIRE_MAIL_INODES_MAX 100000u

#define WIRE_MAIL_SCAN ((enum wire_kind)40)
#define WIRE_MAIL_FETCH ((enum wire_kind)41)
#define WIRE_MAIL_STORE ((enum wire_kind)42)
#define WIRE_MAIL_COMMIT ((enum wire_kind)43)
#define WIRE_MAIL_CHANGE ((enum wire_kind)44)
#define WIRE_MBOX_FETCH ((enum wire_kind)45)
#define WIRE_MBOX_APPEND ((enum wire_kind)46)
#define WIRE_MAIL_FIND ((enum wire_kind)47)
#define WIRE_MAIL_SIGN ((enum wire_kind)48)
#define WIRE_MAIL_BRING ((enum wire_kind)49)
#define WIRE_MBOX_SCAN ((enum wire_kind)50)
#define WIRE_MBOX_GROW ((enum wire_kind)51)

enum wire_mail_tag {
	/* scan */
	WIRE_MAIL_FOLDER = 1, /* name, u64 mode, uid, gid, mtime_ns, size, uidvalidity, uidnext */
	WIRE_MAIL_UIDLIST,    /* octets: goes on where the last piece ended */
	WIRE_MAIL_KEYWORDS,   /* octets */
	WIRE_MAIL_MESSAGE,    /* see wire_put_message() */
	WIRE_MAIL_FILE,       /* u64 place, path, target, u64 mode, size, mtime_ns */
	WIRE_MAIL_TROUBLE,    /* words, u64 1: something was left out because of it */
	/* find, sign */
	WIRE_MAIL_FOUND, /* path, u64 layout, mode, uid, gid */
	/* digest; u64 0 not to be relied on | 1 settled | 2 there is none | 3 it looks as the outline
	 * that was asked with; outline, its digest. Only 1 may have an outline, and 3 has no digest */
	WIRE_MAIL_SIGNED,
	/* fetch */
	WIRE_MAIL_WANTED, /* folder, base, suffix, u64 in_new, offset */
	WIRE_MAIL_BEGIN,  /* message as in MESSAGE, from line */
	WIRE_MAIL_BYTES,  /* octets */
	WIRE_MAIL_DONE,   /* digest, Message-ID (empty in a STORE) */
	WIRE_MAIL_FAILED, /* u64 index of the record, string: the body of an ERROR */
	/* store */
	WIRE_MAIL_PUT_MESSAGE, /* root, folder, u64 in_new, name, u64 mode, uid, gid, mtime_ns */
	WIRE_MAIL_PUT_FILE,    /* root, path, u64 keep, mode, uid, gid, mtime_ns */
	WIRE_MAIL_LINK,        /* root, path, target, u64 uid, gid */
	WIRE_MAIL_DROP,        /* takes back what was begun */
	/* change */
	/* u64 of the bits WIRE_MAIL_WAS_IN_NEW ...; folder, if it is not that of the RENAME or REMOVE
	 * before; base, its suffix */
	WIRE_MAIL_RENAME, /* then suffix, u64 mtime_ns */
	WIRE_MAIL_REMOVE,
	WIRE_MAIL_MAKE_FOLDER,   /* folder, u64 mode */
	WIRE_MAIL_REMOVE_FOLDER, /* folder */
	WIRE_MAIL_DROP_INDEXES,  /* folder */
	WIRE_MAIL_REMOVE_FILE,   /* path below the root or home, u64 place */
	/* scan, with what is known */
	/* folder, digest of the uidlist, u64 0, rows: see wire_put_known(); or, with no rows, u64 1: it
	 * is so; u64 2, digest: it is so if the names have that one (mail/agreed.h) */
	WIRE_MAIL_KNOWN = 48,
	WIRE_MAIL_AS_KNOWN, /* u64 1: the uidlist too, and it was not told */
	WIRE_MAIL_GONE,     /* base */
	/* mbox; see wire_put_mbox_state() */
	WIRE_MBOX_STATE = 64,
	WIRE_MBOX_ID, /* Message-ID of the MESSAGE before it */
	/* bring: the next WANTED becomes a Maildir's, by its base and suffix: folder, u64 mode, mtime_ns */
	WIRE_MAIL_WANTED_AS,
};

void wire_put_account(struct buf *body, const struct mailbox_account *account);
/* The strings are owned by the caller: mailbox_account_fini() frees them. A NUL
 * inside, or a root that is no absolute path: r->bad. */
void wire_get_account(struct wire_reader *r, struct mailbox_account *out);

void wire_put_tag(struct buf *body, enum wire_mail_tag tag);
/* A string that becomes a C string: NULs make r->bad. The caller owns it. */
char *wire_get_string(struct wire_reader *r) MUST_CHECK;
void wire_put_digest(struct buf *body, const struct digest *digest);
struct digest wire_get_digest(struct wire_reader *r);

/* The fields behind the tag. What is got is owned by the caller (mail_..._fini()). */
void wire_put_folder(struct buf *body, const struct mail_folder *folder);
void wire_get_folder(struct wire_reader *r, struct mail_folder *out);
void wire_put_message(struct buf *body, const struct mail_message *message);
void wire_get_message(struct wire_reader *r, struct mail_message *out);
void wire_put_file(struct buf *body, const struct mail_file *file);
void wire_get_file(struct wire_reader *r, struct mail_file *out);
/* One of KNOWN's rows: an octet in_new, eight of the inode (the lowest first), base and suffix, each
 * with a NUL behind it. */
struct wire_known {
	struct span base, suffix; /* borrowed */
	bool in_new;
	uint64_t inode;
};
void wire_put_known(struct buf *rows, const struct wire_known *known);
/* Cuts one off; false at the end, and when it is malformed: then *rows is not empty. */
bool wire_get_known(struct span *rows, struct wire_known *out);
/* folder, u64 size, mtime_ns, ctime_ns, inode, settled, from, the sum's octets */
void wire_put_mbox_state(struct buf *body, const struct mbox_state *state);
/* The folder is owned by the caller. */
void wire_get_mbox_state(struct wire_reader *r, struct mbox_state *out);
