/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * locations -- users whose mbox becomes a Maildir (mailboxes.mbox_to in move.yaml): what the new
 * Dovecot's settings and user files say of where their mail lies. Pure, but for the last.
 */

#include "prepare/prepare.h"

/* Rewrites "mail=mbox:..." and "userdb_mail=mbox:..." wherever a word of `text` begins so: fields of
 * a passwd-file, args and default_fields of a userdb. NULL: none is there. The caller owns it. */
char *locations_change_fields(struct span text, enum config_mbox mbox_to);

/* A setting whose value is a location: mail_location, a namespace's location. NULL: it stays. */
char *locations_change_setting(const char *path, struct span value, enum config_mbox mbox_to);

/* The new half of such a pair: format, layout, no INBOX file. False, with words for a person in
 * p->failed: it can't become a Maildir, and is not prepared. */
bool locations_set_new_half(struct prepare *p, struct account_pair *pair);

/* Reads the new host's users as its Dovecot would: whose mail it does not look for where the
 * Maildir is, stands in p->failed. */
int locations_check(struct prepare *p, struct error *err) MUST_CHECK;
