/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * turnaway -- what is said to a client that is sent away at its greeting. No socket, no clock: bytes in,
 * wishes out.
 *
 * The client is greeted with 421 (RFC 5321 section 4.2.2; 4.3.2 is RFC 3463's "system not accepting
 * network messages"): a sender keeps its mail and tries again. Then it is given time to say QUIT or
 * to go, because closing on unread input would send a reset that can overtake the greeting.
 */

#include "base/text.h"

#define GATE_SAID_MAX 200u   /* octets of what a client said that are kept for the log */
#define GATE_INPUT_MAX 4096u /* octets that are listened to before the session is ended */
#define GATE_LINE_MAX 512u   /* RFC 5321 section 4.5.3.1.5, with CRLF */

struct turnaway {
	char said[GATE_SAID_MAX]; /* its first line that is not empty */
	uint16_t said_n;
	uint16_t heard;   /* octets of input so far, at most GATE_INPUT_MAX */
	uint16_t line_at; /* octets of the line under way */
	bool said_done;   /* said[] is whole */
	bool said_cut;    /* the line was longer than said[] */
	char word[6];     /* beginning of the line under way */
};

enum gate_wish {
	GATE_WAIT,   /* nothing to do */
	GATE_QUIT,   /* it has said QUIT: 221, then end */
	GATE_REPEAT, /* it has said something else: 421 again, then end */
	GATE_END,    /* it talks too much: end */
};

enum gate_wish turnaway_input(struct turnaway *s, struct span bytes);

/* Makes "421 4.3.2 NAME TEXT\r\n". False when it would be longer than a line, or holds anything but
 * printable ASCII. */
bool gate_reply_make(const char *name, const char *text, struct buf *out);
