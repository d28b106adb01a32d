/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/relay.h"

#include "base/memory.h"
#include "gate/session.h"
#include "smtp/proxy.h"

#define CONNECT_MS 10000 /* a client waits meanwhile */
#define READY_MS 30000   /* for each answer until it is ready */

struct relay {
	struct stream stream;
	struct session *session; /* NULL: dropped */
	const struct relay_ops *ops;
	struct smtp_client client;
	bool told_peer; /* XCLIENT is behind us, or is not wished */
	bool ready;
	bool was_there; /* it has said something */
	bool greeting;  /* a HELLO of ours is under way: its answer is no answer to the owner */
};

/* ── out ─────────────────────────────────────────────────────────────────────────────────────── */

static void send_out(struct relay *r, struct buf *out)
{
	if (out->n)
		stream_write(&r->stream, buf_span(out));
	/* until it is ready a client waits that has not said a thing about its mail yet */
	stream_deadline(&r->stream,
	                r->ready ? (int64_t)smtp_client_wait_s(&r->client) * 1000 : READY_MS);
}

void relay_command(struct relay *r, struct span line)
{
	AUTO_BUF struct buf out = { 0 };

	smtp_client_command(&r->client, line, &out);
	send_out(r, &out);
}

void relay_body(struct relay *r, struct span octets)
{
	AUTO_BUF struct buf out = { 0 };

	smtp_client_relay_body(&r->client, octets, &out);
	send_out(r, &out);
}

void relay_end(struct relay *r)
{
	AUTO_BUF struct buf out = { 0 };

	smtp_client_relay_end(&r->client, &out);
	send_out(r, &out);
}

void relay_hello(struct relay *r)
{
	AUTO_BUF struct buf out = { 0 };
	const struct smtp_peer *peer = r->session->peer;

	r->greeting = true;
	smtp_client_hello(&r->client, span_of(peer->helo ? peer->helo : r->session->gate->name),
	                  &out);
	send_out(r, &out);
}

bool relay_is_full(const struct relay *r)
{
	return stream_unsent(&r->stream) > STREAM_OUT_MAX;
}

const struct smtp_client *relay_client(const struct relay *r)
{
	return &r->client;
}

/* ── ends ────────────────────────────────────────────────────────────────────────────────────── */

void relay_drop(struct session *s)
{
	struct relay *r = s->relay;
	AUTO_BUF struct buf out = { 0 };

	if (!r)
		return;
	s->relay = NULL;
	r->session = NULL;
	if (r->ready && r->client.phase == SMTP_CLIENT_PHASE_READY) {
		smtp_client_quit(&r->client, &out);
		stream_write(&r->stream, buf_span(&out));
		stream_end(&r->stream);
	} else {
		stream_close(&r->stream);
	}
}

static void lose(struct relay *r, const char *why)
{
	struct session *s = r->session;

	stream_close(&r->stream);
	if (!s)
		return;
	r->session = NULL;
	s->relay = NULL;
	r->ops->lost(s, why, r->was_there);
}

/* ── in ──────────────────────────────────────────────────────────────────────────────────────── */

/* Connected, under TLS or not: who the client is comes next, and then its own EHLO. */
static void go_on(struct relay *r, struct buf *out)
{
	const struct gate_options *o = r->session->gate->options;

	if (!r->told_peer && o->deliver_identity == GATE_IDENTITY_XCLIENT) {
		r->told_peer = true;
		smtp_client_tell_peer(&r->client, r->session->peer, out);
		return;
	}
	if (!r->ready && !r->told_peer) {
		r->told_peer = true;
		r->greeting = true;
		smtp_client_hello(&r->client,
		                  span_of(r->session->peer->helo ? r->session->peer->helo
		                                                 : r->session->gate->name),
		                  out);
		return;
	}
	if (!r->ready) {
		r->ready = true;
		r->ops->ready(r->session);
	}
}

static void handle(struct relay *r, const struct smtp_client_event *event, struct buf *out)
{
	const struct gate *g = r->session->gate;
	struct error err;

	switch (event->kind) {
	case SMTP_CLIENT_STARTTLS:
		if (stream_start_tls(&r->stream, g->client_tls, false, g->options->deliver_name,
		                     &err) < 0)
			lose(r, err.text);
		break;
	case SMTP_CLIENT_READY:
		go_on(r, out);
		break;
	case SMTP_CLIENT_REPLY:
		if (!r->greeting) {
			r->ops->answer(r->session, event->reply);
			break;
		}
		r->greeting = false;
		if (event->reply->code != 250) {
			lose(r, "the new server does not like our EHLO");
		} else {
			r->ready = true;
			r->ops->ready(r->session);
		}
		break;
	case SMTP_CLIENT_OVER:
		stream_end(&r->stream);
		break;
	case SMTP_CLIENT_FAILED:
		lose(r, event->error.text);
		break;
	case SMTP_CLIENT_NONE:
	case SMTP_CLIENT_BODY:
	case SMTP_CLIENT_VERDICT:
	case SMTP_CLIENT_DONE:
		break; /* of a give-out; never here */
	}
}

static size_t on_input(struct stream *stream, struct span octets)
{
	struct relay *r = stream->owner;
	AUTO_BUF struct buf out = { 0 };
	struct smtp_client_event event;
	struct span rest = octets;

	r->was_there = true;
	while (r->session && stream->phase == STREAM_OPEN &&
	       smtp_client_next(&r->client, &rest, &out, &event)) {
		/* what is owed goes out before whatever the owner says now */
		if (out.n)
			send_out(r, &out);
		buf_reset(&out);
		handle(r, &event, &out);
	}
	if (!r->session || stream->phase != STREAM_OPEN)
		return octets.n;
	if (out.n)
		send_out(r, &out);
	return octets.n - rest.n;
}

static void on_ready(struct stream *stream)
{
	struct relay *r = stream->owner;
	AUTO_BUF struct buf out = { 0 };

	if (!r->session)
		return;
	if (stream->ssl)
		smtp_client_tls_started(&r->client, &out);
	else if (r->session->gate->options->deliver_identity == GATE_IDENTITY_PROXY)
		smtp_proxy_add(&out, 2, &r->session->peer->from, &r->session->peer->to);
	send_out(r, &out);
}

static void on_drained(struct stream *stream)
{
	struct relay *r = stream->owner;

	if (r->session)
		r->ops->drained(r->session);
}

static void on_ended(struct stream *stream, const char *how, const char *why)
{
	(void)how;
	lose(stream->owner, why);
}

static void on_overdue(struct stream *stream)
{
	lose(stream->owner, "the new server does not answer");
}

static void on_gone(struct stream *stream)
{
	struct relay *r = stream->owner;

	smtp_client_fini(&r->client);
	free(r);
}

static const struct stream_ops stream_ops = { .input = on_input,
	                                      .ready = on_ready,
	                                      .drained = on_drained,
	                                      .ended = on_ended,
	                                      .overdue = on_overdue,
	                                      .gone = on_gone };

int relay_open(struct session *s, const struct relay_ops *ops, struct error *err)
{
	struct gate *g = s->gate;
	const struct gate_address *to = s->submission ? &g->options->submission_to
	                                              : &g->options->deliver_to;
	struct relay *r = xcalloc(1, sizeof *r);

	r->session = s;
	r->ops = ops;
	if (stream_connect(&r->stream, &g->loop, &to->any, to->size, &stream_ops, r, err) < 0) {
		free(r);
		return -1;
	}
	smtp_client_init(&r->client, &g->relay);
	stream_deadline(&r->stream, CONNECT_MS);
	s->relay = r;
	return 0;
}

int gate_relay_prepare(struct gate *g, struct error *err)
{
	const struct gate_options *o = g->options;

	g->relay = (struct smtp_client_options){
		.name = g->name,
		.xclient = o->deliver_identity == GATE_IDENTITY_XCLIENT,
		.no_chunking = true,
		.tls = o->deliver_tls == GATE_TLS_MUST    ? SMTP_TLS_MUST
		       : o->deliver_tls == GATE_TLS_NEVER ? SMTP_TLS_NEVER
		                                          : SMTP_TLS_MAY,
	};
	g->client_tls = gate_tls_client(o->deliver_ca, err);
	return g->client_tls ? 0 : -1;
}
