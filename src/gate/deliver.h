/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * deliver -- gives out what is in the spool, to one server, by SMTP or LMTP.
 *
 * Takes what is due in order of arrival, over a bounded number of connections, and many messages
 * over each. The server is told who the client was (XCLIENT, or a PROXY header), so that SPF,
 * greylisting and its log see the client and not us. A message is sent as it came: what the server
 * can't take unchanged (8BITMIME, SMTPUTF8) is held.
 *
 * What becomes of a recipient:
 *   2yz        delivered; handed to the spool for its record the moment the reply is read
 *   4yz        deferred: tried again after a delay that doubles, with jitter, between two bounds
 *   5yz        held, and told in the log: a person decides. Nothing is ever bounced from here
 *   none       (the connection broke in the middle) as 4yz
 * A crash gives a message out twice (RFC 1047) when it comes between the server's own record and
 * ours: while the server's 250 travels, one turn of the loop, and one group of the spool.
 *
 * Where the server takes XCLIENT only once in a connection, as Postfix does, a connection serves the
 * messages of one client's session.
 *
 * A server that can't be reached, or does not let us begin, costs no message an attempt: everything
 * waits, and one connection at a time finds out when it is back.
 *
 * One thread, the loop's. Nothing here waits for the disk: what the spool does not have in memory,
 * its own thread fetches.
 */

#include "base/error.h"
#include "base/text.h"
#include "gate/loop.h"

#include <stdbool.h>
#include <sys/socket.h>

struct spool;
struct deliver;

enum deliver_identity {
	DELIVER_XCLIENT, /* a server that does not offer it gets nothing: it would blame us */
	DELIVER_PROXY,   /* PROXY version 2; a connection for each message */
	DELIVER_NOBODY,
};

enum deliver_tls { DELIVER_TLS_MAY, DELIVER_TLS_MUST, DELIVER_TLS_NEVER };

/* All borrowed, for as long as there is a struct deliver. */
struct deliver_options {
	const struct sockaddr *to;
	socklen_t to_size;
	const char *to_text; /* for the log */
	const char *name;    /* what we call ourselves behind EHLO */
	bool lmtp;
	enum deliver_identity identity;
	enum deliver_tls tls;
	const char *tls_ca;   /* file the server's certificate is held against (with TLS_MUST: else
	                           it is enough to break the handshake); NULL: it is not */
	const char *tls_name; /* name that it has to be for; sent as SNI. NULL: none */
	size_t sessions;      /* at the same time; 0: 20 */
	size_t per_session;   /* messages over one connection; 0: 100 */
	int64_t retry_least_ms; /* 0: 15 s */
	int64_t retry_most_ms;  /* 0: 15 min */
	/* One line, "key=value key=value", no LF, no time. NULL: to standard error, with the time.
	 * */
	void (*log)(void *context, struct span line);
	void *context;
};

/*
 * Nothing goes out before the first deliver_wake(). Reads the file of tls_ca, so call it before
 * rights are dropped.
 *
 *   loop, spool  borrowed; both outlive it
 *   errors       ERROR_RETRY_PERSON: tls_ca
 */
int deliver_open(struct deliver **out, struct loop *l, struct spool *s,
                 const struct deliver_options *o, struct error *err) MUST_CHECK;

/* Something may be due that was not: a message is durable, a hold was lifted, a message released.
 * What becomes due by time is seen by itself. Cheap: call it once a turn rather than count. */
void deliver_wake(struct deliver *d);

/* As if the server had never been out of reach: tried again now. */
void deliver_try_now(struct deliver *d);

/*
 * Begins no more messages; those on their way get `patience_ms`, then the connection is closed and
 * they stay in the spool. `stopped` is called on the loop when the last connection is gone, but
 * never from in here; may be NULL.
 */
void deliver_stop(struct deliver *d, int64_t patience_ms, void (*stopped)(void *context),
                  void *context);

/* The loop does not run any more (loop_close() was called), the spool is still open. Waits for
 * reads under way. NULL is allowed. */
void deliver_close(struct deliver *d);

struct deliver_status {
	size_t sessions, idle;              /* connections now; of them without a message */
	uint64_t delivered, deferred, held; /* verdicts of recipients since open */
	uint64_t messages;                  /* given out whole, since open */
	uint64_t connections, failures;     /* made; of them, or at them, failed */
	int64_t next_try_ms;                /* clock_monotonic_ms(); 0: the server can be reached */
	const char *why;                    /* it can't; borrowed until the loop runs on */
};
void deliver_status(const struct deliver *d, struct deliver_status *out);
