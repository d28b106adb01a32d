/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxpass -- what the files of a pass over mbox accounts share. */

#include "copy/mboxlook.h"

struct mboxpass {
	struct pass *p;
	struct mbox_states known_old, known_new, growing; /* of the last pass */
	struct mbox_states old, new;                      /* now */
	struct strings written;                           /* folders whose files were replaced */
};

bool mboxpass_is_unchanged(const struct mboxpass *m, const struct mail_folder *f,
                           const struct mail_folder *there);

/* The folder's messages and what its file is, in one transaction; `new` is NULL when new's is not
 * known yet. */
int mboxpass_record(struct pass *p, const struct mail_folder *f, const struct mbox_state *old,
                    const struct mbox_state *new, struct error *err) MUST_CHECK;
/* At the end of the pass: what all files are now. */
int mboxpass_record_states(struct mboxpass *m, struct error *err) MUST_CHECK;
