/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * session -- one client, from its connection to its end: the engine of smtp/server.h on a stream.
 *
 * What is answered depends on the mode (gate/modes.h): defer, spool, relay. A session takes the gate's
 * mode at its greeting and whenever a transaction begins, and keeps it to the transaction's end: so a
 * mode that is switched at run time ends nothing and mixes nothing.
 *
 * An idle session holds this structure and nothing else: no buffer, no envelope.
 */

#include "gate/address.h"
#include "gate/gate.h"
#include "gate/stream.h"
#include "smtp/envelope.h"

#define SESSION_SAID_MAX 200u /* octets of its first line that are kept for the log */

struct mode;
struct relay;
struct spool_ticket;
struct turnaway;

/* While a message is being brought. */
struct transaction {
	struct smtp_envelope envelope;
	struct smtp_header_watch header;
	struct spool_ticket *ticket; /* spool: NULL before the first octet */
	struct buf relay_line;       /* relay: MAIL as it was said */
	struct buf early;            /* relay: octets of a chunk that came before 354 */
	uint64_t octets;
	int64_t body_since_ms; /* loop time; 0: the body has not begun */
	int64_t choked_ms;     /* loop time since when the client is not heard; 0: it is */
	uint8_t owed;          /* relay: enum relay_owed */
	bool in_body;          /* relay: 354 was said over there */
	bool bad;              /* has been refused: its octets go nowhere */
	const char *why;       /* static; for the log */
};

struct session {
	struct stream stream;
	struct gate *gate;
	const struct listener *listener;
	const struct mode *mode;
	struct session *previous, *next;
	struct smtp_server smtp;
	struct gate_key key; /* as the limits count it */
	struct gate_address from;
	struct smtp_peer *peer;   /* owned; NULL until HELO, XCLIENT or PROXY say something */
	struct transaction *mail; /* owned; NULL between transactions */
	struct turnaway *turned;  /* owned; NULL: it was not sent away at its greeting */
	struct relay *relay;      /* owned; NULL: no connection to the new server */
	char *said;               /* owned; its first line, for the log */
	const char *end;          /* static; how it went, for the log */
	uint64_t number, messages;
	uint8_t relay_wait;   /* relay: enum relay_wait, what the next answer is for */
	bool relay_dirty : 1; /* relay: a transaction is open over there */
	bool counted : 1;     /* the limits know it */
	bool waiting : 1;     /* an answer is owed that comes from the spool or the new server */
	bool gone : 1;        /* the client has ended its side */
	bool proxy_due : 1;   /* a PROXY header has to come first */
	bool choked : 1;      /* much waits for the disk: the client is not heard */
	bool starting_tls : 1;
	bool greeted : 1;
	bool authenticated : 1;
	bool submission : 1;
};

/* A connection that was accepted; `fd` is taken over. */
void session_open(struct gate *g, const struct listener *l, int fd);

/* The gate ends: a session that has brought a message is told 421 before it brings another; one that has
 * not, or is about to, goes on until it has its answer, or until session_cut(). */
void session_wind_up(struct session *s);
void session_cut(struct session *s);

/* Nothing more is heard of the client until session_unchoke(): what it brings has nowhere to go. That
 * time is not the client's. May be repeated. */
void session_choke(struct session *s);
void session_unchoke(struct session *s);

/* There is room again in the spool: those who were not heard for that are. */
void session_hear_choked(struct gate *g);

/* ── for the modes ───────────────────────────────────────────────────────────────────────────── */

/* Answers what was asked. */
void session_reply(struct session *s, unsigned code, const char *enhanced, const char *text);
/* The answer comes later, by session_answered() after session_reply() or its like. */
void session_wait(struct session *s);
/* Sends what is in gate->out, and hears the client again. */
void session_answered(struct session *s);
void session_send(struct session *s);
/* Says 421 and ends. `end` is static, for the log. */
void session_dismiss(struct session *s, const char *enhanced, const char *text, const char *end);

struct transaction *session_begin_mail(struct session *s, const struct smtp_event *event);
void session_add_recipient(struct session *s, const struct smtp_event *event);
/* Forgets the message under way, wherever it lies. */
void session_end_mail(struct session *s);

/* Who the client is, by all that it and its forwarders said; filled with what the connection knows. */
struct smtp_peer *session_peer(struct session *s);
