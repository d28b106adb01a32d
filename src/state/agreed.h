/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* agreed -- the messages of each Maildir folder as they were when a pass found both sides the same;
 * see mail/agreed.h. */

#include "mail/agreed.h"
#include "state/state.h"

/* Puts what is in `text`, not the rows. Between state_begin() and state_commit() where many are put. */
int agreed_put(struct state *s, const char *account, const struct mail_agreed *agreed,
               struct error *err) MUST_CHECK;
/* `folder` NULL: all of them. */
int agreed_drop(struct state *s, const char *account, const char *folder, struct error *err)
	MUST_CHECK;

/* By folder, with `text`, without rows; the visitor may take the strings out. */
typedef int agreed_visit_fn(void *context, struct mail_agreed *agreed, struct error *err);
int agreed_walk(struct state *s, const char *account, agreed_visit_fn *visit, void *context,
                struct error *err) MUST_CHECK;
