/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * stream -- one TCP connection on the loop, in clear or under TLS, whichever side began it. Sessions,
 * relay and give-out talk over it.
 *
 * Octets that come in are offered to the owner; what he does not take stays here and is offered
 * again. Nothing more is read while much is left, and nothing is offered while much is unsent: a
 * peer that reads nothing, or talks without end, costs two bounded buffers. A buffer exists only
 * while there is something in it.
 *
 * A stream is a member of its owner's structure. Its owner opens it once, ends it by stream_close() or
 * stream_end(), and frees the structure in `gone` and no sooner. No callback comes from inside
 * stream_open_fd(), stream_connect(), stream_write() or stream_close().
 */

#include "base/error.h"
#include "base/text.h"
#include "gate/loop.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/socket.h>

#define STREAM_IN_MAX 65536u  /* octets kept that the owner did not take */
#define STREAM_OUT_MAX 65536u /* unsent octets above which no input is offered */
#define STREAM_END_MS 2000    /* for the peer to read the last line and to close */

struct stream_ops {
	/* Octets came, borrowed for this call. Returns how many were taken; the rest is offered
	 * again when more has come, or after stream_resume(). */
	size_t (*input)(struct stream *s, struct span octets);
	/* stream_connect() or stream_start_tls() has done its work. */
	void (*ready)(struct stream *s);
	/* Everything that was written is with the kernel, and was not at once. May be NULL. */
	void (*drained)(struct stream *s);
	/* No more comes from the peer: `how` is "closed", "reset" or "error" (static), and `why` says it
	 * in words. Called once, after all input was taken or refused; stream_close() is still due. */
	void (*ended)(struct stream *s, const char *how, const char *why);
	/* The deadline has passed. It is off then. */
	void (*overdue)(struct stream *s);
	/* The last call: the memory is the owner's again. */
	void (*gone)(struct stream *s);
};

enum stream_phase {
	STREAM_CONNECTING,
	STREAM_SHAKING, /* TLS is being agreed on */
	STREAM_OPEN,
	STREAM_ENDING, /* the last octets go out; what comes is thrown away */
	STREAM_CLOSED,
};

struct stream {
	uv_poll_t poll;
	struct loop *loop;
	const struct stream_ops *ops;
	void *owner;
	SSL *ssl; /* owned; NULL: in clear */
	struct buf in, out;
	struct stream *previous, *next; /* in the loop's list */
	int64_t deadline_ms;            /* loop time; 0: none */
	int fd;                         /* owned */
	uint8_t phase;                  /* enum stream_phase */
	uint8_t events;                 /* what is polled for */
	bool paused;                    /* the owner wants no input */
	bool offering;                  /* inside `input` */
	bool no_more;                   /* the peer has ended */
	bool told;                      /* `ended` was called */
	bool tls_wants_write;
};

/* A connected socket becomes a stream, which owns it from here on, even on failure. */
int stream_open_fd(struct stream *s, struct loop *l, int fd, const struct stream_ops *ops,
                   void *owner, struct error *err) MUST_CHECK;

/* Connects to an address; then `ready`, or `ended`. ERROR_RETRY_LATER when it can't even begin. */
int stream_connect(struct stream *s, struct loop *l, const struct sockaddr *to, socklen_t size,
                   const struct stream_ops *ops, void *owner, struct error *err) MUST_CHECK;

/* TLS from here on: `ready`, or `ended`. What was kept of the input is thrown away: it was in clear.
 * What is unsent goes out in clear first.
 *
 *   context  borrowed; a server's or a client's
 *   name     client: sent as SNI and, when the context verifies, held against the certificate; or NULL
 */
int stream_start_tls(struct stream *s, SSL_CTX *context, bool is_server, const char *name,
                     struct error *err) MUST_CHECK;

/* Sends, or keeps what the kernel does not take now. Does nothing when the stream is ending. */
void stream_write(struct stream *s, struct span octets);
size_t stream_unsent(const struct stream *s);

/* No input is offered until stream_resume(), which may call `input` before it returns (unless it is
 * called from inside `input`). */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* `overdue` is called so many milliseconds from now, and up to LOOP_TICK_MS later; 0: never. */
void stream_deadline(struct stream *s, int64_t ms);

/* Sends what is unsent, says that no more comes, gives the peer STREAM_END_MS to read it and to close,
 * and closes: so no reset overtakes the last line. `gone` follows; nothing else is called. */
void stream_end(struct stream *s);

/* Closes at once; unsent octets are lost. `gone` follows, later, once. May be repeated. */
void stream_close(struct stream *s);

/* "TLSv1.3" and "TLS_AES_256_GCM_SHA384", static; "" without TLS. */
const char *stream_tls_version(const struct stream *s);
const char *stream_tls_cipher(const struct stream *s);
