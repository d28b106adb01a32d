/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* reply -- what a server answers (RFC 5321 section 4.2, RFC 2034, RFC 3463): read and made. */

#include "base/text.h"

#define SMTP_REPLY_LINE_MAX 2048u  /* octets; RFC 5321 says 512, servers say more */
#define SMTP_REPLY_MAX (32u << 10) /* octets of text in all lines together */
#define SMTP_REPLY_LINES_MAX 256u

struct smtp_reply {
	unsigned code; /* 200..599 */
	char enhanced
		[12]; /* "5.1.1", or "": it had none, or one of another class than the code's */
	struct buf
		text; /* the lines without codes, LF between them; printable or UTF-8, else '?' */
	bool expects_more; /* between two lines; inside */
	unsigned lines;    /* inside */
};
void smtp_reply_fini(struct smtp_reply *r);

/*
 * Cuts replies off *input, a line at a time; *r is zeroed before its first use, and starts again by
 * itself after a whole one.
 *
 *   returns 1   *r is a whole reply
 *           0   more is needed; what is left of *input (part of a line) has to come again
 *          -1   that is no SMTP: a limit passed, codes that change from line to line, no code;
 *               ERROR_RETRY_LATER
 */
int smtp_reply_read(struct smtp_reply *r, struct span *input, struct error *err) MUST_CHECK;

/* What class of answer: 2, 3, 4, 5. */
static inline unsigned smtp_reply_class(const struct smtp_reply *r)
{
	return r->code / 100;
}

/*
 * Appends a reply; LF in `text` begins a new line. `enhanced` is NULL or "" for none. Octets that
 * can't stand in a reply become '?', lines are cut at 512 octets: a reply can't be made to hold
 * another one. Octets above 127 are let through only where `utf8`.
 */
void smtp_reply_add(struct buf *out, unsigned code, const char *enhanced, struct span text,
                    bool utf8);

/* "550 5.1.1 no such user; try ..." on one line, for a log or the ledger. */
void smtp_reply_show(struct buf *out, const struct smtp_reply *r);
