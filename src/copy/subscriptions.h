/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* subscriptions -- which folders a client shows: other programs' files become Dovecot's. */

#include "copy/pass.h"

typedef void subscriptions_fn(struct span text, struct buf *out);

/*
 * Puts `subscriptions` on new, made of the file `old_name` in old's root, unless it is there.
 *
 *   made     the file; its path is not owned
 *   returns  1: it is there; 0: old has no such file; -1
 */
int subscriptions_bring(struct pass *p, const char *old_name, subscriptions_fn *convert,
                        struct mail_file *made, struct error *err) MUST_CHECK;
/* Into both listings, so that pass_files() finds the same on both sides, and leaves it. */
void subscriptions_list(struct pass *p, const struct mail_file *made);

/* Of a Maildir that Courier serves on old, where Dovecot has left none. */
int subscriptions_of_courier(struct pass *p, struct error *err) MUST_CHECK;
