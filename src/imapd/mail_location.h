/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mail_location -- where Dovecot keeps one user's mail: "maildir:~/Maildir:LAYOUT=fs" becomes paths.
 * Pure; fuzzed.
 *
 * Source: Dovecot 2.3, MailLocation and Variables of its manual.
 */

#include "base/error.h"
#include "base/text.h"
#include "mail/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

struct mail_user {
	const char *user; /* borrowed; as the user logs in */
	const char *home; /* borrowed; absolute */
	uint32_t uid, gid;
};

/*
 * Works out where the mail lies.
 *
 *   control, index  set to the directories of CONTROL= and INDEX=, or NULL; the caller owns them;
 *           may be NULL when not wanted
 *   errors  ERROR_RETRY_PERSON: a format that is not carried (imapc, pop3c ...), a variable
 *           that is not known here, a path that is not absolute
 */
int mail_location_parse(struct span location, const struct mail_user *user,
                        struct mailbox_account *out, char **control, char **index,
                        struct error *err) MUST_CHECK;

/* "mbox:~/mail:INBOX=/var/mail/%u" as a Maildir of the same path: "maildir:~/mail:LAYOUT=fs", or
 * without fs in the layout Maildir++. INDEX= and the like stay; INBOX= and CONTROL= go, since a
 * Maildir holds both. NULL: it is no mbox. The caller owns it. */
char *mail_location_to_maildir(struct span location, bool fs);

/* Fills in %u %n %d %h %% %{user} %{username} %{domain} %{home}, the modifiers L and U, and a "~/"
 * in front. -1: a variable that is not known here. */
int mail_location_expand(struct span text, const struct mail_user *user, struct buf *out);
