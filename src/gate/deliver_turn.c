/* SPDX-License-Identifier: BSD-2-Clause */

/* deliver_turn -- whose turn it is: which message a connection gets, its octets, and which client a
 * connection is bound to. */

#include "gate/deliver_inside.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

#define CONNECT_MS 30000
#define JOINED_MAX 16384u /* octets of a chunk that are sent together with its command */

static void on_fetched(void *context);

void deliver_session_pump(struct deliver_session *s)
{
	struct deliver_message *m = &s->message;
	struct error err = { 0 };
	struct span octets;

	while (!s->over && !m->fetching && s->client.phase == SMTP_CLIENT_PHASE_BODY &&
	       stream_unsent(&s->stream) < DELIVER_UNSENT_MAX) {
		enum spool_read got = spool_read_next(m->reader, false, &octets, &err);
		bool raw = smtp_client_raw(&s->client);

		if (got == SPOOL_NOT_NOW) {
			m->fetching = true;
			spool_fetch(m->reader, on_fetched, s);
			break;
		}
		if (got != SPOOL_OK) {
			/* never the end of a message that is not whole: the server forgets it */
			deliver_message_hold(s->deliver, m,
			                     got == SPOOL_END
			                             ? "the spool has less of it than was told"
			                             : err.text);
			deliver_session_end(s);
			return;
		}
		smtp_client_body(&s->client, octets, &s->out);
		if (raw && octets.n <= JOINED_MAX) {
			buf_add_span(&s->out, octets);
		} else {
			deliver_session_flush(s);
			if (raw)
				stream_write(&s->stream, octets);
		}
	}
	deliver_session_flush(s);
}

/* Tells the server of the message that is in hand, when both are ready. */
static void begin(struct deliver_session *s)
{
	struct deliver_message *m = &s->message;
	struct smtp_client_message message = {
		.envelope = m->envelope,
		.recipients = m->pending,
		.recipients_n = m->pending_n,
		.size = m->due.size,
		.peer = m->peer,
	};

	s->ready = false;
	s->messages++;
	smtp_client_begin(&s->client, &message, &s->out);
}

static void connect_now(struct deliver_session *s)
{
	struct deliver *d = s->deliver;
	struct error err = { 0 };
	const char *helo = s->message.peer->helo;

	s->options = (struct smtp_client_options){
		.name = d->options.name,
		.lmtp = d->options.lmtp,
		.xclient = d->options.identity == DELIVER_XCLIENT,
		.tls = d->options.tls == DELIVER_TLS_MUST ? SMTP_TLS_MUST : SMTP_TLS_MAY,
	};
	if (!d->tls ||
	    (d->options.tls == DELIVER_TLS_MAY && clock_monotonic_ms() < d->clear_until_ms))
		s->options.tls = SMTP_TLS_NEVER;
	/* PROXY tells no HELO: then we say the client's */
	if (d->options.identity == DELIVER_PROXY && helo && *helo &&
	    strlen(helo) < sizeof s->helo) {
		memcpy(s->helo, helo, strlen(helo) + 1);
		s->options.name = s->helo;
	}
	smtp_client_init(&s->client, &s->options);
	d->status.connections++;
	if (stream_connect(&s->stream, d->loop, d->options.to, d->options.to_size,
	                   &deliver_session_ops, s, &err) < 0) {
		deliver_session_fail(s, SMTP_CLIENT_PHASE_GREETING, err.text);
		return;
	}
	s->connected = true;
	stream_deadline(&s->stream, CONNECT_MS);
}

/* Reads envelope and states of what was taken from the spool. False: there is nothing to send. */
static bool load(struct deliver_session *s)
{
	switch (deliver_message_load(s->deliver, &s->message, on_fetched, s)) {
	case DELIVER_LOADED:
		if (s->message.pending_n)
			return true;
		deliver_message_put_back(s->deliver, &s->message);
		return false;
	case DELIVER_LOADING:
		return true;
	case DELIVER_UNREADABLE:
		break;
	}
	return false;
}

/* Postfix takes us for the client from XCLIENT on, and a client may not say XCLIENT: such a
 * connection is good for messages of that client's session alone. */
static bool is_bound(const struct deliver_session *s)
{
	return s->deliver->options.identity == DELIVER_XCLIENT && s->client.has_told &&
	       !(s->client.xclient_offers & SMTP_XCLIENT_ADDR);
}

/* Another message for a server that waits. False: there is none, or this connection has had enough.
 * */
static bool take_another(struct deliver_session *s)
{
	struct deliver *d = s->deliver;
	struct spool_due due;

	if (d->stopping || s->messages >= d->options.per_session ||
	    (s->messages && d->options.identity == DELIVER_PROXY)) {
		deliver_session_say_quit(s);
		return false;
	}
	if (!spool_take_due(d->spool, clock_monotonic_ms(), &due)) {
		if (is_bound(s))
			deliver_session_say_quit(s);
		else
			deliver_session_idle(s, true);
		deliver_wake(d); /* which sets the timer */
		return false;
	}
	s->message.due = due;
	if (!load(s))
		deliver_message_fini(&s->message);
	return true;
}

void deliver_session_next(struct deliver_session *s)
{
	for (;;) {
		const char *reason;

		if (!s->message.reader) {
			if (!take_another(s))
				return;
			continue;
		}
		if (!s->message.envelope)
			return; /* it is being fetched */
		if (is_bound(s) && !smtp_peer_same(s->message.peer, &s->client.told)) {
			deliver_message_put_back(s->deliver, &s->message);
			deliver_session_say_quit(s);
			deliver_wake(s->deliver);
			return;
		}
		reason = deliver_message_obstacle(&s->message, s->client.offers);
		if (!reason)
			break;
		deliver_message_hold(s->deliver, &s->message, reason);
	}
	begin(s);
}

static struct deliver_session *new_session(struct deliver *d, const struct spool_due *due)
{
	struct deliver_session *s = xcalloc(1, sizeof *s);

	s->deliver = d;
	s->next = d->sessions;
	if (s->next)
		s->next->previous = s;
	d->sessions = s;
	d->sessions_n++;
	s->message.due = *due;
	return s;
}

void deliver_session_begin(struct deliver *d, const struct spool_due *due)
{
	struct deliver_session *s = new_session(d, due);

	if (!load(s))
		deliver_session_end(s);
	else if (s->message.envelope)
		connect_now(s);
}

void deliver_session_take(struct deliver_session *s, const struct spool_due *due)
{
	struct span nothing = { "", 0 };

	deliver_session_idle(s, false);
	s->message.due = *due;
	if (!load(s)) {
		deliver_message_fini(&s->message);
		deliver_session_idle(s, true);
		return;
	}
	deliver_session_next(s);
	if (!s->running)
		deliver_session_run(s, &nothing);
}

/* The spool's thread has read what was not in memory. */
static void on_fetched(void *context)
{
	struct deliver_session *s = context;
	struct span nothing = { "", 0 };

	s->message.fetching = false;
	if (s->over) {
		deliver_message_fini(&s->message);
		deliver_session_free_if_done(s);
		return;
	}
	if (s->message.envelope) {
		deliver_session_pump(s);
		deliver_session_set_deadline(s);
		return;
	}
	if (!load(s)) {
		deliver_message_fini(&s->message);
		if (!s->connected) {
			deliver_session_end(s);
			return;
		}
	} else if (s->message.envelope && !s->connected) {
		connect_now(s);
		return;
	}
	if (s->ready) {
		deliver_session_next(s);
		deliver_session_run(s, &nothing);
	}
}
