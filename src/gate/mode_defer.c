/* SPDX-License-Identifier: BSD-2-Clause */

/* mode_defer -- nothing is taken: 421 at once, or 451 to each transaction. */

#include "gate/modes.h"

static const char *turn_away(struct session *s)
{
	return s->gate->options->defer_at == GATE_DEFER_AT_GREETING ? s->gate->defer_text : NULL;
}

static void answer(struct session *s)
{
	s->gate->counters.deferred++;
	session_reply(s, 451, "4.3.2", s->gate->options->text);
}

static void hello(struct session *s, const struct smtp_event *event)
{
	(void)event;
	smtp_server_reply_hello(&s->smtp, &s->gate->out);
}

static void answer_command(struct session *s, const struct smtp_event *event)
{
	(void)event;
	answer(s);
}

/* A transaction that has begun in another mode is finished there; none gets here. */
static void body(struct session *s, struct span octets)
{
	(void)s;
	(void)octets;
}

static void message(struct session *s, uint64_t octets)
{
	(void)octets;
	answer(s);
}

static void nothing(struct session *s)
{
	(void)s;
}

const struct mode mode_defer = {
	.name = "defer",
	.turn_away = turn_away,
	.hello = hello,
	.mail = answer_command,
	.recipient = answer_command,
	.data = answer,
	.body = body,
	.chunk = nothing,
	.chunk_end = answer,
	.message = message,
	.reset = nothing,
	.auth = answer_command,
	.left = nothing,
};
