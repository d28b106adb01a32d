/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/deliver_inside.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

#define REPLY_KEPT 512u /* octets of a reply that go on record */

static const char *const words[] = {
	[SPOOL_PENDING] = "deferred",
	[SPOOL_DELIVERED] = "delivered",
	[SPOOL_HELD] = "held",
	[SPOOL_DROPPED] = "dropped",
};

/* ── loading ─────────────────────────────────────────────────────────────────────────────────── */

/* The recipients that still wait. */
static void find_pending(const struct deliver *d, struct deliver_message *m)
{
	uint32_t n = 0;
	const uint8_t *states = spool_states(d->spool, m->due.id, &n);

	m->pending_n = 0;
	for (uint32_t i = 0; states && i < n && i < m->envelope->recipients_n; i++)
		if (states[i] == SPOOL_PENDING) {
			ARRAY_GROW(m->pending, m->pending_n, m->pending_room);
			m->pending[m->pending_n++] = i;
		}
	free(m->told);
	m->told = xcalloc(m->envelope->recipients_n ? m->envelope->recipients_n : 1,
	                  sizeof *m->told);
}

enum deliver_loaded deliver_message_load(struct deliver *d, struct deliver_message *m,
                                         void (*fetched)(void *context), void *context)
{
	struct error err = { 0 };

	if (!m->reader)
		m->reader = spool_reader_open(d->spool, m->due.id);
	if (!m->reader)
		return DELIVER_UNREADABLE; /* dropped by a person meanwhile */
	switch (spool_read_envelope(m->reader, false, &m->envelope, &m->peer, &err)) {
	case SPOOL_OK:
	case SPOOL_END:
		find_pending(d, m);
		return DELIVER_LOADED;
	case SPOOL_NOT_NOW:
		m->envelope = NULL;
		m->fetching = true;
		spool_fetch(m->reader, fetched, context);
		return DELIVER_LOADING;
	case SPOOL_BROKEN:
		break;
	}
	m->envelope = NULL;
	deliver_message_hold(d, m, err.text);
	return DELIVER_UNREADABLE;
}

/* ── whether it may go out here ──────────────────────────────────────────────────────────────── */

const char *deliver_message_obstacle(const struct deliver_message *m, uint32_t offers)
{
	if (m->envelope->utf8 && !(offers & SMTP_OFFER_SMTPUTF8))
		return "not asked: the message was brought with SMTPUTF8, which the server does "
		       "not "
		       "offer";
	if (m->envelope->body == SMTP_BODY_8BITMIME && !(offers & SMTP_OFFER_8BITMIME))
		return "not asked: the message has octets above 127, and the server does not offer "
		       "8BITMIME";
	return NULL;
}

/* ── what became of it ───────────────────────────────────────────────────────────────────────── */

static void add_verdict(struct deliver_message *m, size_t recipient, enum spool_state state,
                        struct span reply)
{
	ARRAY_GROW(m->verdicts, m->verdicts_n, m->verdicts_room);
	m->verdicts[m->verdicts_n++] = (struct deliver_verdict){
		.recipient = (uint32_t)recipient,
		.state = state,
		.reply_at = m->replies.n,
		.reply_n = reply.n < REPLY_KEPT ? reply.n : REPLY_KEPT,
	};
	buf_add(&m->replies, reply.p, reply.n < REPLY_KEPT ? reply.n : REPLY_KEPT);
}

void deliver_message_verdict(struct deliver *d, struct deliver_message *m,
                             const struct smtp_client_event *event)
{
	AUTO_BUF struct buf reply = { 0 };
	enum spool_state state = SPOOL_PENDING;
	size_t i = event->recipient;

	(void)d;
	if (i >= m->envelope->recipients_n || m->told[i])
		return;
	m->told[i] = true;
	if (smtp_reply_class(event->reply) == 2)
		state = SPOOL_DELIVERED;
	else if (smtp_reply_class(event->reply) == 5)
		state = SPOOL_HELD;
	if (event->ours)
		buf_add_text(&reply, "not asked: ");
	smtp_reply_show(&reply, event->reply);
	add_verdict(m, i, state, buf_span(&reply));
}

static struct span reply_of(const struct deliver_message *m, const struct deliver_verdict *v)
{
	return (struct span){ m->replies.p + v->reply_at, v->reply_n };
}

static void log_verdict(struct deliver *d, const struct deliver_message *m,
                        const struct deliver_verdict *v, int64_t delay_ms)
{
	AUTO_BUF struct buf line = { 0 };
	char id[17];

	buf_addf(&line, "give-out id=%s state=%s", spool_id_text(id, m->due.id), words[v->state]);
	if (m->envelope) {
		deliver_log_text(&line, "from", span_of(m->envelope->sender));
		deliver_log_text(&line, "to",
		                 span_of(m->envelope->recipients[v->recipient].address));
	}
	if (m->peer)
		deliver_log_text(&line, "client", span_of(m->peer->from.address));
	buf_addf(&line, " server=%s", d->options.to_text);
	deliver_log_text(&line, "reply", reply_of(m, v));
	if (v->state == SPOOL_PENDING)
		buf_addf(&line, " again_in=%lld", (long long)(delay_ms / 1000));
	if (m->due.arrived_ms)
		buf_addf(&line, " age=%lld",
		         (long long)((clock_wall_ms() - m->due.arrived_ms) / 1000));
	deliver_log(d, &line);
}

static void record(struct deliver *d, struct deliver_message *m)
{
	AUTO_FREE struct spool_result *results = NULL;
	size_t pending = 0, delivered = 0;
	int64_t delay = 0;

	results = xcalloc(m->verdicts_n ? m->verdicts_n : 1, sizeof *results);
	for (size_t i = 0; i < m->verdicts_n; i++) {
		const struct deliver_verdict *v = &m->verdicts[i];

		results[i] = (struct spool_result){ .recipient = v->recipient,
			                            .state = v->state,
			                            .reply = reply_of(m, v) };
		pending += v->state == SPOOL_PENDING;
		delivered += v->state == SPOOL_DELIVERED;
	}
	if (pending)
		delay = deliver_delay_ms(d, m->due.attempts, d->options.retry_least_ms,
		                         d->options.retry_most_ms);
	/* first of all: this is what a crash must not forget */
	d->recording += pending != 0;
	spool_settle(d->spool, m->due.id, results, m->verdicts_n, delay,
	             pending ? deliver_recorded : NULL, d);
	d->status.deferred += pending;
	d->status.delivered += delivered;
	d->status.held += m->verdicts_n - pending - delivered;
	d->status.messages += m->verdicts_n && delivered == m->verdicts_n;
	for (size_t i = 0; i < m->verdicts_n; i++)
		log_verdict(d, m, &m->verdicts[i], delay);
	m->verdicts_n = 0;
}

void deliver_message_settle(struct deliver *d, struct deliver_message *m, const char *why)
{
	for (size_t i = 0; i < m->pending_n; i++)
		if (!m->told[m->pending[i]])
			add_verdict(m, m->pending[i], SPOOL_PENDING, span_of(why));
	record(d, m);
	deliver_message_fini(m);
}

void deliver_message_hold(struct deliver *d, struct deliver_message *m, const char *why)
{
	uint32_t n = 0;
	const uint8_t *states = spool_states(d->spool, m->due.id, &n);

	for (uint32_t i = 0; states && i < n; i++)
		if (states[i] == SPOOL_PENDING && (!m->envelope || !m->told[i]))
			add_verdict(m, i, SPOOL_HELD, span_of(why));
	record(d, m);
	deliver_message_fini(m);
}

void deliver_message_put_back(struct deliver *d, struct deliver_message *m)
{
	spool_put_back(d->spool, m->due.id);
	deliver_message_fini(m);
}

void deliver_message_fini(struct deliver_message *m)
{
	if (!m->fetching) {
		spool_reader_close(m->reader);
		m->reader = NULL;
	}
	m->envelope = NULL;
	m->peer = NULL;
	m->due = (struct spool_due){ 0 };
	m->pending_n = m->verdicts_n = 0;
	free(m->told);
	m->told = NULL;
	buf_reset(&m->replies);
}
