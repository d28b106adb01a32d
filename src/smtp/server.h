/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * server -- the server's side of an SMTP session: octets in, one event at a time out, reply octets
 * into a buffer of the caller. No socket, no clock, no heap: a session is this struct and nothing
 * else.
 *
 *	smtp_server_greet(&s, &out, NULL);
 *	...
 *	while (smtp_server_next(&s, &input, &out, &event))	(input: all that is there)
 *		switch (event.kind) { ... smtp_server_reply(&s, &out, 250, "2.1.0", "Good"); ... }
 *	(keep what is left of input, send out, wait)
 *
 * Most events are questions: the caller owes a reply. Until it gives it, at once or an hour later,
 * smtp_server_next() says false and takes nothing, so that what is not read yet pushes back on the
 * client and pipelined commands (RFC 2920) are answered in their order. The reply's code decides
 * about the session's state: MAIL answered by 250 opens a transaction, by 451 does not. Whatever is
 * no good by itself (syntax, order, limits) the engine answers without asking.
 *
 * What borrows from the input is valid until the next call with it. What is left of the input after
 * false is less than a line (SMTP_COMMAND_MAX, with AUTH offered SMTP_AUTH_LINE_MAX), however much
 * was sent: so a caller's buffer of that size is enough, and an empty one can be given back.
 *
 * A message under way is to be forgotten at RSET, HELLO and END too: BDAT lets a client break off.
 *
 * Nothing that came in before STARTTLS counts after it, and nothing that came in behind STARTTLS in
 * the same breath is taken: it ends the session. Message octets go through smtp/body.h, BDAT too.
 */

#include "smtp/address.h"
#include "smtp/body.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/xclient.h"

#define SMTP_COMMAND_MAX 2048u /* octets of a line with CRLF: 512, and what extensions add to it */
#define SMTP_AUTH_LINE_MAX 12288u /* RFC 4954 section 4 */

/* RFC 5321 section 4.5.3.2: seconds to wait for a client. */
#define SMTP_SERVER_WAIT_S 300u

enum smtp_offer { /* bits: keywords of the EHLO reply, and what is understood */
	          SMTP_OFFER_PIPELINING = 1 << 0, /* it is understood anyway */
	          SMTP_OFFER_SIZE = 1 << 1,
	          SMTP_OFFER_8BITMIME = 1 << 2,
	          SMTP_OFFER_SMTPUTF8 = 1 << 3,
	          SMTP_OFFER_ENHANCED = 1 << 4, /* ENHANCEDSTATUSCODES */
	          SMTP_OFFER_DSN = 1 << 5,
	          SMTP_OFFER_CHUNKING = 1 << 6,
	          SMTP_OFFER_STARTTLS = 1 << 7, /* not told and not taken any more once TLS is on */
	          SMTP_OFFER_XCLIENT = 1 << 8,  /* only to listed peers */
	          SMTP_OFFER_AUTH = 1 << 9,     /* mechanisms: smtp_server.auth */
	          SMTP_OFFER_VRFY = 1 << 10,    /* a client's: it was in a server's list */
	          SMTP_OFFER_ALL_MAIL = SMTP_OFFER_PIPELINING | SMTP_OFFER_SIZE |
	                                SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8 |
	                                SMTP_OFFER_ENHANCED | SMTP_OFFER_DSN | SMTP_OFFER_CHUNKING,
};

/* What all sessions of a listener share. Borrowed by each of them; may be changed between two
 * events of a session (a run-time switch of limits or texts). */
struct smtp_server_options {
	const char *name;  /* our host name, in the greeting and the EHLO reply */
	uint64_t size_max; /* octets of a message; 0: no limit, and SIZE is told without one */
	unsigned recipients_max; /* of a message; the next gets 452 4.5.3. RFC 5321: at least 100 */
	unsigned errors_max;     /* then 421 4.7.0 and the end. Postfix: 20 */
	/* NOOP, RSET, VRFY, EHLO ... since the last message; each further one is an error. Not
	 * counted where XCLIENT is offered. Postfix: 100 */
	unsigned idle_max;
	enum smtp_newlines newlines;
	bool hello_required; /* MAIL before HELO or EHLO gets 503 */
};

enum smtp_phase {
	SMTP_PHASE_NEW, /* not greeted */
	SMTP_PHASE_COMMAND,
	SMTP_PHASE_ASKED, /* the caller owes a reply */
	SMTP_PHASE_TLS,   /* 220 was said to STARTTLS: smtp_server_tls_started() is to come */
	SMTP_PHASE_AUTH,  /* 334 was said: lines of SASL */
	SMTP_PHASE_DATA,
	SMTP_PHASE_CHUNK,
	SMTP_PHASE_ENDED, /* nothing is read any more: send what there is, and close */
};

/* Look, don't touch, but for `offers` and `auth` between two events. */
struct smtp_server {
	const struct smtp_server_options *options; /* borrowed */
	const char *auth;          /* borrowed: "PLAIN LOGIN"; with SMTP_OFFER_AUTH */
	uint32_t offers;           /* enum smtp_offer, of this session */
	uint8_t phase, asked;      /* enum smtp_phase, enum smtp_event_kind */
	uint8_t end;               /* enum smtp_end */
	uint8_t faulty;            /* enum smtp_body_fault of the message under way */
	bool hello : 1, esmtp : 1; /* HELO or EHLO was good; it was EHLO */
	bool tls : 1, authenticated : 1;
	bool mail : 1;                          /* a transaction is open */
	bool utf8 : 1;                          /* it has SMTPUTF8 */
	bool chunks : 1, chunks_failed : 1;     /* it has begun with BDAT; one was refused */
	bool chunk_last : 1, chunk_dropped : 1; /* the one under way is the last; is no use */
	bool skipping : 1;                      /* a line that is too long */
	bool told : 1;                          /* inside: END was handed out */
	struct smtp_body_reader body;
	uint16_t errors, idle;
	uint32_t recipients;         /* taken in this transaction */
	uint64_t chunk_left, octets; /* of the chunk; of the message so far */
};

enum smtp_event_kind {
	SMTP_EVENT_NONE = 0,
	/* Questions: smtp_server_reply() or one of its sisters is owed. */
	SMTP_EVENT_HELLO,    /* HELO or EHLO: host, esmtp. Good: smtp_server_reply_hello() */
	SMTP_EVENT_STARTTLS, /* good: 220, then send it and smtp_server_tls_started() */
	/* The mechanism in `word`, the initial response or "" in `rest`. */
	SMTP_EVENT_AUTH,
	/* What the client answers to 334 in `rest`; "*" gives up. SECRET, as in AUTH: never into a
	 * log. Reply 235, 334 or an error. */
	SMTP_EVENT_AUTH_LINE,
	SMTP_EVENT_XCLIENT, /* xclient. Good: smtp_server_reply_xclient() */
	SMTP_EVENT_MAIL,    /* address, and parameters */
	SMTP_EVENT_RCPT,    /* address, and parameters */
	SMTP_EVENT_DATA,    /* there is a recipient. Good: 354 */
	/* Of a BDAT that is not the last: 250, or an error, and then all that follows is refused
	 * until RSET. */
	SMTP_EVENT_CHUNK_END,
	/* All of it was handed out, `octets`, by DATA or BDAT LAST. 250 once it is durable. The
	 * transaction is over, whatever the reply. */
	SMTP_EVENT_MESSAGE_END,
	SMTP_EVENT_RSET, /* good: 250. The transaction is over, whatever the reply */
	SMTP_EVENT_VRFY, /* rest. smtp_server_reply_vrfy() says what fits who knows nobody */
	/* To be told only: nothing is owed. */
	/* BDAT: chunk_size, chunk_last; its octets follow. What is handed out of them may be more
	 * or less: newlines are mended, a CR waits for its LF. */
	SMTP_EVENT_CHUNK,
	SMTP_EVENT_BODY, /* bytes of the message */
	/* fault: forget the message. The engine reads to its end, and refuses it. */
	SMTP_EVENT_MESSAGE_BAD,
	SMTP_EVENT_END, /* end: send what is in `out`, and close. Told once */
};

enum smtp_end {
	SMTP_END_QUIT,     /* it said QUIT, 221 was said */
	SMTP_END_ERRORS,   /* too many: 421 was said */
	SMTP_END_INJECTED, /* octets in clear behind STARTTLS: nothing was said */
	SMTP_END_FOREIGN,  /* speaks HTTP or TLS: 421 was said */
	SMTP_END_CALLER,   /* the caller's own 421 */
};

struct smtp_event { /* members that the kind does not name are not set */
	enum smtp_event_kind kind;
	/* Of a command: all of it without its CRLF, as it was said. It holds no control octet, so
	 * it can be said to another server. */
	struct span line;
	struct span host, word, rest, bytes;
	bool esmtp;
	struct smtp_address address;
	/* MAIL; a parameter that was not offered is refused by the engine */
	uint64_t size; /* 0: not said. Over options->size_max is refused by the engine */
	enum smtp_body body;
	enum smtp_ret ret;
	struct span envid; /* as it stood, in xtext */
	bool utf8;
	/* RCPT */
	unsigned notify;   /* enum smtp_notify */
	struct span orcpt; /* as it stood */
	/* BDAT, MESSAGE_END */
	uint64_t chunk_size, octets;
	bool chunk_last;
	enum smtp_body_fault fault;
	enum smtp_end end;
	struct smtp_xclient xclient;
};

/* A fresh session. `options` stays the caller's, and outlives it. */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_options *options,
                      uint32_t offers);

/* Says "220 NAME ESMTP" and `text` behind it (NULL: nothing). To send a client away instead:
 * smtp_server_reply() with 421 or 554; the session is over then. */
void smtp_server_greet(struct smtp_server *s, struct buf *out, const char *text);

/*
 * The next event in *input, which is cut as far as it was used. False: more input is needed, or a
 * reply is owed (see phase). `event` is filled only as far as its kind says.
 */
bool smtp_server_next(struct smtp_server *s, struct span *input, struct buf *out,
                      struct smtp_event *event);

/*
 * Answers the question. `text` may hold several lines, LF between them; `enhanced` is NULL for
 * none. 421 ends the session: SMTP_EVENT_END comes next. Unasked, only 421 is said (time-out,
 * shutting down), and once.
 */
void smtp_server_reply(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                       const char *text);

/* The same with what another server answered: relaying. */
void smtp_server_forward(struct smtp_server *s, struct buf *out, const struct smtp_reply *reply);

/* 250 to HELLO: for EHLO with the keywords of s->offers. */
void smtp_server_reply_hello(struct smtp_server *s, struct buf *out);

/* 220 to XCLIENT: the session is as new, but for TLS; HELO comes again. */
void smtp_server_reply_xclient(struct smtp_server *s, struct buf *out);

/* 252 to VRFY. */
void smtp_server_reply_vrfy(struct smtp_server *s, struct buf *out);

/* The handshake is done: the session is as new, HELO comes again, nothing is said. A failed
 * handshake: just close. */
void smtp_server_tls_started(struct smtp_server *s);

/* Counts an error of the client that only the caller can see (an unknown recipient, say). Over the
 * limit the session ends at the next command. */
void smtp_server_count_error(struct smtp_server *s);
