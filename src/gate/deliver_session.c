/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/deliver_inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "smtp/proxy.h"

#include <string.h>

#define CONNECT_MS 30000
#define IDLE_MS 3000 /* that a connection waits for another message */
#define QUIT_MS 5000
#define CLEAR_MS 60000 /* without TLS after a handshake that failed, where that is allowed */
#define UNSENT_MAX 131072u
#define JOINED_MAX 16384u /* octets of a chunk that are sent together with its command */
#define BROKEN_MAX 5u

static void run(struct deliver_session *s, struct span *input);

/* ── the end of a connection ─────────────────────────────────────────────────────────────────── */

static void set_idle(struct deliver_session *s, bool idle)
{
	if (s->idle != idle)
		s->deliver->idle_n += idle ? 1 : (size_t)-1;
	s->idle = idle;
}

static void set_working(struct deliver_session *s, bool working)
{
	if (s->working != working)
		s->deliver->working_n += working ? 1 : (size_t)-1;
	s->working = working;
}

/* Frees it when nothing will call it any more. */
static void free_if_done(struct deliver_session *s)
{
	struct deliver *d = s->deliver;

	if (s->connected || s->message.fetching)
		return;
	set_idle(s, false);
	if (s->previous)
		s->previous->next = s->next;
	else
		d->sessions = s->next;
	if (s->next)
		s->next->previous = s->previous;
	d->sessions_n--;
	deliver_message_fini(&s->message);
	free(s->message.pending);
	free(s->message.verdicts);
	buf_fini(&s->message.replies);
	buf_fini(&s->out);
	smtp_client_fini(&s->client);
	free(s);
	deliver_freed(d);
}

static void end(struct deliver_session *s)
{
	if (s->over)
		return;
	s->over = true;
	set_idle(s, false);
	set_working(s, false);
	if (s->connected)
		stream_close(&s->stream);
	else
		free_if_done(s);
}

static bool begun(enum smtp_client_phase phase)
{
	return phase == SMTP_CLIENT_PHASE_ENVELOPE || phase == SMTP_CLIENT_PHASE_BODY ||
	       phase == SMTP_CLIENT_PHASE_END;
}

/* The connection is of no use any more. What is in hand was not tried, or broke in the middle: some
 * servers hang up on one message, so that this counts as an attempt of it, and must not stop all.
 * */
static void fail(struct deliver_session *s, enum smtp_client_phase phase, const char *why)
{
	struct deliver *d = s->deliver;

	if (s->over)
		return;
	if (s->message.reader && begun(phase)) {
		deliver_message_settle(d, &s->message, why);
		if (++d->broken >= BROKEN_MAX) {
			d->broken = 0;
			set_working(s, false);
			deliver_failed(d, why);
		}
	} else {
		if (s->message.reader)
			deliver_message_put_back(d, &s->message);
		set_working(s, false);
		if (!s->idle && !s->quitting)
			deliver_failed(d, why);
	}
	end(s);
}

void deliver_session_cut(struct deliver_session *s, const char *why)
{
	if (s->over)
		return;
	if (s->message.reader && begun(s->client.phase))
		deliver_message_settle(s->deliver, &s->message, why);
	else if (s->message.reader)
		deliver_message_put_back(s->deliver, &s->message);
	end(s);
}

/* ── talking ─────────────────────────────────────────────────────────────────────────────────── */

static void flush(struct deliver_session *s)
{
	if (s->out.n && !s->over)
		stream_write(&s->stream, buf_span(&s->out));
	if (s->out.room > UNSENT_MAX)
		buf_fini(&s->out);
	else
		buf_reset(&s->out);
}

static void set_deadline(struct deliver_session *s)
{
	if (s->over)
		return;
	if (s->idle)
		stream_deadline(&s->stream, IDLE_MS);
	else if (s->quitting)
		stream_deadline(&s->stream, QUIT_MS);
	else
		stream_deadline(&s->stream, (int64_t)smtp_client_wait_s(&s->client) * 1000);
}

static void quit(struct deliver_session *s)
{
	set_idle(s, false);
	s->ready = false;
	s->quitting = true;
	smtp_client_quit(&s->client, &s->out);
}

void deliver_session_quit(struct deliver_session *s)
{
	if (s->over || s->quitting || (s->message.reader && begun(s->client.phase)))
		return;
	if (!s->connected || !s->ready) {
		deliver_session_cut(s, "");
		return;
	}
	if (s->message.reader)
		deliver_message_put_back(s->deliver, &s->message);
	quit(s);
	flush(s);
	set_deadline(s);
}

/* ── a message ───────────────────────────────────────────────────────────────────────────────── */

/* More of the message, as long as the server takes it. */
static void pump(struct deliver_session *s)
{
	struct deliver_message *m = &s->message;
	struct error err = { 0 };
	struct span octets;

	while (!s->over && !m->fetching && s->client.phase == SMTP_CLIENT_PHASE_BODY &&
	       stream_unsent(&s->stream) < UNSENT_MAX) {
		enum spool_read got = spool_read_next(m->reader, false, &octets, &err);
		bool raw = smtp_client_raw(&s->client);

		if (got == SPOOL_NOT_NOW) {
			m->fetching = true;
			spool_fetch(m->reader, deliver_session_fetched, s);
			break;
		}
		if (got != SPOOL_OK) {
			/* never the end of a message that is not whole: the server forgets it */
			deliver_message_hold(s->deliver, m,
			                     got == SPOOL_END
			                             ? "the spool has less of it than was told"
			                             : err.text);
			end(s);
			return;
		}
		smtp_client_body(&s->client, octets, &s->out);
		if (raw && octets.n <= JOINED_MAX) {
			buf_add_span(&s->out, octets);
		} else {
			flush(s);
			if (raw)
				stream_write(&s->stream, octets);
		}
	}
	flush(s);
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
		fail(s, SMTP_CLIENT_PHASE_GREETING, err.text);
		return;
	}
	s->connected = true;
	stream_deadline(&s->stream, CONNECT_MS);
}

/* Reads envelope and states of what was taken from the spool. False: there is nothing to send. */
static bool load(struct deliver_session *s)
{
	switch (deliver_message_load(s->deliver, &s->message, deliver_session_fetched, s)) {
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
		quit(s);
		return false;
	}
	if (!spool_take_due(d->spool, clock_monotonic_ms(), &due)) {
		if (is_bound(s))
			quit(s);
		else
			set_idle(s, true);
		deliver_wake(d); /* which sets the timer */
		return false;
	}
	s->message.due = due;
	if (!load(s))
		deliver_message_fini(&s->message);
	return true;
}

/* The server waits: for the message in hand, another one, or QUIT. */
static void next(struct deliver_session *s)
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
		if (is_bound(s) && !deliver_message_is_of(&s->message, &s->client.told)) {
			deliver_message_put_back(s->deliver, &s->message);
			quit(s);
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
		end(s);
	else if (s->message.envelope)
		connect_now(s);
}

void deliver_session_take(struct deliver_session *s, const struct spool_due *due)
{
	struct span nothing = { "", 0 };

	set_idle(s, false);
	s->message.due = *due;
	if (!load(s)) {
		deliver_message_fini(&s->message);
		set_idle(s, true);
		return;
	}
	next(s);
	if (!s->running)
		run(s, &nothing);
}

/* The spool's thread has read what was not in memory. */
void deliver_session_fetched(void *context)
{
	struct deliver_session *s = context;
	struct span nothing = { "", 0 };

	s->message.fetching = false;
	if (s->over) {
		deliver_message_fini(&s->message);
		free_if_done(s);
		return;
	}
	if (s->message.envelope) {
		pump(s);
		set_deadline(s);
		return;
	}
	if (!load(s)) {
		deliver_message_fini(&s->message);
		if (!s->connected) {
			end(s);
			return;
		}
	} else if (s->message.envelope && !s->connected) {
		connect_now(s);
		return;
	}
	if (s->ready) {
		next(s);
		run(s, &nothing);
	}
}

/* ── what the server says ────────────────────────────────────────────────────────────────────── */

static void log_connected(struct deliver_session *s)
{
	AUTO_BUF struct buf line = { 0 };

	buf_addf(&line, "give-out state=connected server=%s", s->deliver->options.to_text);
	if (s->stream.ssl)
		buf_addf(&line, " tls=%s cipher=%s", stream_tls_version(&s->stream),
		         stream_tls_cipher(&s->stream));
	deliver_log(s->deliver, &line);
}

static void begin_tls(struct deliver_session *s)
{
	struct error err = { 0 };

	flush(s);
	if (stream_start_tls(&s->stream, s->deliver->tls, false, s->deliver->options.tls_name,
	                     &err) < 0)
		fail(s, SMTP_CLIENT_PHASE_TLS, err.text);
}

static void on_event(struct deliver_session *s, enum smtp_client_phase before,
                     const struct smtp_client_event *event)
{
	AUTO_BUF struct buf why = { 0 };

	switch (event->kind) {
	case SMTP_CLIENT_STARTTLS:
		begin_tls(s);
		break;
	case SMTP_CLIENT_READY:
		if (!s->messages)
			log_connected(s);
		deliver_reached(s->deliver);
		set_working(s, true);
		s->ready = true;
		next(s);
		break;
	case SMTP_CLIENT_BODY:
		pump(s);
		break;
	case SMTP_CLIENT_VERDICT:
		deliver_message_verdict(s->deliver, &s->message, event);
		break;
	case SMTP_CLIENT_DONE:
		s->deliver->broken = 0;
		deliver_message_settle(s->deliver, &s->message, "no answer");
		break;
	case SMTP_CLIENT_OVER:
		end(s);
		break;
	case SMTP_CLIENT_FAILED:
		buf_add_text(&why, event->error.text);
		fail(s, before, buf_text(&why));
		break;
	case SMTP_CLIENT_NONE:
	case SMTP_CLIENT_REPLY:
		break;
	}
}

static void run(struct deliver_session *s, struct span *input)
{
	struct smtp_client_event event;

	s->running = true;
	while (!s->over && s->stream.phase == STREAM_OPEN) {
		enum smtp_client_phase before = s->client.phase;

		if (!smtp_client_next(&s->client, input, &s->out, &event))
			break;
		on_event(s, before, &event);
	}
	s->running = false;
	flush(s);
	set_deadline(s);
}

/* ── what the stream says ────────────────────────────────────────────────────────────────────── */

static void on_ready(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	s->open = true;
	if (stream->ssl) {
		smtp_client_tls_started(&s->client, &s->out);
	} else if (s->deliver->options.identity == DELIVER_PROXY) {
		smtp_proxy_add(&s->out, 2, &s->message.peer->from, &s->message.peer->to);
	}
	flush(s);
	set_deadline(s);
}

static size_t on_input(struct stream *stream, struct span octets)
{
	struct span rest = octets;

	run(stream->owner, &rest);
	return octets.n - rest.n;
}

static void on_drained(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	if (s->client.phase == SMTP_CLIENT_PHASE_BODY)
		pump(s);
	set_deadline(s);
}

static void on_ended(struct stream *stream, const char *how, const char *why)
{
	struct deliver_session *s = stream->owner;
	struct deliver *d = s->deliver;
	AUTO_BUF struct buf words = { 0 };

	if (s->client.phase == SMTP_CLIENT_PHASE_TLS && d->options.tls == DELIVER_TLS_MAY)
		d->clear_until_ms = clock_monotonic_ms() + CLEAR_MS;
	if (!s->open)
		buf_addf(&words, "no connection: %s", why);
	else if (!strcmp(how, "closed"))
		buf_add_text(&words, "the server has closed the connection");
	else
		buf_addf(&words, "the connection has broken: %s", why);
	fail(s, s->client.phase, buf_text(&words));
}

static void on_overdue(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	if (s->idle)
		deliver_session_quit(s);
	else
		fail(s, s->client.phase, "the server has not answered in time");
}

static void on_gone(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	/* the loop closes streams by itself when it ends */
	deliver_session_cut(s, "the gate ended before the server's answer");
	s->connected = false;
	free_if_done(s);
}

const struct stream_ops deliver_session_ops = {
	.input = on_input,
	.ready = on_ready,
	.drained = on_drained,
	.ended = on_ended,
	.overdue = on_overdue,
	.gone = on_gone,
};
