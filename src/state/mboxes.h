/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxes -- what each mbox file was at the last pass over it (mail/mboxstate.h), on either side. */

#include "mail/mboxstate.h"
#include "state/state.h"

enum mboxes_side { MBOXES_OLD, MBOXES_NEW };

/* Adds all rows of an account to *out. `growing` (may be NULL): those at whose end an append may
 * have been left half done. */
int mboxes_load(struct state *s, const char *account, enum mboxes_side side,
                struct mbox_states *out, struct mbox_states *growing, struct error *err) MUST_CHECK;
int mboxes_put(struct state *s, const char *account, enum mboxes_side side,
               const struct mbox_state *row, bool growing, struct error *err) MUST_CHECK;
/* Both sides' rows of a folder: the next look is a whole one. */
int mboxes_drop(struct state *s, const char *account, const char *folder, struct error *err)
	MUST_CHECK;
