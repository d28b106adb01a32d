/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * body -- the octets of a message on their way through SMTP, both ways, without copying them where
 * that can be: whatever stands as it shall be is handed out as a span into the input.
 *
 * Smuggling. A message ends at CR LF . CR LF and at nothing else. What some other server could take
 * for that end never gets through as it is: a bare LF, a bare CR, and a NUL at the beginning of a
 * line (a server that drops NULs would see what is behind it at the beginning).
 * SMTP_NEWLINES_REJECT makes it a fault of the message, as Postfix's smtpd_forbid_bare_newline =
 * reject does; SMTP_NEWLINES_NORMALIZE lets a bare LF end a line (as CR LF, but never the message)
 * and puts a blank for a bare CR and for such a NUL, as Postfix's cleanup_replace_stray_cr_lf does.
 * Lines of any length pass unbroken.
 */

#include "base/text.h"

enum smtp_newlines { SMTP_NEWLINES_REJECT = 0, SMTP_NEWLINES_NORMALIZE };

enum smtp_body_fault {
	SMTP_BODY_GOOD = 0,
	SMTP_BODY_BARE_LF,
	SMTP_BODY_BARE_CR,
	SMTP_BODY_NUL,
	SMTP_BODY_TOO_BIG, /* the engine's: more than the session may bring */
};

/* Two octets of state; zeroed is the beginning of a message. */
struct smtp_body_reader {
	uint8_t newlines;  /* enum smtp_newlines */
	bool middle : 1;   /* of a line */
	bool cr : 1;       /* a chunk ended in CR, which is held back */
	bool loose : 1;    /* the line began behind a bare LF: no end of the message */
	bool careless : 1; /* a fault was told: from here on only the end is looked for */
};

enum smtp_body_step {
	SMTP_BODY_MORE,  /* the input says no more than this; what is left of it has to come again,
	                    with more behind it */
	SMTP_BODY_BYTES, /* *bytes belongs to the message */
	SMTP_BODY_FAULT, /* *fault; told once a message. Go on: the end has to be found */
	SMTP_BODY_END,   /* of the message; what is left of the input are commands */
};

/*
 * The next thing in what comes after DATA; cuts it off *input. At SMTP_BODY_MORE at most 3 octets
 * are left. After a fault nothing is handed out any more.
 */
enum smtp_body_step smtp_data_next(struct smtp_body_reader *r, struct span *input,
                                   struct span *bytes, enum smtp_body_fault *fault);

/*
 * The same within BDAT chunks: *input holds octets of chunks only, and is always used up at
 * SMTP_BODY_MORE. `last`: what is in *input is the end of the last chunk, so that SMTP_BODY_END
 * comes (which a bare CR at the very end needs).
 */
enum smtp_body_step smtp_chunk_next(struct smtp_body_reader *r, struct span *input, bool last,
                                    struct span *bytes, enum smtp_body_fault *fault);

/* Sending. Zeroed is the beginning of a message. */
struct smtp_stuffer {
	bool middle : 1; /* of a line */
	bool cr : 1;     /* what was given ended in CR, which is held back */
};

/*
 * The next piece of a message as it has to go out after DATA; cuts it off *message. False when all
 * of it is used up. Dots are doubled; whatever is no CR LF, or a NUL at the beginning of a line, is
 * made harmless as by SMTP_NEWLINES_NORMALIZE: so that what was stored by somebody else can't
 * smuggle. *bytes lies in the message or is static.
 */
bool smtp_stuff_next(struct smtp_stuffer *s, struct span *message, struct span *bytes);

/* What has to follow: ".\r\n", with "\r\n" before it when the message does not end in one.
 * Static. */
struct span smtp_stuff_end(struct smtp_stuffer *s);

/* Both for those who have a buffer. */
void smtp_stuff(struct smtp_stuffer *s, struct span message, struct buf *out);

/* Watches the header of a message go by, in pieces of any size. Zeroed is the beginning. A message
 * without an empty line is all header. */
struct smtp_header_watch {
	uint32_t octets; /* of the header so far, with the empty line */
	uint16_t hops;   /* "Received:" lines; RFC 5321 section 6.3: 100 are a loop */
	uint8_t line_at; /* how much of the beginning of the line under way is in `line` */
	bool done;       /* the empty line has come */
	char line[9];
};
void smtp_header_look(struct smtp_header_watch *w, struct span bytes);
