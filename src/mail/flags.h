/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * flags -- what the end of a Maildir file name says about a message.
 *
 * A name is BASE or BASE:2,LETTERS. BASE is the message's identity and never changes; the letters
 * do with every flag that a client sets. Upper-case letters are the flags of the Maildir
 * specification (https://cr.yp.to/proto/maildir.html: P R S T D F), lower-case ones are Dovecot's
 * keywords, 'a' the first line of dovecot-keywords
 * (https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/).
 */

#include "base/text.h"

#include <stdbool.h>

#define MAIL_KEYWORDS_MAX 26u

/* Names by letter; those that are not known are NULL. Owned. */
struct mail_keywords {
	char *names[MAIL_KEYWORDS_MAX];
};
void mail_keywords_fini(struct mail_keywords *k);

/* Splits a file name at its first ':'; *suffix keeps the colon and may be empty. */
void mail_name_split(struct span file_name, struct span *base, struct span *suffix);

/* A name that may stand in a directory: not empty, ".", "..", longer than 255 octets, and without
 * '/' and NUL. Whatever came over the wire goes through here before it is opened. */
bool mail_name_fits(struct span name);
/* A path below a root: "" (the root itself), or names that fit with one '/' between; so no "..", no
 * "//", no leading '/'. */
bool mail_path_fits(const char *path);

/* Appends the flag letters of `suffix`, each once, in the order of ASCII: ":2,TaS" gives "ST". */
void mail_suffix_flags(struct span suffix, struct buf *out);

/* Appends the keywords of `suffix`, sorted, with one blank between; a letter without a name is
 * given as "?c". */
void mail_suffix_keywords(struct span suffix, const struct mail_keywords *k, struct buf *out);
