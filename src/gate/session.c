/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/session.h"

#include "base/memory.h"
#include "gate/log.h"
#include "gate/modes.h"
#include "gate/relay.h"
#include "gate/session_inside.h"
#include "gate/turnaway.h"
#include "smtp/proxy.h"

#include <string.h>

#define HANDSHAKE_MS 60000
#define LOITER_MS 60000  /* a body that takes longer than this has to have a least rate */
#define LAST_MS 1000     /* for the next command, once the gate ends */
#define WIND_UP_MS 500   /* for a client to hear that the gate ends */
#define CROWDED_MS 30000 /* patience when most connections are in use */

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

void session_send(struct session *s)
{
	struct buf *out = &s->gate->out;

	if (out->n)
		stream_write(&s->stream, buf_span(out));
	buf_reset(out);
}

void session_reply(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	smtp_server_reply(&s->smtp, &s->gate->out, code, enhanced, text);
}

void session_wait(struct session *s)
{
	s->waiting = true;
	stream_pause(&s->stream);
	stream_deadline(&s->stream, 0);
}

void session_answered(struct session *s)
{
	s->waiting = false;
	session_send(s);
	if (s->gone) {
		stream_end(&s->stream);
		return;
	}
	session_set_deadline(s);
	if (s->gate->end_by_ms)
		session_wind_up(s);
	else if (!s->choked)
		stream_resume(&s->stream);
}

void session_dismiss(struct session *s, const char *enhanced, const char *text, const char *end)
{
	AUTO_FREE char *words = xasprintf("%s %s", s->gate->name, text);

	if (s->smtp.phase != SMTP_PHASE_ENDED)
		session_reply(s, 421, enhanced, words);
	session_send(s);
	s->end = end;
	stream_end(&s->stream);
}

/* ── patience ────────────────────────────────────────────────────────────────────────────────── */

void session_set_deadline(struct session *s)
{
	const struct gate_options *o = s->gate->options;
	bool in_body = s->smtp.phase == SMTP_PHASE_DATA || s->smtp.phase == SMTP_PHASE_CHUNK;
	int64_t ms;

	if (s->stream.phase != STREAM_OPEN)
		return; /* its end has a time of its own */
	ms = (int64_t)(in_body ? o->data_timeout_s : o->command_timeout_s) * 1000;

	if (gate_limits_connections(s->gate->limits) > o->connections / 10 * 8 && ms > CROWDED_MS)
		ms = CROWDED_MS;
	if (s->gate->end_by_ms && ms > LAST_MS)
		ms = LAST_MS;
	stream_deadline(&s->stream, s->waiting || s->choked ? 0 : ms);
}

void session_choke(struct session *s)
{
	if (s->choked)
		return;
	s->choked = true;
	stream_pause(&s->stream);
	stream_deadline(&s->stream, 0);
	if (s->mail)
		s->mail->choked_ms = loop_now_ms(&s->gate->loop);
}

void session_unchoke(struct session *s)
{
	struct transaction *t = s->mail;

	if (!s->choked)
		return;
	s->choked = false;
	if (t && t->choked_ms) {
		t->body_since_ms += loop_now_ms(&s->gate->loop) - t->choked_ms;
		t->choked_ms = 0;
	}
	if (s->waiting || s->stream.phase != STREAM_OPEN)
		return;
	session_set_deadline(s);
	stream_resume(&s->stream);
}

/* Octet by octet a message could keep a session for ever. */
static bool is_too_slow(const struct session *s)
{
	const struct transaction *t = s->mail;
	int64_t took;

	if (!t || !t->body_since_ms || !s->gate->options->least_rate)
		return false;
	took = loop_now_ms(&s->gate->loop) - t->body_since_ms;
	return took > LOITER_MS &&
	       s->smtp.octets < s->gate->options->least_rate * (uint64_t)(took / 1000);
}

static void on_overdue(struct stream *stream)
{
	struct session *s = stream->owner;

	s->gate->counters.timeouts++;
	if (s->turned || stream->phase != STREAM_OPEN || s->proxy_due) {
		s->end = "timeout";
		stream_close(stream);
	} else {
		session_dismiss(s, "4.4.2", "Error: timeout exceeded",
		                s->gate->end_by_ms ? "gate ended" : "timeout");
	}
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

/* What it said first, for the log: a client that is no mail server shows itself by that. */
static void note_said(struct session *s, struct span octets)
{
	struct span line = octets;

	if (s->said)
		return;
	for (line.n = 0; line.n < octets.n && line.n < SESSION_SAID_MAX; line.n++)
		if (octets.p[line.n] == '\r' || octets.p[line.n] == '\n')
			break;
	s->said = xasprintf("%.*s%s", (int)line.n, line.p, line.n == SESSION_SAID_MAX ? "..." : "");
}

static size_t hear_turned(struct session *s, struct span octets)
{
	switch (turnaway_input(s->turned, octets)) {
	case GATE_WAIT:
		return octets.n;
	case GATE_QUIT:
		stream_write(&s->stream, SPAN("221 2.0.0 Bye\r\n"));
		s->end = "quit";
		break;
	case GATE_REPEAT:
		buf_reset(&s->gate->out);
		(void)gate_reply_make(s->gate->name, s->gate->options->text, &s->gate->out);
		session_send(s);
		s->end = "talked";
		break;
	case GATE_END:
		s->end = "flood";
		break;
	}
	stream_end(&s->stream);
	return octets.n;
}

/* The forwarder's header. Returns how many octets it was; 0: more is needed, or the session is over. */
static size_t hear_proxy(struct session *s, struct span octets)
{
	struct smtp_proxy header;
	size_t used = 0;

	switch (smtp_proxy_read(octets, &header, &used)) {
	case 0:
		return 0;
	case 1:
		s->proxy_due = false;
		if (!header.local) {
			session_peer(s)->from = header.from;
			session_peer(s)->to = header.to;
		}
		session_greet(s);
		return used;
	default:
		s->end = "no proxy header";
		stream_close(&s->stream);
		return octets.n;
	}
}

static size_t on_input(struct stream *stream, struct span octets)
{
	struct session *s = stream->owner;
	struct span rest = octets;
	struct smtp_event event;
	bool moved = false;

	if (s->proxy_due)
		return hear_proxy(s, octets);
	if (s->turned)
		return hear_turned(s, octets);
	if (s->waiting)
		return 0;
	note_said(s, octets);
	/* once paused, nothing more is asked for: what is left is kept by the stream */
	while (stream->phase == STREAM_OPEN &&
	       smtp_server_next(&s->smtp, &rest, &s->gate->out, &event)) {
		moved = true;
		session_handle(s, &event);
	}
	if (stream->phase != STREAM_OPEN)
		return octets.n;
	session_send(s);
	if (is_too_slow(s)) {
		session_dismiss(s, "4.4.2", "Error: too slow", "slow");
		return octets.n;
	}
	/* half a line is no reason for more patience */
	if (moved)
		session_set_deadline(s);
	if (s->starting_tls)
		session_start_tls(s);
	return octets.n - rest.n;
}

static void on_drained(struct stream *stream)
{
	(void)stream;
}

static void on_ended(struct stream *stream, const char *how, const char *why)
{
	struct session *s = stream->owner;

	if (stream->phase == STREAM_SHAKING) {
		s->gate->counters.tls_failed++;
		gate_log("tls failed session=%llu why=\"%s\"", (unsigned long long)s->number, why);
	}
	s->end = how;
	s->gone = true;
	if (!s->waiting)
		stream_close(stream);
}

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────── */

void session_start_tls(struct session *s)
{
	SSL_CTX *context = gate_tls_server(s->gate->tls);
	struct error err = { 0 };

	s->starting_tls = s->greeted; /* by STARTTLS, not from the first octet on */
	if (!context || stream_start_tls(&s->stream, context, true, NULL, &err) < 0) {
		s->end = "error";
		stream_close(&s->stream);
		return;
	}
	stream_deadline(&s->stream, HANDSHAKE_MS);
}

static void on_ready(struct stream *stream)
{
	struct session *s = stream->owner;

	s->gate->counters.tls++;
	if (!s->greeted) {
		session_greet(s);
		return;
	}
	s->starting_tls = false;
	session_end_mail(s);
	smtp_server_tls_started(&s->smtp);
	session_set_deadline(s);
}

/* ── the end ─────────────────────────────────────────────────────────────────────────────────── */

static void log_session(const struct session *s)
{
	char host[INET6_ADDRSTRLEN];
	struct buf *line = gate_log_begin();
	const struct turnaway *t = s->turned;

	buf_addf(line, "client=[%s]:%u port=%u end=%s", gate_address_host(&s->from, host),
	         s->from.size ? gate_address_port(&s->from) : 0, s->listener->port, s->end);
	if (t)
		gate_log_quoted(line, "said", (struct span){ t->said, t->said_n });
	else
		gate_log_quoted(line, "said", span_of(s->said ? s->said : ""));
	if (t && t->said_cut)
		buf_add_text(line, "...");
	buf_addf(line, " session=%llu messages=%llu", (unsigned long long)s->number,
	         (unsigned long long)s->messages);
	if (s->stream.ssl)
		buf_addf(line, " tls=%s cipher=%s", stream_tls_version(&s->stream),
		         stream_tls_cipher(&s->stream));
	gate_log_end();
}

void session_forget(struct session *s)
{
	struct gate *g = s->gate;

	if (s->mode)
		s->mode->left(s);
	relay_drop(s);
	s->waiting = false;
	session_end_mail(s);
	log_session(s);
	if (s->counted)
		gate_limits_leave(g->limits, s->key, loop_now_ms(&g->loop));
	if (s->previous)
		s->previous->next = s->next;
	else
		g->sessions = s->next;
	if (s->next)
		s->next->previous = s->previous;
	g->counters.sessions--;
	if (s->peer)
		smtp_peer_fini(s->peer);
	free(s->peer);
	free(s->turned);
	free(s->said);
	free(s);
}

static void on_gone(struct stream *stream)
{
	session_forget(stream->owner);
}

const struct stream_ops session_ops = {
	.input = on_input,
	.ready = on_ready,
	.drained = on_drained,
	.ended = on_ended,
	.overdue = on_overdue,
	.gone = on_gone,
};

void session_wind_up(struct session *s)
{
	bool in_body = s->smtp.phase == SMTP_PHASE_DATA || s->smtp.phase == SMTP_PHASE_CHUNK;

	if (s->stream.phase == STREAM_ENDING || s->stream.phase == STREAM_CLOSED || s->waiting ||
	    (s->greeted && !s->turned && in_body))
		return;
	if (!s->greeted || s->stream.phase != STREAM_OPEN) {
		session_cut(s);
		return;
	}
	if (s->turned) {
		s->end = "gate ended";
		stream_end(&s->stream);
	} else if (!s->mail && s->messages) {
		session_dismiss(s, "4.3.2", s->gate->options->text, "gate ended");
	} else {
		/* it came for a message, and would have to come again */
		session_set_deadline(s);
		if (!s->choked)
			stream_resume(&s->stream);
	}
	/* somebody waits for the gate's end, and this client may never close */
	if (s->stream.phase == STREAM_ENDING)
		stream_deadline(&s->stream, WIND_UP_MS);
}

void session_hear_choked(struct gate *g)
{
	for (struct session *s = g->sessions, *next; s; s = next) {
		next = s->next;
		session_unchoke(s);
	}
}

void session_cut(struct session *s)
{
	if (s->stream.phase >= STREAM_ENDING)
		return stream_close(&s->stream);
	s->end = "gate ended";
	stream_close(&s->stream);
}
