/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * uidlist -- Dovecot's dovecot-uidlist: which IMAP UID each file of a Maildir folder has.
 *
 *	3 V1173186633 N17 G3085f01b7f11094c501100008c4a11c1
 *	1 :1173186633.M1P1.host
 *	2 W1024 P0001 :1173186634.M2P1.host		(W size with CRLF, P POP3 UIDL, ...)
 *
 * Version 1 has "1 VALIDITY NEXT" and "UID NAME". Lines are appended by deliveries, so a last line
 * without its LF is still being written and not looked at. Bad lines are listed and stepped over.
 * Source: https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/#imap-uid-mapping
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

struct uidlist_row {
	uint32_t uid;
	struct span base;   /* borrowed from the text */
	struct span fields; /* between the UID and the name: "W1024 P0001", or "" */
};

struct uidlist {
	unsigned version;
	uint32_t uidvalidity;
	uint32_t uidnext; /* greater than each row's UID */
	char guid[33];
	struct uidlist_row *rows; /* owned; sorted by base; each base once */
	size_t n, room;
};
#define AUTO_UIDLIST __attribute__((cleanup(uidlist_fini)))
void uidlist_fini(struct uidlist *u);

/*
 * Reads the file's text, which must outlive *out.
 *
 *   place     borrowed; path, for errors
 *   troubles  "PLACE:LINE: what" is added for each bad line; may be NULL
 *   errors    the first line is no header of a known version (scope MAILBOX)
 */
int uidlist_parse(struct span text, const char *place, struct uidlist *out,
                  struct strings *troubles, struct error *err) MUST_CHECK;

/* The row of a base name, or NULL. */
const struct uidlist_row *uidlist_find(const struct uidlist *u, struct span base);

/* Appends the text without the rows whose base `has` does not know: what may be shown to a Dovecot
 * that has only those files. Order and fields stay; the next UID in the header is raised above all
 * rows, also those that are left out. */
typedef bool uidlist_has_fn(void *context, struct span base);
void uidlist_filter(struct span text, uidlist_has_fn *has, void *context, struct buf *out);

/* The list on new says the same as the one from old for each file that old knows: UIDVALIDITY,
 * UID, GUID, POP3 UIDL; it may know more files. */
bool uidlist_agrees(const struct uidlist *old, const struct uidlist *new);
