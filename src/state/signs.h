/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* signs -- how a mailbox looked on both sides when a pass found nothing to do in it; see
 * store/sign.h. */

#include "base/text.h"
#include "mail/digest.h"
#include "state/state.h"

struct sign_record {
	const char *account; /* borrowed */
	struct digest old, new;
	uint64_t messages, octets; /* what old holds */
	/* of the same look; `places` are borrowed, and empty where there is none */
	struct sign_outline {
		struct span places;
		struct digest digest;
	} old_outline, new_outline;
};
/* Between state_begin() and state_commit() where many are put. */
int sign_put(struct state *s, const struct sign_record *record, struct error *err) MUST_CHECK;
typedef int sign_visit_fn(void *context, const struct sign_record *record, struct error *err);
/* By account; the record is valid during the call. */
int signs_walk(struct state *s, sign_visit_fn *visit, void *context, struct error *err) MUST_CHECK;
