/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * name -- names of folders: as IMAP shows them, and as a Maildir has them.
 *
 * Both keep other letters than ASCII in modified UTF-7 (RFC 3501 section 5.1.3), so the words stay as
 * they are; what changes is what parts them.
 */

#include "base/text.h"

enum imap_layout {
	IMAP_LAYOUT_MAILDIRPP, /* .A.B beside cur/ */
	IMAP_LAYOUT_ESCAPED,   /* the same; a '.' in a name is "\2e": Dovecot's plugin listescape */
	IMAP_LAYOUT_FS,        /* A/B */
};

/*
 * The path of the folder `name` below a Maildir's root, owned by the caller; "" is the INBOX.
 *
 *   prefix     of the personal namespace (RFC 2342), which falls away; "" for none
 *   separator  0: the server has none
 *   returns    NULL when it can't be there; *why says why
 */
char *imap_name_path(enum imap_layout layout, struct span name, struct span prefix, char separator,
                     const char **why);

/* Appends the name as Dovecot's subscriptions file has it (version 2): parts with a TAB between. */
void imap_name_subscription(enum imap_layout layout, struct span name, struct span prefix,
                            char separator, struct buf *out);

bool imap_name_is_inbox(struct span name);
