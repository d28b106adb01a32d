/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* imaps -- what an IMAP server said of each folder when a pass had brought all of it. */

#include "state/state.h"

struct imap_record {
	const char *folder; /* borrowed; as IMAP names it */
	uint32_t uidvalidity, uidnext, messages;
	uint64_t modseq; /* HIGHESTMODSEQ (RFC 7162); 0: the server has none */
};
int imaps_put(struct state *s, const char *account, const struct imap_record *record,
              struct error *err) MUST_CHECK;
/* The next look at it is a whole one. */
int imaps_drop(struct state *s, const char *account, const char *folder, struct error *err)
	MUST_CHECK;
typedef int imap_record_fn(void *context, const struct imap_record *record, struct error *err);
int imaps_walk(struct state *s, const char *account, imap_record_fn *visit, void *context,
               struct error *err) MUST_CHECK;
