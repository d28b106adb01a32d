/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * listing -- what one account holds at one moment: folders, messages, and the files beside them.
 *
 * Folder names are paths on disk, relative to the account's root: "" is the INBOX, ".Sent.2019" a
 * Maildir++ folder, "Work/Invoices" one in fs layout or an mbox file. They hold any octet but NUL.
 */

#include "mail/digest.h"
#include "mail/flags.h"
#include "mail/mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail_message {
	/* Maildir: the file name before ':'. mbox: made from the content, see store/mbox.h. */
	char *base;
	char *suffix; /* Maildir: what follows, with the ':', or "". mbox: ":2," and flag letters */
	char *keywords; /* mbox: names, sorted, one blank between. Maildir: NULL, see the letters */
	char *message_id; /* when a scan told it, else NULL */
	bool in_new;      /* Maildir: lies in new/ */
	uint32_t mode;    /* permission bits */
	uint32_t uid;     /* IMAP UID; 0: has none yet */
	uint64_t size;    /* octets */
	uint64_t inode;
	uint64_t offset;  /* mbox: of its From_ line */
	int64_t mtime_ns; /* since 1970 UTC; a Maildir file's is the INTERNALDATE */
	bool hashed;
	struct digest digest; /* when `hashed` */
};

struct mail_folder {
	char *name;
	char *origin; /* NULL; of a folder that is converted: its name as it is on its host */
	uint32_t mode, uid, gid; /* of its directory or file */
	int64_t mtime_ns;        /* mbox: of the file */
	uint64_t size;           /* mbox: of the file */
	uint32_t uidvalidity;    /* 0: has none yet */
	uint32_t uidnext;        /* 0: not known */
	char guid[33];           /* 32 hexadecimal digits, or "" */
	/* dovecot-uidlist as it was before the messages were looked at, or store/courier.h's */
	struct buf uidlist;
	struct buf keywords_file;
	struct mail_keywords keywords;
	struct mail_message *rows; /* sorted by base */
	size_t n, room;
	/* Of a listing that was told what is known (mail/agreed.h): `rows` are only those that differ,
	 * and `gone` the bases of those that are not there any more. */
	bool as_known, uidlist_as_known;
	struct strings gone;
	/* mbox: messages in front of those in `rows`, when whoever asked knows of them otherwise */
	uint64_t before, before_octets;
};

/* A file that is no message: subscriptions, ACLs, Sieve scripts. */
enum mail_place { MAIL_PLACE_ROOT, MAIL_PLACE_HOME };
struct mail_file {
	enum mail_place place;
	char *path;    /* relative to the place */
	char *target;  /* of a symbolic link, else NULL */
	uint32_t mode; /* st_mode with type bits */
	uint64_t size;
	int64_t mtime_ns;
};

struct mail_listing {
	struct mail_folder *folders; /* sorted by name */
	size_t folders_n, folders_room;
	struct mail_file *files; /* sorted by place and path */
	size_t files_n, files_room;
	struct strings troubles; /* what could not be looked at, with its place */
	struct strings notes;    /* odd, and of no consequence for mail */
};
#define AUTO_MAIL_LISTING __attribute__((cleanup(mail_listing_fini)))
void mail_listing_fini(struct mail_listing *l);

void mail_message_fini(struct mail_message *m);
void mail_folder_fini(struct mail_folder *f);
void mail_file_fini(struct mail_file *f);

/* Both move what *taken owns into the list. The folder is valid until the next one is added. */
struct mail_folder *mail_listing_take_folder(struct mail_listing *l, struct mail_folder *taken);
void mail_folder_take_message(struct mail_folder *f, struct mail_message *taken);
void mail_listing_take_file(struct mail_listing *l, struct mail_file *taken);

/* Sorts everything; the find functions below want that. */
void mail_listing_sort(struct mail_listing *l);
struct mail_folder *mail_listing_find(const struct mail_listing *l, const char *name);
struct mail_message *mail_folder_find(const struct mail_folder *f, const char *base);
struct mail_file *mail_listing_find_file(const struct mail_listing *l, enum mail_place place,
                                         const char *path);

/* Appends the flag letters, and the keywords by name, of a message in that folder. */
void mail_message_flags(const struct mail_message *m, struct buf *out);
void mail_message_keywords(const struct mail_folder *f, const struct mail_message *m,
                           struct buf *out);

/* Appends how people name the folder: "INBOX", ".Sent", with control octets spelled out. */
void mail_folder_title(const char *name, struct buf *out);

/* Number of messages and of their octets. */
uint64_t mail_listing_messages(const struct mail_listing *l, uint64_t *octets);
