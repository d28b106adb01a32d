/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * reader -- cuts the octets of an IMAP server into responses (RFC 3501 section 7; RFC 9051).
 *
 * A response is a line, or several with literals between: "* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n".
 * It becomes one text with its literals in it. Only the literal of BODY[] does not: that is a
 * message, and goes to `body`.
 *
 * Pure: no descriptor, no clock. Whatever the server sends, memory stays below the budgets here.
 */

#include "imap/body.h"

#define IMAP_RESPONSE_MAX (32u << 20) /* octets of one response, without its message */
#define IMAP_LITERAL_MAX (1u << 20)   /* of any other literal */
#define IMAP_MESSAGE_MAX (4ull << 30) /* of a message */

struct imap_reader {
	struct buf text;       /* of the response so far, without its last CRLF */
	struct imap_body body; /* its message */
	bool has_body;         /* and where it stood in the text: behind "{N}\r\n" */
	size_t body_at;
	size_t line_at;        /* where its last line begins */
	uint64_t literal_left; /* octets that are still to come of a literal */
	bool literal_is_body;
	bool complete;
};
void imap_reader_init(struct imap_reader *r);
void imap_reader_fini(struct imap_reader *r);

/*
 * Takes octets; *used of them. Begins a new response if the last one was complete.
 *
 *   returns 1 r->text is a whole response, valid until the next call; 0 more octets are needed (all
 *           were used); -1 a budget is exceeded, or it is no IMAP: the connection is of no more use
 */
int imap_reader_feed(struct imap_reader *r, struct span octets, size_t *used, struct error *err)
	MUST_CHECK;
