/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * texts -- whole messages, as `doveadm -f flow fetch "mailbox-guid uid size.physical text"` prints
 * them, become one line each: GUID of the mailbox, UID, SHA-256, Message-ID, with tabs between. So
 * proof that two copies are the same costs the wire a line and not a message. Pure; fuzzed.
 *
 * Why "flow": -f tab puts a tab between the pieces in which it has read a message (2.3.19), json
 * changes octets that are not UTF-8.
 *
 * Dovecot's formats differ in whether lines end in LF or CRLF, and dsync may turn one into the other:
 * the digest is that of the message with each CRLF as LF.
 */

#include "base/error.h"
#include "base/text.h"
#include "mail/digest.h"

#include <stdbool.h>
#include <stdint.h>

struct texts {
	enum { TEXTS_ROW, TEXTS_OCTETS, TEXTS_TAIL } state;
	struct buf line; /* what has come of a row's front; then what is told of it */
	struct buf head; /* the first octets of the message */
	struct digest_state digest;
	uint64_t left; /* octets of the message that are still to come */
	bool cr;       /* the last octet was a CR, and is not in the digest yet */
};
void texts_fini(struct texts *t);

/* Takes the next octets and appends the lines that are done. -1: not what was asked for. */
int texts_feed(struct texts *t, struct span octets, struct buf *out, struct error *err) MUST_CHECK;
/* Whether all ended with the end of a row. */
bool texts_is_whole(const struct texts *t);
