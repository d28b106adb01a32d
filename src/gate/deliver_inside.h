/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* deliver_inside -- what the files of giving out share. Inside the room. */

#include "gate/deliver.h"
#include "gate/stream.h"
#include "smtp/client.h"
#include "spool/spool.h"

#define DELIVER_UNSENT_MAX 131072u /* octets that wait for a server to read */

struct deliver_session;

struct deliver {
	struct loop *loop;   /* borrowed */
	struct spool *spool; /* borrowed */
	struct deliver_options options;
	SSL_CTX *tls; /* owned; NULL: never */
	uv_timer_t timer;
	uv_timer_t later; /* calls `stopped`, not from inside anything */
	struct deliver_session *sessions;
	size_t sessions_n, idle_n, working_n; /* working: the server has let them begin */
	unsigned failures;                    /* of the server in a row */
	unsigned broken; /* connections that broke with a message on its way, in a row */
	int64_t next_try_ms;
	int64_t no_more_until_ms; /* it lets some connections in, and not another one */
	int64_t clear_until_ms;   /* no TLS: a handshake has failed, and it may be done without */
	uint64_t random;
	struct deliver_status status;
	struct buf why;
	size_t recording; /* deferrals that are not durable yet */
	bool waking, stopping, closed;
	void (*stopped)(void *context);
	void *stopped_context;
};

/* The delay of the attempt after `failed` ones: doubles from `least`, never above `most`, and a
 * random quarter less or more, so that what failed together does not come back together. */
int64_t deliver_delay_ms(struct deliver *d, unsigned failed, int64_t least, int64_t most);

/* The server can't be reached, or sends us away: everything waits. */
void deliver_failed(struct deliver *d, const char *why);
void deliver_reached(struct deliver *d);
/* A connection is gone. */
void deliver_freed(struct deliver *d);
/* A deferral is durable: the message waits for its time from now on. The context is a struct deliver,
 * whose `recording` was counted up. */
void deliver_recorded(void *context, enum spool_outcome outcome, uint64_t id, const char *why);

void deliver_log(const struct deliver *d, struct buf *line); /* and empties it */
void deliver_log_text(struct buf *line, const char *key, struct span value);

/* ── the message that a session has in its hands ─────────────────────────────────────────────── */

struct deliver_verdict {
	uint32_t recipient;
	enum spool_state state;
	size_t reply_at, reply_n; /* in `replies` */
};

struct deliver_message {
	struct spool_reader *reader; /* owned; NULL: no message */
	struct spool_due due;
	const struct smtp_envelope *envelope; /* the reader's; NULL: not read yet */
	const struct smtp_peer *peer;
	size_t *pending; /* owned; indices into envelope->recipients */
	size_t pending_n, pending_room;
	bool *told; /* owned; of each recipient of the envelope: it has a verdict */
	struct deliver_verdict *verdicts;
	size_t verdicts_n, verdicts_room;
	struct buf replies;
	bool fetching;
};

enum deliver_loaded { DELIVER_LOADED, DELIVER_LOADING, DELIVER_UNREADABLE };

/* Envelope and pending recipients. LOADING: `fetched` will be called. UNREADABLE: it was held, and
 * is no longer in hand. */
enum deliver_loaded deliver_message_load(struct deliver *d, struct deliver_message *m,
                                         void (*fetched)(void *context), void *context);
/* Why a server that offers this (enum smtp_offer) can't take it unchanged. NULL: it can. */
const char *deliver_message_obstacle(const struct deliver_message *m, uint32_t offers);
void deliver_message_verdict(struct deliver *d, struct deliver_message *m,
                             const struct smtp_client_event *event);
/* The attempt is over. Recipients without a verdict are deferred because of `why`. */
void deliver_message_settle(struct deliver *d, struct deliver_message *m, const char *why);
/* The octets can't be read: every pending recipient is held. */
void deliver_message_hold(struct deliver *d, struct deliver_message *m, const char *why);
/* Not tried after all. */
void deliver_message_put_back(struct deliver *d, struct deliver_message *m);
/* Nothing is in hand any more; not while `fetching`. */
void deliver_message_fini(struct deliver_message *m);

/* ── one connection ──────────────────────────────────────────────────────────────────────────── */

struct deliver_session {
	struct stream stream;
	struct deliver *deliver;
	struct deliver_session *previous, *next;
	struct smtp_client_options options;
	struct smtp_client client;
	struct deliver_message message;
	struct buf out;
	char helo[256];
	size_t messages; /* begun over this connection */
	bool connected;  /* stream_connect() was called, and `gone` has not been */
	bool open;       /* a connection was there */
	bool ready;      /* the server waits for what we say */
	bool idle;       /* ... and we have nothing to say */
	bool working;
	bool quitting, running;
	bool over; /* closed by us, or broken; only the end of callbacks is waited for */
};

extern const struct stream_ops deliver_session_ops;

/* The server has let us begin. */
void deliver_session_working(struct deliver_session *s, bool working);
void deliver_session_idle(struct deliver_session *s, bool idle);
/* Sends what is in s->out. */
void deliver_session_flush(struct deliver_session *s);
void deliver_session_set_deadline(struct deliver_session *s);
/* Says QUIT: it waits for nothing else any more. */
void deliver_session_say_quit(struct deliver_session *s);
/* Hears octets of the server, or only what follows from what it has said. */
void deliver_session_run(struct deliver_session *s, struct span *input);
/* Closed; nothing is in hand any more. Frees it, unless a callback is still to come. */
void deliver_session_end(struct deliver_session *s);
/* The connection, which was in this phase, is of no use any more. What is in hand was not tried, or broke
 * in the middle: some servers hang up on one message, so that this counts as an attempt of it, and must
 * not stop all. */
void deliver_session_fail(struct deliver_session *s, enum smtp_client_phase phase, const char *why);
/* Frees it when nothing will call it any more. */
void deliver_session_free_if_done(struct deliver_session *s);

/* Of the message in hand (deliver_turn.c): */
/* The server waits: for that message, another one, or QUIT. */
void deliver_session_next(struct deliver_session *s);
/* More of it, as long as the server takes it. */
void deliver_session_pump(struct deliver_session *s);

/* Begins a connection for a message that was taken from the spool. */
void deliver_session_begin(struct deliver *d, const struct spool_due *due);
/* One that is idle gets another message. */
void deliver_session_take(struct deliver_session *s, const struct spool_due *due);
/* QUIT, if it has nothing to do. */
void deliver_session_quit(struct deliver_session *s);
/* Closed at once; what was on its way is deferred. */
void deliver_session_cut(struct deliver_session *s, const char *why);
