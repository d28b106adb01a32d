/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * ledger -- the account of every message: what each side's MTA accepted during the move, and where
 * each copy of it is now. The sum has to close; what does not is listed by name.
 *
 * A copy is one delivery of one queued message to one recipient. Sources: both MTAs' logs, both
 * queues, the manifest at X, and the new mailboxes as they are now.
 */

#include "move/logs.h"
#include "move/move.h"

#include <stdint.h>

struct ledger {
	uint64_t accepted_old,
		accepted_new; /* transactions that a side answered 250 for, or submitted */
	uint64_t manifest;    /* messages in the old mailboxes at X */
	uint64_t arrived;     /* messages that the new mailboxes have beside those */
	/* copies, by what became of them */
	uint64_t in_mailbox, passed_on, to_program, requeued, discarded, in_queue, bounced;
	uint64_t before;  /* delivered before the account began, of messages that were not done */
	uint64_t unnamed; /* delivered, and the log with their Message-ID is rotated away */
	uint64_t carried; /* messages whose queue file was carried over */
	/* messages that the gate has answered 250 for: given out ones stand in the other log again */
	uint64_t gate_taken, gate_given, gate_held, gate_waiting;
	uint64_t unaccounted;
	struct buf names; /* what is unaccounted, unnamed or bounced, a line each */
};
#define AUTO_LEDGER __attribute__((cleanup(ledger_fini)))
void ledger_fini(struct ledger *l);

/* Makes the account. Both hosts are asked; nothing is changed. */
int ledger_close(struct move *m, struct ledger *out, struct error *err) MUST_CHECK;

/* The account as a JSON object; the caller frees it with free(). */
char *ledger_json(const struct ledger *l) MUST_CHECK;

/* ── pure; for tests ─────────────────────────────────────────────────────────────────────────── */

/* Copies of each Message-ID in mailboxes. */
struct ledger_mailboxes;
struct ledger_mailboxes *ledger_mailboxes_new(void);
void ledger_mailboxes_free(struct ledger_mailboxes *b);
void ledger_mailboxes_add(struct ledger_mailboxes *b, const char *message_id, uint64_t copies);

/* An old queue id, and what the same message is called in the new queue. */
struct ledger_carried {
	const char *old_id, *new_id; /* borrowed */
};

/*
 * Puts the account together. What is looked at changes meanwhile, so the order of looking matters:
 * first the new queue, then the logs, then the mailboxes; then a delivery that a log tells of is in a
 * mailbox, and a message without one was in the queue, or came after that was looked at.
 *
 *   began_ms   the account is of messages that were in a queue then or later, since 1970 UTC
 *   carried    borrowed; messages whose queue file was carried over
 *   queue      ids that wait on the new side
 *   queue_ms   when the queue was looked at, since 1970 UTC
 */
struct ledger_sources {
	const struct logs *old, *new; /* borrowed */
	struct ledger_mailboxes *mailboxes;
	const struct ledger_carried *carried;
	size_t carried_n;
	const struct strings *queue;
	int64_t queue_ms, began_ms;
};
void ledger_sum(const struct ledger_sources *sources, struct ledger *out);
