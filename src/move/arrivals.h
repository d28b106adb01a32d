/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* arrivals -- messages that the new mailboxes hold beside the manifest: what came after X. */

#include "move/move.h"

struct arrival {
	const char *account, *folder, *base; /* borrowed during the visit */
	const char *message_id;              /* "<...>" or "" */
	int64_t mtime_ns;
};
typedef int arrival_visit_fn(void *context, const struct arrival *arrival, struct error *err);

/* Looks into every mailbox on the new host; reads (not carries) each message that is beside the
 * manifest, for its Message-ID. */
int arrivals_walk(struct move *m, arrival_visit_fn *visit, void *context, struct error *err)
	MUST_CHECK;
