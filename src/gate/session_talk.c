/* SPDX-License-Identifier: BSD-2-Clause */

/* session_talk -- the engine's questions: what is the same in every mode is answered here, the rest by
 * the mode. */

#include "base/memory.h"
#include "gate/log.h"
#include "gate/modes.h"
#include "gate/relay.h"
#include "gate/session_inside.h"

struct smtp_peer *session_peer(struct session *s)
{
	struct smtp_peer *p = s->peer;
	char host[INET6_ADDRSTRLEN];
	struct gate_address own;

	if (!p) {
		p = s->peer = xcalloc(1, sizeof *p);
		(void)snprintf(p->from.address, sizeof p->from.address, "%s",
		               gate_address_host(&s->from, host));
		p->from.port = gate_address_port(&s->from);
		if (gate_address_of_socket(s->stream.fd, true, &own)) {
			(void)snprintf(p->to.address, sizeof p->to.address, "%s",
			               gate_address_host(&own, host));
			p->to.port = gate_address_port(&own);
		}
	}
	if (s->stream.ssl && !p->tls_version) {
		p->tls_version = xstrdup(stream_tls_version(&s->stream));
		p->tls_cipher = xstrdup(stream_tls_cipher(&s->stream));
	}
	return p;
}

/* ── the message under way ───────────────────────────────────────────────────────────────────── */

struct transaction *session_begin_mail(struct session *s, const struct smtp_event *event)
{
	struct transaction *t = s->mail = xcalloc(1, sizeof *t);

	smtp_text_set(&t->envelope.sender, event->address.text.p ? event->address.text : SPAN(""));
	if (event->envid.n)
		smtp_text_set(&t->envelope.envid, event->envid);
	t->envelope.ret = event->ret;
	t->envelope.body = event->body;
	t->envelope.utf8 = event->utf8;
	t->envelope.size = event->size;
	return t;
}

void session_add_recipient(struct session *s, const struct smtp_event *event)
{
	struct smtp_recipient *r = smtp_envelope_add(&s->mail->envelope, event->address.text);

	r->notify = event->notify;
	if (event->orcpt.n)
		smtp_text_set(&r->orcpt, event->orcpt);
}

void session_end_mail(struct session *s)
{
	struct transaction *t = s->mail;

	if (!t)
		return;
	s->mode->reset(s);
	s->mail = NULL;
	smtp_envelope_fini(&t->envelope);
	buf_fini(&t->relay_line);
	free(t);
}

/* ── questions ───────────────────────────────────────────────────────────────────────────────── */

/* The gate's mode of now. Between two transactions a connection to the new server is of no use to the
 * other modes. */
static void take_mode(struct session *s)
{
	s->mode = mode_for(s);
	if (s->mode != &mode_relay)
		relay_drop(s);
}

static void answer_hello(struct session *s, const struct smtp_event *event)
{
	struct smtp_peer *p;

	session_end_mail(s);
	take_mode(s);
	p = session_peer(s);
	smtp_text_set(&p->helo, event->host);
	p->esmtp = event->esmtp;
	s->mode->hello(s, event);
}

static void answer_starttls(struct session *s)
{
	session_reply(s, 220, "2.0.0", "Ready to start TLS");
	s->starting_tls = true;
}

static void answer_xclient(struct session *s, const struct smtp_event *event)
{
	session_end_mail(s);
	smtp_xclient_apply(&event->xclient, session_peer(s));
	smtp_server_reply_xclient(&s->smtp, &s->gate->out);
}

/* The mode that it begins in is the transaction's to its end. */
static void answer_mail(struct session *s, const struct smtp_event *event)
{
	(void)session_peer(s);
	take_mode(s);
	s->mode->mail(s, event);
}

static void hear_bad_message(struct session *s, const struct smtp_event *event)
{
	struct gate_counters *n = &s->gate->counters;

	*(event->fault == SMTP_BODY_TOO_BIG ? &n->too_big : &n->bad_newlines) += 1;
	gate_log("refused session=%llu fault=%s", (unsigned long long)s->number,
	         event->fault == SMTP_BODY_TOO_BIG   ? "size"
	         : event->fault == SMTP_BODY_BARE_LF ? "bare-lf"
	         : event->fault == SMTP_BODY_BARE_CR ? "bare-cr"
	                                             : "nul");
	session_end_mail(s);
}

static void hear_end(struct session *s, enum smtp_end how)
{
	static const char *const words[] = {
		[SMTP_END_QUIT] = "quit",         [SMTP_END_ERRORS] = "errors",
		[SMTP_END_INJECTED] = "injected", [SMTP_END_FOREIGN] = "foreign",
		[SMTP_END_CALLER] = "dismissed",
	};

	s->end = words[how];
	s->gate->counters.errors += how == SMTP_END_ERRORS;
	session_end_mail(s);
	session_send(s);
	if (how == SMTP_END_INJECTED)
		stream_close(&s->stream);
	else
		stream_end(&s->stream);
}

static void hear_body(struct session *s, struct span octets)
{
	if (s->mail && !s->mail->body_since_ms)
		s->mail->body_since_ms = loop_now_ms(&s->gate->loop);
	s->gate->counters.bytes_in += octets.n;
	s->mode->body(s, octets);
}

void session_handle(struct session *s, const struct smtp_event *event)
{
	switch (event->kind) {
	case SMTP_EVENT_NONE:
		break;
	case SMTP_EVENT_HELLO:
		answer_hello(s, event);
		break;
	case SMTP_EVENT_STARTTLS:
		answer_starttls(s);
		break;
	case SMTP_EVENT_AUTH:
	case SMTP_EVENT_AUTH_LINE:
		s->mode->auth(s, event);
		break;
	case SMTP_EVENT_XCLIENT:
		answer_xclient(s, event);
		break;
	case SMTP_EVENT_MAIL:
		answer_mail(s, event);
		break;
	case SMTP_EVENT_RCPT:
		s->mode->recipient(s, event);
		break;
	case SMTP_EVENT_DATA:
		s->mode->data(s);
		break;
	case SMTP_EVENT_CHUNK:
		s->mode->chunk(s);
		break;
	case SMTP_EVENT_CHUNK_END:
		s->mode->chunk_end(s);
		break;
	case SMTP_EVENT_BODY:
		hear_body(s, event->bytes);
		break;
	case SMTP_EVENT_MESSAGE_END:
		s->mode->message(s, event->octets);
		break;
	case SMTP_EVENT_MESSAGE_BAD:
		hear_bad_message(s, event);
		break;
	case SMTP_EVENT_RSET:
		session_end_mail(s);
		session_reply(s, 250, "2.0.0", "Ok");
		break;
	case SMTP_EVENT_VRFY:
		smtp_server_reply_vrfy(&s->smtp, &s->gate->out);
		break;
	case SMTP_EVENT_END:
		hear_end(s, event->end);
		break;
	}
}
