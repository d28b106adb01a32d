/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mailbox -- where one user's mail lies on a host, and in which form. Found by survey, or named to
 * `mailhaul copy`; used by copy. */

#include <stdbool.h>
#include <stdint.h>

/* From MAILBOX_SDBOX on: formats that only Dovecot itself reads and writes. The numbers stand in
 * state.db. */
enum mailbox_format { MAILBOX_MAILDIR, MAILBOX_MBOX, MAILBOX_SDBOX, MAILBOX_MDBOX };
bool mailbox_is_dovecots(enum mailbox_format format);
const char *mailbox_format_name(enum mailbox_format format); /* "maildir", "mbox", ... */

/* How folders lie below a Maildir root: ".A.B" beside cur/ (Maildir++), or A/B below it. SETTINGS:
 * for Dovecot's own formats, when mail_location says more than the root (ALT=, INDEX= ...). */
enum mailbox_layout { MAILBOX_LAYOUT_MAILDIRPP, MAILBOX_LAYOUT_FS, MAILBOX_LAYOUT_SETTINGS };

/* All strings are owned by whoever owns the struct; paths are absolute, as on that host. */
struct mailbox_account {
	char *user; /* as the user logs in: "alice", "bob@example.net" */
	char *home;
	char *root; /* Maildir: the directory that holds cur/ new/ tmp/; else the folder directory */
	char *inbox; /* mbox: the INBOX file; else NULL */
	enum mailbox_format format;
	enum mailbox_layout layout;
	uint32_t uid, gid; /* owner of the files on that host */
};

/* Frees the strings of an account that owns them. */
void mailbox_account_fini(struct mailbox_account *a);
#define AUTO_MAILBOX_ACCOUNT __attribute__((cleanup(mailbox_account_fini)))
