/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mode_relay -- each question is passed on to the new server, and its answer is ours. What is not passed
 * on: STARTTLS, VRFY, NOOP, RSET (answered here, said there before the next MAIL), and recipients that
 * are none of ours. BDAT arrives there as DATA: each octet has been through smtp/body.h, so that the
 * new server sees the same end of the message that we saw.
 *
 * No Received line is added: the new server adds its own, with the client's address, as if we were not
 * there.
 */

#include "base/memory.h"
#include "gate/log.h"
#include "gate/modes.h"
#include "gate/relay.h"
#include "spool/spool.h"

/* What the next answer is for. */
enum relay_wait {
	RELAY_NOTHING,
	RELAY_HELLO,   /* a connection, for an EHLO */
	RELAY_CONNECT, /* a connection, for the MAIL that is kept */
	RELAY_RESET,   /* RSET, before the MAIL that is kept */
	RELAY_MAIL,
	RELAY_RECIPIENT,
	RELAY_DATA,  /* 354 goes to the client */
	RELAY_CHUNK, /* 354 is for ourselves: the client has begun with BDAT */
	RELAY_MESSAGE,
	RELAY_AUTH,
};

/* Of a chunked message: what the client is to be answered when 354 has come. */
enum relay_owed { OWED_NOTHING, OWED_CHUNK, OWED_MESSAGE };

static const struct relay_ops ops;

static const char *stay(struct session *s)
{
	(void)s;
	return NULL;
}

static void wait_for(struct session *s, enum relay_wait what)
{
	s->relay_wait = (uint8_t)what;
	session_wait(s);
}

/* ── no new server ───────────────────────────────────────────────────────────────────────────── */

static bool is_down(const struct session *s)
{
	return loop_now_ms(&s->gate->loop) < s->gate->relay_down_until_ms;
}

/* The transaction's beginning is answered without the new server. */
static void answer_mail_alone(struct session *s)
{
	const struct gate_options *o = s->gate->options;

	s->gate->counters.relay_unreached++;
	if (o->unreachable == GATE_UNREACHABLE_SPOOL && s->gate->spool && !s->submission &&
	    spool_may_take(s->gate->spool, s->mail->envelope.size) == SPOOL_DURABLE) {
		s->mode = &mode_spool;
		session_reply(s, 250, "2.1.0", "Ok");
		return;
	}
	session_end_mail(s);
	session_reply(s, 451, "4.4.1", "The server behind can't be reached now");
}

static void lost(struct session *s, const char *why, bool was_there)
{
	enum relay_wait what = s->relay_wait;

	gate_log("relay lost session=%llu why=\"%s\"", (unsigned long long)s->number, why);
	s->relay_wait = RELAY_NOTHING;
	s->relay_dirty = false;
	if (!was_there)
		s->gate->relay_down_until_ms = loop_now_ms(&s->gate->loop) + GATE_RELAY_DOWN_MS;
	if (what == RELAY_HELLO)
		smtp_server_reply_hello(&s->smtp, &s->gate->out);
	else if (what == RELAY_CONNECT || what == RELAY_RESET || what == RELAY_MAIL)
		answer_mail_alone(s);
	else if (s->waiting || s->mail) {
		/* half a transaction can't be mended: the client keeps its mail */
		session_end_mail(s);
		s->waiting = false;
		session_dismiss(s, "4.4.2", "The server behind is gone; please try again", "lost");
		return;
	}
	if (s->waiting)
		session_answered(s);
}

/* Connects, for what is in s->relay_wait. False: it can't even begin, and that was answered. */
static bool connect_for(struct session *s, enum relay_wait what)
{
	struct error err;

	if (!is_down(s) && relay_open(s, &ops, &err) == 0) {
		wait_for(s, what);
		return true;
	}
	return false;
}

/* ── beginnings ──────────────────────────────────────────────────────────────────────────────── */

/* What the client is offered is what the new server can do, and what we do ourselves. */
static void take_offers(struct session *s)
{
	const struct smtp_client *c = relay_client(s->relay);
	const uint32_t theirs = SMTP_OFFER_SIZE | SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8 |
	                        SMTP_OFFER_DSN;

	s->smtp.offers |= SMTP_OFFER_ALL_MAIL;
	s->smtp.offers &= ~(theirs & ~c->offers);
	s->smtp.offers &= ~(uint32_t)SMTP_OFFER_AUTH;
	/* a password is for the new server, and for nobody on the way */
	if (s->submission && c->auth.n && s->stream.ssl) {
		s->smtp.offers |= SMTP_OFFER_AUTH;
		s->smtp.auth = buf_text(&c->auth);
	}
}

static void hello(struct session *s, const struct smtp_event *event)
{
	(void)event;
	/* told anew who the client is, by a new connection: XCLIENT is said once */
	relay_drop(s);
	s->relay_dirty = false;
	if (!connect_for(s, RELAY_HELLO))
		smtp_server_reply_hello(&s->smtp, &s->gate->out);
}

static void say_mail(struct session *s)
{
	wait_for(s, RELAY_MAIL);
	relay_command(s->relay, buf_span(&s->mail->relay_line));
}

/* The session said EHLO when another mode, or no connection, offered more than this server has. */
static bool asks_too_much(const struct session *s)
{
	const struct smtp_envelope *e = &s->mail->envelope;
	uint32_t wants = (e->utf8 ? SMTP_OFFER_SMTPUTF8 : 0) |
	                 (e->body != SMTP_BODY_NONE ? SMTP_OFFER_8BITMIME : 0) |
	                 (e->size ? SMTP_OFFER_SIZE : 0) |
	                 (e->envid || e->ret ? SMTP_OFFER_DSN : 0);

	return (wants & ~relay_client(s->relay)->offers) != 0;
}

static void answer_begin_again(struct session *s)
{
	session_end_mail(s);
	session_reply(s, 451, "4.3.0", "Please begin again with EHLO");
}

static void ready(struct session *s)
{
	enum relay_wait what = s->relay_wait;

	s->relay_wait = RELAY_NOTHING;
	s->gate->relay_down_until_ms = 0;
	if (what == RELAY_HELLO) {
		take_offers(s);
		smtp_server_reply_hello(&s->smtp, &s->gate->out);
		session_answered(s);
	} else if (what == RELAY_CONNECT && asks_too_much(s)) {
		answer_begin_again(s);
		session_answered(s);
	} else if (what == RELAY_CONNECT) {
		say_mail(s);
	}
}

static void mail(struct session *s, const struct smtp_event *event)
{
	struct transaction *t = session_begin_mail(s, event);

	buf_add_span(&t->relay_line, event->line);
	if (!s->relay) {
		if (!connect_for(s, RELAY_CONNECT))
			answer_mail_alone(s);
		return;
	}
	if (asks_too_much(s))
		return answer_begin_again(s);
	if (!s->relay_dirty) {
		say_mail(s);
		return;
	}
	wait_for(s, RELAY_RESET);
	relay_command(s->relay, SPAN("RSET"));
}

static bool may_relay(const struct session *s, const struct smtp_event *event)
{
	if (s->submission && s->authenticated)
		return true;
	/* the new server judges by the client's address, and has to be told it */
	if (mode_is_relay_client(s) && s->gate->options->deliver_identity != GATE_IDENTITY_NONE)
		return true;
	return gate_recipients_ask(s->gate->recipients, &event->address) != GATE_FOREIGN;
}

static void recipient(struct session *s, const struct smtp_event *event)
{
	/* who is there, the new server knows; what is ours at all, it may not ask us */
	if (!may_relay(s, event)) {
		(void)mode_ask_recipients(s, event);
		return;
	}
	if (!s->relay)
		return session_dismiss(s, "4.4.2", "The server behind is gone; please try again",
		                       "lost");
	wait_for(s, RELAY_RECIPIENT);
	relay_command(s->relay, event->line);
}

/* ── the message ─────────────────────────────────────────────────────────────────────────────── */

static void data(struct session *s)
{
	if (!s->relay)
		return session_dismiss(s, "4.4.2", "The server behind is gone; please try again",
		                       "lost");
	wait_for(s, RELAY_DATA);
	relay_command(s->relay, SPAN("DATA"));
}

static void pass(struct session *s, struct span octets)
{
	s->mail->octets += octets.n;
	relay_body(s->relay, octets);
	if (relay_is_full(s->relay))
		session_choke(s);
}

static void chunk(struct session *s)
{
	if (!s->relay || !s->mail || s->mail->in_body || s->relay_wait == RELAY_CHUNK ||
	    s->mail->bad)
		return;
	s->relay_wait = RELAY_CHUNK;
	relay_command(s->relay, SPAN("DATA"));
	session_choke(s); /* what the client has sent already is kept; no more is heard */
}

static void body(struct session *s, struct span octets)
{
	struct transaction *t = s->mail;

	if (!t || t->bad || !s->relay)
		return;
	if (s->relay_wait == RELAY_CHUNK)
		buf_add_span(&t->early, octets);
	else
		pass(s, octets);
}

static void chunk_end(struct session *s)
{
	if (s->relay_wait == RELAY_CHUNK) {
		s->mail->owed = OWED_CHUNK;
		session_wait(s);
	} else {
		session_reply(s, 250, "2.0.0", "Ok");
	}
}

static void end_message(struct session *s)
{
	wait_for(s, RELAY_MESSAGE);
	relay_end(s->relay);
}

static void message(struct session *s, uint64_t octets)
{
	(void)octets;
	if (!s->relay) {
		session_end_mail(s);
		session_dismiss(s, "4.4.2", "The server behind is gone; please try again", "lost");
	} else if (s->relay_wait == RELAY_CHUNK) {
		s->mail->owed = OWED_MESSAGE;
		session_wait(s);
	} else {
		end_message(s);
	}
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

static void log_message(struct session *s, const struct smtp_reply *reply)
{
	struct buf *line = gate_log_begin();
	AUTO_BUF struct buf words = { 0 };

	smtp_reply_show(&words, reply);
	buf_addf(line, "relayed session=%llu client=[%s]:%u", (unsigned long long)s->number,
	         s->peer->from.address, s->peer->from.port);
	gate_log_path(line, "from", span_of(s->mail->envelope.sender));
	buf_addf(line, " size=%llu", (unsigned long long)s->mail->octets);
	gate_log_quoted(line, "answer", buf_span(&words));
	gate_log_end();
}

static void forward(struct session *s, const struct smtp_reply *reply)
{
	smtp_server_forward(&s->smtp, &s->gate->out, reply);
}

/* The answer to the DATA that a BDAT of the client's became. */
static void answer_chunk(struct session *s, const struct smtp_reply *reply)
{
	struct transaction *t = s->mail;
	unsigned owed = t->owed;

	t->owed = OWED_NOTHING;
	if (reply->code == 354) {
		t->in_body = true;
		pass(s, buf_span(&t->early));
		buf_fini(&t->early);
		if (owed == OWED_MESSAGE) {
			end_message(s);
			return;
		}
		if (owed == OWED_CHUNK)
			session_reply(s, 250, "2.0.0", "Ok");
	} else {
		t->bad = true;
		buf_fini(&t->early);
		if (owed == OWED_NOTHING) {
			/* in the middle of a chunk nothing can be said but good-bye */
			session_end_mail(s);
			session_dismiss(s, "4.3.0", "The server behind does not take it", "lost");
			return;
		}
		forward(s, reply);
		session_end_mail(s);
	}
	if (owed != OWED_NOTHING)
		session_answered(s);
	if (!s->relay || !relay_is_full(s->relay))
		session_unchoke(s);
}

static void answer_message(struct session *s, const struct smtp_reply *reply)
{
	bool good = smtp_reply_class(reply) == 2;

	*(good ? &s->gate->counters.relayed : &s->gate->counters.relay_refused) += 1;
	s->messages += good;
	log_message(s, reply);
	s->relay_dirty = false;
	s->mail->in_body = false;
	session_unchoke(s);
	forward(s, reply);
	session_end_mail(s);
}

static void answer(struct session *s, const struct smtp_reply *reply)
{
	enum relay_wait what = s->relay_wait;
	bool good = smtp_reply_class(reply) == 2;

	s->relay_wait = RELAY_NOTHING;
	switch (what) {
	case RELAY_RESET:
		s->relay_dirty = false;
		say_mail(s);
		return;
	case RELAY_CHUNK:
		answer_chunk(s, reply);
		return;
	case RELAY_MAIL:
		s->relay_dirty = good;
		if (!good)
			session_end_mail(s);
		forward(s, reply);
		break;
	case RELAY_DATA:
		s->mail->in_body = reply->code == 354;
		forward(s, reply);
		break;
	case RELAY_MESSAGE:
		answer_message(s, reply);
		break;
	case RELAY_AUTH:
		s->authenticated = reply->code == 235;
		forward(s, reply);
		break;
	case RELAY_RECIPIENT:
		s->gate->counters.recipients_taken += good;
		if (smtp_reply_class(reply) == 5)
			smtp_server_count_error(&s->smtp);
		forward(s, reply);
		break;
	case RELAY_HELLO:
	case RELAY_CONNECT:
	case RELAY_NOTHING:
		return; /* nobody waits for it */
	}
	session_answered(s);
}

static void drained(struct session *s)
{
	if (s->relay_wait != RELAY_CHUNK)
		session_unchoke(s);
}

/* A message that is half there can only be taken back by hanging up: its end is never said. */
static void reset(struct session *s)
{
	if (s->mail->in_body || s->relay_wait == RELAY_CHUNK)
		relay_drop(s);
	buf_fini(&s->mail->early);
}

static void auth(struct session *s, const struct smtp_event *event)
{
	if (!s->relay || !s->submission) {
		session_reply(s, 454, "4.7.0", "Can't ask for that now");
		return;
	}
	wait_for(s, RELAY_AUTH);
	relay_command(s->relay, event->kind == SMTP_EVENT_AUTH_LINE ? event->rest : event->line);
}

static void left(struct session *s)
{
	(void)s;
}

static const struct relay_ops ops = {
	.ready = ready, .answer = answer, .drained = drained, .lost = lost
};

const struct mode mode_relay = {
	.name = "relay",
	.turn_away = stay,
	.hello = hello,
	.mail = mail,
	.recipient = recipient,
	.data = data,
	.body = body,
	.chunk = chunk,
	.chunk_end = chunk_end,
	.message = message,
	.reset = reset,
	.auth = auth,
	.left = left,
};
