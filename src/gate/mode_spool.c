/* SPDX-License-Identifier: BSD-2-Clause */

/* mode_spool -- a message is taken, durable before its 250, and given out later (gate/deliver.h). */

#include "gate/modes.h"

#include "base/clock.h"
#include "gate/deliver.h"
#include "gate/log.h"
#include "smtp/trace.h"
#include "spool/spool.h"

#define HOPS_MAX 100u /* RFC 5321 section 6.3 */

static const char *stay(struct session *s)
{
	(void)s;
	return NULL;
}

static void hello(struct session *s, const struct smtp_event *event)
{
	(void)event;
	smtp_server_reply_hello(&s->smtp, &s->gate->out);
}

static void answer_full(struct session *s)
{
	s->gate->counters.full++;
	session_reply(s, 452, "4.3.1", "No room for that now; please try again later");
}

static void answer_failed(struct session *s)
{
	s->gate->counters.failed++;
	session_reply(s, 451, "4.3.0", "Can't keep that now; please try again later");
}

static void mail(struct session *s, const struct smtp_event *event)
{
	enum spool_outcome room = spool_may_take(s->gate->spool, event->size);

	if (room == SPOOL_FULL) {
		answer_full(s);
	} else if (room == SPOOL_FAILED) {
		answer_failed(s);
	} else {
		session_begin_mail(s, event);
		session_reply(s, 250, "2.1.0", "Ok");
	}
}

static void recipient(struct session *s, const struct smtp_event *event)
{
	if (!mode_ask_recipients(s, event))
		return;
	session_add_recipient(s, event);
	session_reply(s, 250, "2.1.5", "Ok");
}

static void data(struct session *s)
{
	session_reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static void refuse(struct session *s, const char *why)
{
	struct transaction *t = s->mail;

	t->bad = true;
	t->why = why;
	spool_abandon(t->ticket);
	t->ticket = NULL;
}

static void add(struct session *s, struct span octets)
{
	if (!spool_add(s->mail->ticket, octets))
		session_choke(s);
}

/* Our own line comes first: who brought it, when, and under which number it lies here. */
static void begin(struct session *s)
{
	AUTO_BUF struct buf trace = { 0 };
	struct transaction *t = s->mail;
	struct smtp_peer *peer = session_peer(s);
	char id[17];

	t->ticket = spool_begin(s->gate->spool);
	peer->arrived_ms = clock_wall_ms();
	smtp_trace_add(&trace, peer, &t->envelope, s->gate->name,
	               spool_id_text(id, spool_ticket_id(t->ticket)));
	add(s, buf_span(&trace));
}

static void body(struct session *s, struct span octets)
{
	struct transaction *t = s->mail;

	if (!t || t->bad)
		return;
	if (!t->ticket)
		begin(s);
	if (!t->header.done) {
		smtp_header_look(&t->header, octets);
		if (t->header.octets > s->gate->options->header_size)
			return refuse(s, "header");
		if (t->header.hops > HOPS_MAX)
			return refuse(s, "loop");
	}
	t->octets += octets.n;
	add(s, octets);
}

static void chunk(struct session *s)
{
	(void)s;
}

static void chunk_end(struct session *s)
{
	session_reply(s, 250, "2.0.0", "Ok");
}

/* ── the end of a message ────────────────────────────────────────────────────────────────────── */

static void log_taken(struct session *s, const char *id)
{
	const struct transaction *t = s->mail;
	struct buf *line = gate_log_begin();

	buf_addf(line, "taken id=%s session=%llu client=[%s]:%u", id, (unsigned long long)s->number,
	         s->peer->from.address, s->peer->from.port);
	gate_log_path(line, "from", span_of(t->envelope.sender));
	for (size_t i = 0; i < t->envelope.recipients_n; i++)
		gate_log_path(line, "to", span_of(t->envelope.recipients[i].address));
	buf_addf(line, " size=%llu", (unsigned long long)t->octets);
	gate_log_end();
}

static void done(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct session *s = context;
	struct gate *g = s->gate;
	char text[17], words[64];

	spool_id_text(text, id);
	if (outcome == SPOOL_DURABLE) {
		g->counters.taken++;
		g->counters.taken_octets += s->mail->octets;
		s->messages++;
		log_taken(s, text);
		(void)snprintf(words, sizeof words, "Ok: kept as %s", text);
		session_reply(s, 250, "2.0.0", words);
		if (g->deliver)
			deliver_wake(g->deliver);
	} else if (outcome == SPOOL_FULL) {
		answer_full(s);
	} else {
		gate_log("spool failed session=%llu why=\"%s\"", (unsigned long long)s->number,
		         why);
		answer_failed(s);
	}
	session_end_mail(s);
	session_answered(s);
}

static void answer_bad(struct session *s)
{
	s->gate->counters.too_big++;
	if (!strcmp(s->mail->why, "loop"))
		session_reply(s, 554, "5.4.6", "Too many Received lines: a mail loop");
	else
		session_reply(s, 552, "5.3.4", "The header is too big");
	session_end_mail(s);
}

static void message(struct session *s, uint64_t octets)
{
	struct transaction *t = s->mail;
	struct spool_ticket *ticket;

	(void)octets;
	if (t->bad)
		return answer_bad(s);
	if (!t->ticket)
		begin(s);
	ticket = t->ticket;
	t->ticket = NULL;
	session_wait(s);
	spool_finish(ticket, &t->envelope, s->peer, done, s);
}

static void reset(struct session *s)
{
	spool_abandon(s->mail->ticket);
	s->mail->ticket = NULL;
}

static void auth(struct session *s, const struct smtp_event *event)
{
	(void)event; /* it is not offered */
	session_reply(s, 503, "5.5.1", "Not here");
}

static void left(struct session *s)
{
	if (s->waiting)
		spool_forget(s->gate->spool, s);
}

const struct mode mode_spool = {
	.name = "spool",
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
