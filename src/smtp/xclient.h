/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * xclient -- the XCLIENT command as Postfix's XCLIENT_README has it: a trusted neighbour tells who
 * the client really is. Who may say it is decided elsewhere.
 */

#include "smtp/envelope.h"

enum smtp_xclient_attribute { /* bits: given in a command, or offered by a server */
	                      SMTP_XCLIENT_NAME = 1 << 0,
	                      SMTP_XCLIENT_ADDR = 1 << 1,
	                      SMTP_XCLIENT_PORT = 1 << 2,
	                      SMTP_XCLIENT_PROTO = 1 << 3,
	                      SMTP_XCLIENT_HELO = 1 << 4,
	                      SMTP_XCLIENT_LOGIN = 1 << 5,
	                      SMTP_XCLIENT_DESTADDR = 1 << 6,
	                      SMTP_XCLIENT_DESTPORT = 1 << 7,
	                      SMTP_XCLIENT_ALL = (1 << 8) - 1,
};

struct smtp_xclient {
	unsigned given; /* which of the following count */
	enum smtp_name_state name_state;
	char name[256];
	struct smtp_endpoint from, to; /* "" and 0: [UNAVAILABLE] */
	bool esmtp;                    /* PROTO=ESMTP */
	char helo[256];                /* "": [UNAVAILABLE] */
	char login[256];               /* "": [UNAVAILABLE] */
};

/* Reads what stands behind "XCLIENT ". False: not one of these attributes, one given twice, a value
 * that is no xtext, no address, no port ... (501 5.5.4). */
bool smtp_xclient_parse(struct span arguments, struct smtp_xclient *out);

/* Puts what was given over what is known of the client so far. */
void smtp_xclient_apply(const struct smtp_xclient *x, struct smtp_peer *peer);

/* "NAME ADDR PORT ..." behind the keyword in an EHLO reply: which are known to us. */
unsigned smtp_xclient_offered(struct span names);

/*
 * Appends the commands ("XCLIENT ...\r\n") that tell `peer` to a server which offers `offered`:
 * none, one, or more where one would be longer than 512 octets. Each is answered by 220 of its own.
 * A name that nobody has asked for is [TEMPUNAVAIL]: a server that wants one says 450, and not 5yz,
 * which would be for good.
 * Returns how many.
 */
unsigned smtp_xclient_add(struct buf *out, const struct smtp_peer *peer, unsigned offered);
