/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/deliver_inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "smtp/proxy.h"

#include <string.h>

#define IDLE_MS 3000 /* that a connection waits for another message */
#define QUIT_MS 5000
#define CLEAR_MS 60000 /* without TLS after a handshake that failed, where that is allowed */
#define BROKEN_MAX 5u

/* ── the end of a connection ─────────────────────────────────────────────────────────────────── */

void deliver_session_idle(struct deliver_session *s, bool idle)
{
	if (s->idle != idle)
		s->deliver->idle_n += idle ? 1 : (size_t)-1;
	s->idle = idle;
}

void deliver_session_working(struct deliver_session *s, bool working)
{
	if (s->working != working)
		s->deliver->working_n += working ? 1 : (size_t)-1;
	s->working = working;
}

void deliver_session_free_if_done(struct deliver_session *s)
{
	struct deliver *d = s->deliver;

	if (s->connected || s->message.fetching)
		return;
	deliver_session_idle(s, false);
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

void deliver_session_end(struct deliver_session *s)
{
	if (s->over)
		return;
	s->over = true;
	deliver_session_idle(s, false);
	deliver_session_working(s, false);
	if (s->connected)
		stream_close(&s->stream);
	else
		deliver_session_free_if_done(s);
}

static bool begun(enum smtp_client_phase phase)
{
	return phase == SMTP_CLIENT_PHASE_ENVELOPE || phase == SMTP_CLIENT_PHASE_BODY ||
	       phase == SMTP_CLIENT_PHASE_END;
}

void deliver_session_fail(struct deliver_session *s, enum smtp_client_phase phase, const char *why)
{
	struct deliver *d = s->deliver;

	if (s->over)
		return;
	if (s->message.reader && begun(phase)) {
		deliver_message_settle(d, &s->message, why);
		if (++d->broken >= BROKEN_MAX) {
			d->broken = 0;
			deliver_session_working(s, false);
			deliver_failed(d, why);
		}
	} else {
		if (s->message.reader)
			deliver_message_put_back(d, &s->message);
		deliver_session_working(s, false);
		if (!s->idle && !s->quitting)
			deliver_failed(d, why);
	}
	deliver_session_end(s);
}

void deliver_session_cut(struct deliver_session *s, const char *why)
{
	if (s->over)
		return;
	if (s->message.reader && begun(s->client.phase))
		deliver_message_settle(s->deliver, &s->message, why);
	else if (s->message.reader)
		deliver_message_put_back(s->deliver, &s->message);
	deliver_session_end(s);
}

/* ── talking ─────────────────────────────────────────────────────────────────────────────────── */

void deliver_session_flush(struct deliver_session *s)
{
	if (s->out.n && !s->over)
		stream_write(&s->stream, buf_span(&s->out));
	if (s->out.room > DELIVER_UNSENT_MAX)
		buf_fini(&s->out);
	else
		buf_reset(&s->out);
}

void deliver_session_set_deadline(struct deliver_session *s)
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

void deliver_session_say_quit(struct deliver_session *s)
{
	deliver_session_idle(s, false);
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
	deliver_session_say_quit(s);
	deliver_session_flush(s);
	deliver_session_set_deadline(s);
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

	deliver_session_flush(s);
	if (stream_start_tls(&s->stream, s->deliver->tls, false, s->deliver->options.tls_name,
	                     &err) < 0)
		deliver_session_fail(s, SMTP_CLIENT_PHASE_TLS, err.text);
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
		deliver_session_working(s, true);
		s->ready = true;
		deliver_session_next(s);
		break;
	case SMTP_CLIENT_BODY:
		deliver_session_pump(s);
		break;
	case SMTP_CLIENT_VERDICT:
		deliver_message_verdict(s->deliver, &s->message, event);
		break;
	case SMTP_CLIENT_DONE:
		s->deliver->broken = 0;
		deliver_message_settle(s->deliver, &s->message, "no answer");
		break;
	case SMTP_CLIENT_OVER:
		deliver_session_end(s);
		break;
	case SMTP_CLIENT_FAILED:
		buf_add_text(&why, event->error.text);
		deliver_session_fail(s, before, buf_text(&why));
		break;
	case SMTP_CLIENT_NONE:
	case SMTP_CLIENT_REPLY:
		break;
	}
}

void deliver_session_run(struct deliver_session *s, struct span *input)
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
	deliver_session_flush(s);
	deliver_session_set_deadline(s);
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
	deliver_session_flush(s);
	deliver_session_set_deadline(s);
}

static size_t on_input(struct stream *stream, struct span octets)
{
	struct span rest = octets;

	deliver_session_run(stream->owner, &rest);
	return octets.n - rest.n;
}

static void on_drained(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	if (s->client.phase == SMTP_CLIENT_PHASE_BODY)
		deliver_session_pump(s);
	deliver_session_set_deadline(s);
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
	deliver_session_fail(s, s->client.phase, buf_text(&words));
}

static void on_overdue(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	if (s->idle)
		deliver_session_quit(s);
	else
		deliver_session_fail(s, s->client.phase, "the server has not answered in time");
}

static void on_gone(struct stream *stream)
{
	struct deliver_session *s = stream->owner;

	/* the loop closes streams by itself when it ends */
	deliver_session_cut(s, "the gate ended before the server's answer");
	s->connected = false;
	deliver_session_free_if_done(s);
}

const struct stream_ops deliver_session_ops = {
	.input = on_input,
	.ready = on_ready,
	.drained = on_drained,
	.ended = on_ended,
	.overdue = on_overdue,
	.gone = on_gone,
};
