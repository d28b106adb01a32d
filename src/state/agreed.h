/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* agreed -- the messages of each Maildir folder as they were when a pass found both sides the same;
 * see mail/agreed.h. */

#include "mail/agreed.h"
#include "state/state.h"

/* Puts what is in `text`, not the rows; where that is empty and `later` is not, only that, beside the
 * `text` that is there. Between state_begin() and state_commit() where many are put. */
int agreed_put(struct state *s, const char *account, const struct mail_agreed *agreed,
               struct error *err) MUST_CHECK;
/* `folder` NULL: all of them. */
int agreed_drop(struct state *s, const char *account, const char *folder, struct error *err)
	MUST_CHECK;

/*
 * How many messages of that account the ledger says are on old, and their octets, as long as nothing
 * has changed that: any put or drop above forgets it, and so does each message_writer. So it need not
 * be counted anew, row by row. *known: it is there.
 */
int agreed_put_ledger(struct state *s, const char *account, uint64_t messages, uint64_t octets,
                      struct error *err) MUST_CHECK;
int agreed_get_ledger(struct state *s, const char *account, bool *known, uint64_t *messages,
                      uint64_t *octets, struct error *err) MUST_CHECK;
#define AGREED_FORGET_LEDGER "DELETE FROM agreed_ledger WHERE account = ?1"

/* By folder, with `text`, without rows; the visitor may take the strings out. */
typedef int agreed_visit_fn(void *context, struct mail_agreed *agreed, struct error *err);
int agreed_walk(struct state *s, const char *account, agreed_visit_fn *visit, void *context,
                struct error *err) MUST_CHECK;
