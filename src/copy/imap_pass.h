/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* imap_pass -- what the files of one IMAP pass share; see copy/imap.h for the whole. */

#include "copy/imap.h"
#include "copy/imap_fetch.h"
#include "copy/pass.h"
#include "state/imaps.h"

/* A folder as the server has it. */
struct imap_folder {
	char *name; /* owned; as IMAP names it */
	char *path; /* owned; below new's root, or NULL: it can't be there */
	struct imap_numbers now;
	bool selectable, answered; /* `answered`: its STATUS came */
	bool known;                /* `was` is true */
	struct imap_record was;    /* at the end of the pass that brought all of it */
	bool incomplete;           /* something of it was left out */
};

struct imap_pass {
	struct pass p; /* old_host is NULL */
	const struct copy_imap *source;
	struct copy_imap_told *told;
	struct imap_session *session; /* owned; NULL: it broke */
	struct imap_folder *folders;  /* owned; by name */
	size_t folders_n, folders_room;
	struct buf prefix, others; /* namespaces */
	char separator;
	bool condstore, qresync;
	struct buf subscriptions; /* the file as it is to be on new */
	struct strings strange;   /* flags that a Maildir has no place for */
};

/* Loads what the ledger knows. */
int imap_pass_load(struct imap_pass *i, struct error *err) MUST_CHECK;
/* Opens the session, patiently. */
int imap_pass_open(struct imap_pass *i, struct error *err) MUST_CHECK;
/* A break or a "not now": whether to try again, after a pause that grows. */
struct imap_patience {
	unsigned tries; /* since something last went well */
};
bool imap_pass_waits(const struct copy_imap *source, struct imap_patience *patience,
                     const struct error *why);

/* imap_look.c: folders, and what is known of them. Fills i->folders and i->subscriptions. */
int imap_pass_folders(struct imap_pass *i, struct error *err) MUST_CHECK;

/* imap_rows.c: the messages of one folder. */
struct imap_row {
	uint32_t uid;
	bool has_flags, has_date, gone;
	int64_t date;                      /* seconds since 1970 */
	uint64_t size;                     /* RFC822.SIZE, or what is stored when `known` */
	const struct known_message *known; /* borrowed; the ledger's row, or NULL */
	char *flags, *keywords;            /* owned; see imap_flags_sort() */
};
struct imap_rows {
	struct imap_row *rows; /* by uid, each once */
	size_t n, room;
};
void imap_rows_fini(struct imap_rows *rows);
/* All rows of the ledger that are of this folder and its UIDVALIDITY. */
void imap_rows_known(struct imap_pass *i, const struct imap_folder *f, uint32_t uidvalidity,
                     struct imap_rows *out);
/* Asks the server. f->now is what EXAMINE has said. What it refuses is ERROR_SCOPE_MAILBOX. */
int imap_rows_ask(struct imap_pass *i, struct imap_folder *f, struct imap_rows *out,
                  struct error *err) MUST_CHECK;

/* imap_dress.c: the file name of a message; the folder that a Maildir with those messages has. */
char *imap_base(uint32_t uidvalidity, uint32_t uid);
bool imap_base_uid(const char *base, uint32_t uidvalidity, uint32_t *uid);
void imap_dress(struct imap_pass *i, const struct imap_folder *f, const struct imap_rows *rows);

/* imap_arrive.c: fetches p.rows, stores them, writes them into the ledger. */
int imap_pass_travel(struct imap_pass *i, struct error *err) MUST_CHECK;
/* Of messages that are on new and not in the ledger: those with the octets that the server gives go
 * into it; others are taken out of p.old, and told. */
int imap_pass_doubtful(struct imap_pass *i, struct error *err) MUST_CHECK;

/* imap_confirm.c: lists new, and compares; tells in `skipped`. */
int imap_pass_confirm(struct imap_pass *i, struct error *err) MUST_CHECK;

struct imap_folder *imap_pass_folder_at(struct imap_pass *i, const char *path);
