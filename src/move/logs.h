/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * logs -- what a host's MTA wrote of each message, put together by queue id: the account of every
 * transaction, for the ledger, `trace` and the canaries.
 */

#include "mta/mta.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stdint.h>

struct log_delivery {
	char *to, *orig_to, *relay, *dsn, *text; /* owned, as all below; "" when not told */
	enum mta_log_status status;              /* of the last attempt for this recipient */
	int64_t at_ms;
};

/* One message in one queue, from its first line to its removal. */
struct log_message {
	char *id, *message_id, *from, *client;
	char *follows; /* id of the message that this one was made of (a notification), or "" */
	int64_t accepted_ms, removed_ms; /* since 1970 UTC; 0: not told */
	uint64_t size, recipients;
	struct log_delivery *deliveries;
	size_t deliveries_n, deliveries_room;
	bool local; /* submitted on the host itself */
	/* More is told of it than that a client had a recipient accepted: cleanup(8) names the Message-ID
	 * before a message can be accepted; one that only asks who is there never brings one. */
	bool brought;
};

struct logs {
	struct log_message *rows; /* in the order of their first line */
	size_t n, room;
	size_t *slots; /* hash table of this file's own: the newest row of each id, plus one */
	size_t slots_n;
	struct buf words; /* of files that could not be read */
};
#define AUTO_LOGS __attribute__((cleanup(logs_fini)))
void logs_fini(struct logs *l);

/* Reads the host's mail logs, rotated ones first. A host without an MTA that is known: nothing. */
int logs_read(struct host *h, struct logs *out, struct error *err) MUST_CHECK;

/* The newest message with that queue id; NULL: none. Borrowed. */
const struct log_message *logs_find(const struct logs *l, const char *id);

/* Whether a message whose Message-ID holds `token` was given to an outside server for `to`. */
bool logs_has_sent(const struct logs *l, const char *token, const char *to);

/* Whether an answer of the outside mailbox came in at or after `since_ms` and was delivered to
 * `mailbox`: its sender is that mailbox, or nobody (autoresponders, RFC 3834 section 3.3) and its
 * client a host of that domain. */
bool logs_has_answer(const struct logs *l, const char *outside, const char *mailbox,
                     int64_t since_ms);

/* ── pure ────────────────────────────────────────────────────────────────────────────────────── */

/* Adds what one line told; lines come in their order. */
void logs_add(struct logs *l, const struct mta_log_event *event);
