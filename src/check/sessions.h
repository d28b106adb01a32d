/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sessions -- a question that is put to each address of a side by SMTP, and what came of it. Inside
 * the room.
 */

#include "check/check.h"
#include "check/talk.h"

/* What the addresses of a side have answered: a "no" of one is the side's, and what one can't tell is
 * not known. */
struct tally {
	unsigned yes, no, unknown;
	unsigned silent; /* nobody listens there, and nobody need */
};
enum check_answer tally_sum(const struct tally *t);

/* One more piece of evidence, behind "; ". */
void sessions_note(struct buf *seen, const char *format, ...) PRINTF_LIKE(2, 3);
/* "words: 250 2.1.5 Ok": the server's last reply, not longer than is shown. */
void sessions_tell(const struct talk *t, const char *words, struct buf *seen);
enum check_answer sessions_nowhere(struct buf *seen);

/* Opens a session with one address of a->of; false: counted, and told. */
bool sessions_open(const struct check_asking *a, const char *address, enum smtp_tls_want tls,
                   struct talk *t, struct tally *sum, struct buf *seen);
typedef void session_fn(const struct check_asking *a, struct talk *t, const char *address,
                        struct tally *sum, struct buf *seen);
/* One session with each address of the side. */
enum check_answer sessions_each(const struct check_asking *a, enum smtp_tls_want tls,
                                session_fn *one, struct buf *seen);

/* MAIL, by which the envelope opens; -1: it does not, which is counted and told.
 *   sender  NULL: "" */
int sessions_begin(struct talk *t, const char *sender, struct tally *sum, struct buf *seen)
	MUST_CHECK;
/* Reply class to RCPT; 0: the session broke, which is counted and told. */
unsigned sessions_rcpt(struct talk *t, const char *address, struct tally *sum, struct buf *seen);
