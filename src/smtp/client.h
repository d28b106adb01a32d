/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * client -- the client's side of an SMTP or LMTP session: octets in, events out, command octets
 * into a buffer of the caller. No socket, no clock. What a server says is held against what it may
 * say; anything else ends the session with a sentence.
 *
 *	smtp_client_init(&c, &options);
 *	while (smtp_client_next(&c, &input, &out, &event)) switch (event.kind) ...
 *	(keep what is left of input, send out, wait at most smtp_client_wait_s())
 *
 * Giving out. At SMTP_CLIENT_READY smtp_client_begin() sends an envelope: XCLIENT with a new EHLO
 * where the peer is another one than the last time, then MAIL, all RCPT and DATA in one go when the
 * server has PIPELINING, one by one when not. Each recipient gets its verdict once,
 * SMTP_CLIENT_VERDICT; the message is over at SMTP_CLIENT_DONE, and READY comes again. Without DONE
 * (the session failed) the recipients without a verdict have none: they are to be tried again.
 *
 * Relaying. At READY, and after each SMTP_CLIENT_REPLY, smtp_client_command() sends one line as it
 * is, and SMTP_CLIENT_REPLY brings the answer. What may be said then is the caller's business.
 */

#include "smtp/body.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/server.h"

enum smtp_tls_want {
	SMTP_TLS_NEVER = 0,
	SMTP_TLS_MAY,  /* where the server offers it */
	SMTP_TLS_MUST, /* else the session fails: a mail without TLS is none */
};

struct smtp_client_options { /* borrowed, and outlives the client */
	const char *name;    /* what we call ourselves behind EHLO */
	bool lmtp;           /* LHLO, and a verdict a recipient after the message (RFC 2033) */
	bool xclient;        /* tell the peer by XCLIENT; a server that does not offer ADDR fails */
	bool no_chunking;    /* DATA even where BDAT is offered */
	enum smtp_tls_want tls;
};

/* A message to be given out; borrowed until DONE. */
struct smtp_client_message {
	const struct smtp_envelope *envelope;
	const size_t *recipients;     /* indices into envelope->recipients; NULL: all of them */
	size_t recipients_n;          /* of `recipients` */
	uint64_t size;                /* octets that will be sent, before dots are doubled; exact */
	const struct smtp_peer *peer; /* for XCLIENT; else NULL is allowed */
};

enum smtp_client_phase {
	SMTP_CLIENT_PHASE_GREETING,
	SMTP_CLIENT_PHASE_HELLO,
	SMTP_CLIENT_PHASE_HELO, /* EHLO was not understood */
	SMTP_CLIENT_PHASE_STARTTLS,
	SMTP_CLIENT_PHASE_TLS,
	SMTP_CLIENT_PHASE_XCLIENT,
	SMTP_CLIENT_PHASE_READY,
	SMTP_CLIENT_PHASE_ENVELOPE,
	SMTP_CLIENT_PHASE_BODY,
	SMTP_CLIENT_PHASE_END, /* the message was sent; its verdicts are to come */
	SMTP_CLIENT_PHASE_RSET,
	SMTP_CLIENT_PHASE_RELAY, /* of a command of the caller */
	SMTP_CLIENT_PHASE_QUIT,
	SMTP_CLIENT_PHASE_LOST, /* 421 was an answer that the caller got; FAILED comes next */
	SMTP_CLIENT_PHASE_OVER,
};

/* Look, don't touch. */
struct smtp_client {
	const struct smtp_client_options *options; /* borrowed */
	enum smtp_client_phase phase;
	uint32_t offers;         /* enum smtp_offer: what the server has told by EHLO */
	unsigned xclient_offers; /* enum smtp_xclient_attribute */
	uint64_t size_max;       /* SIZE=; 0: none told */
	struct buf auth;         /* mechanisms, "" when none */
	bool tls, esmtp;
	struct smtp_reply reply; /* the last one */
	struct smtp_peer told;   /* whom the last XCLIENT named */
	/* inside */
	struct smtp_client_message message;
	struct smtp_stuffer stuffer;
	uint64_t left;         /* octets of the body that are still to come */
	size_t sent, answered; /* commands of the envelope: MAIL is 0, RCPTs, DATA or BDAT */
	size_t *accepted;      /* positions in the message that wait for a verdict */
	size_t accepted_n, accepted_room;
	size_t verdict_at;     /* how many of those who get c->reply as verdict have been told */
	unsigned xclient_left; /* replies to XCLIENT that are to come */
	bool pending;          /* there is a message to be sent after XCLIENT and EHLO */
	bool has_told;         /* c->told says something */
	bool event_told;       /* READY or BODY */
	bool refused;          /* MAIL was: what else is answered says nothing */
	bool chunked;          /* BDAT */
	uint8_t telling;       /* whose verdict c->reply is, all of whom are to be told so */
	bool ours;             /* ... and the verdict is ours */
	bool relay_hello;      /* the reply that is to come is one to EHLO */
	bool relay_data;       /* it is one to DATA */
};
#define AUTO_SMTP_CLIENT __attribute__((cleanup(smtp_client_fini)))

enum smtp_client_event_kind {
	SMTP_CLIENT_NONE = 0,
	/* Send nothing, read nothing in clear any more: do the handshake, then
	 * smtp_client_tls_started(). */
	SMTP_CLIENT_STARTTLS,
	SMTP_CLIENT_READY, /* smtp_client_begin(), _command() or _quit() */
	SMTP_CLIENT_BODY,  /* smtp_client_body() until all of it is given */
	/* recipient, reply: 2yz delivered, 4yz later, 5yz never. It is ours (event.ours) where the
	 * server can't take what it would get. */
	SMTP_CLIENT_VERDICT,
	SMTP_CLIENT_DONE,   /* every recipient has its verdict */
	SMTP_CLIENT_REPLY,  /* reply: to the command, or to the end of a relayed message */
	SMTP_CLIENT_OVER,   /* QUIT was answered: close */
	SMTP_CLIENT_FAILED, /* error: close. `reply` is what the server said, code 0 when nothing */
};

struct smtp_client_event {
	enum smtp_client_event_kind kind;
	size_t recipient;               /* index into envelope->recipients */
	const struct smtp_reply *reply; /* borrowed until the next call */
	bool ours;                      /* the server has not said so: we did not ask it */
	struct error error;             /* scope HOST; LATER, or PERSON where a setting is wrong */
};

void smtp_client_init(struct smtp_client *c, const struct smtp_client_options *options);
void smtp_client_fini(struct smtp_client *c);

/*
 * The next event. *input is cut as far as it was used. False: more input is needed (phase READY:
 * the caller has to say what comes next; but give what comes in even then: 421 ends an idle
 * session).
 */
bool smtp_client_next(struct smtp_client *c, struct span *input, struct buf *out,
                      struct smtp_client_event *event);

/* Seconds to wait for the server in this phase: RFC 5321 section 4.5.3.2. */
unsigned smtp_client_wait_s(const struct smtp_client *c);

/* The handshake is done: says EHLO again. */
void smtp_client_tls_started(struct smtp_client *c, struct buf *out);

/* Only at READY. */
void smtp_client_begin(struct smtp_client *c, const struct smtp_client_message *message,
                       struct buf *out);

/*
 * The next octets of the message, any number at a time; message.size of them in all. By DATA they
 * are appended to `out` with dots doubled, and the end behind the last ones. By BDAT
 * (smtp_client_raw()) they have to go out as they are: `out` gets nothing, so that the caller can
 * send them from where they lie, behind what `out` holds.
 */
void smtp_client_body(struct smtp_client *c, struct span bytes, struct buf *out);
bool smtp_client_raw(const struct smtp_client *c);

/* Relaying: sends `line` (without CRLF; no control octets in it), or octets of SASL. At READY
 * only. */
void smtp_client_command(struct smtp_client *c, struct span line, struct buf *out);

/*
 * Relaying a message, after the server's 354: octets as they are in the message. Then the end,
 * which is answered by SMTP_CLIENT_REPLY. Between the two the phase is BODY, and no command may be
 * said, nor QUIT: close, and the server forgets the message. For BDAT the caller sends the command
 * and the octets behind it by himself.
 */
void smtp_client_relay_body(struct smtp_client *c, struct span bytes, struct buf *out);
void smtp_client_relay_end(struct smtp_client *c, struct buf *out);

/* Relaying: EHLO with the name that the client said (XCLIENT'ed or not); answered by REPLY, and
 * `offers` are read anew. */
void smtp_client_hello(struct smtp_client *c, struct span name, struct buf *out);

/* Relaying with options.xclient: tells the peer, says EHLO again in its name; READY comes again. */
void smtp_client_tell_peer(struct smtp_client *c, const struct smtp_peer *peer, struct buf *out);

void smtp_client_quit(struct smtp_client *c, struct buf *out);
