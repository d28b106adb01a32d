/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * spool_block -- what the spool knows of a message, as header fields in front of it, for export and
 * import (mailhaul-gate(8), "EXPORTED MESSAGES"). Between the first and the last line of the block,
 * one field each:
 *
 *	X-Mailhaul-Begin: ID
 *	Return-Path: <SENDER>
 *	Delivered-To: RECIPIENT			for people and for other programs; not read again
 *	X-Mailhaul-Message: arrived=MS octets=N lines=crlf|as-is ...
 *	X-Mailhaul-Client: address=... port=... helo=... ...
 *	X-Mailhaul-Sender: address=... envid=... ...
 *	X-Mailhaul-Recipient: address=... notify=... orcpt=... state=...
 *	X-Mailhaul-End: ID
 *
 * Values are xtext (RFC 3461 section 4), so they hold neither blanks nor line ends. What follows
 * the last line is the message, octet for octet.
 */

#include "smtp/envelope.h"

#define SPOOL_BLOCK_MAX (16u << 20) /* octets */

struct spool_block {
	uint64_t id;
	uint64_t octets; /* of the message in the spool */
	bool crlf;       /* its lines end in CRLF, and were exported with LF */
	struct smtp_envelope envelope;
	struct smtp_peer peer;
};
#define AUTO_SPOOL_BLOCK __attribute__((cleanup(spool_block_fini)))
void spool_block_fini(struct spool_block *b);

/* Appends it; `states` are the recipients' (enum spool_state): those that are delivered or dropped
 * are left out. */
void spool_block_put(struct buf *out, const struct spool_block *b, const uint8_t *states);

/* Reads the block off the front of *rest. False: there is none, or it is not ours to the last
 * field. *out is empty then. */
bool spool_block_get(struct span *rest, struct spool_block *out);
