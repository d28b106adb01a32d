/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mboxscan -- a scan of an mbox account that knows what an earlier one has seen. */

#include "mail/mboxstate.h"
#include "store/store.h"

struct mboxscan {
	const struct mbox_states *known;
	bool utc; /* as in mboxfile_look() */
	/* Behind each folder, with the sink's context. */
	int (*state)(void *context, const struct mbox_state *now, struct error *err);
};

int mboxscan_since(int rootfd, const struct mailbox_account *account, const struct store_sink *sink,
                   const struct mboxscan *more, struct error *err) MUST_CHECK;
