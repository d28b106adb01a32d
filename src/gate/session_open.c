/* SPDX-License-Identifier: BSD-2-Clause */

/* session_open -- a connection becomes a session: limits, PROXY, TLS from the first octet on, greeting. */

#include "base/memory.h"
#include "gate/log.h"
#include "gate/modes.h"
#include "gate/session_inside.h"
#include "gate/turnaway.h"

#include <unistd.h>

#define PROXY_MS 10000

static void count_refusal(struct gate_counters *n, enum gate_admission why)
{
	*(why == GATE_CROWDED    ? &n->crowded
	  : why == GATE_TOO_MANY ? &n->too_many
	                         : &n->too_fast) += 1;
}

/* A storm must be cheap: one line to the client, one to the log, no session. */
static void refuse(struct gate *g, const struct listener *l, int fd,
                   const struct gate_address *from, enum gate_admission why)
{
	static const char *const words[] = {
		[GATE_CROWDED] = "Too many connections",
		[GATE_TOO_MANY] = "Too many connections from your address",
		[GATE_TOO_FAST] = "Connections from your address come too fast",
	};
	char line[600], host[INET6_ADDRSTRLEN];
	int n;

	count_refusal(&g->counters, why);
	if (g->mode == GATE_DEFER)
		n = snprintf(line, sizeof line, "421 4.3.2 %s\r\n", g->defer_text);
	else
		n = snprintf(line, sizeof line, "421 4.7.0 %.255s %s; please try again later\r\n",
		             g->name, words[why]);
	if (!l->tls && n > 0 && n < (int)sizeof line)
		(void)send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
	gate_log("client=[%s]:%u port=%u end=crowd said=\"\" why=\"%s\"",
	         gate_address_host(from, host), from->size ? gate_address_port(from) : 0, l->port,
	         words[why]);
}

static uint32_t offers_of(const struct session *s)
{
	const struct gate *g = s->gate;
	uint32_t offers = SMTP_OFFER_ALL_MAIL;

	if (gate_tls_server(g->tls) && !s->stream.ssl)
		offers |= SMTP_OFFER_STARTTLS;
	if (gate_networks_hold(&g->options->xclient_from, &s->from))
		offers |= SMTP_OFFER_XCLIENT;
	return offers;
}

static void turn_away(struct session *s)
{
	struct buf *out = &s->gate->out;

	s->turned = xcalloc(1, sizeof *s->turned);
	s->end = "timeout";
	(void)gate_reply_make(s->gate->name, s->gate->options->text, out);
	session_send(s);
	s->gate->counters.deferred++;
	stream_deadline(&s->stream, (int64_t)s->gate->options->patience_s * 1000);
}

void session_greet(struct session *s)
{
	s->greeted = true;
	s->mode = mode_for(s);
	if (s->mode->turn_away(s)) {
		turn_away(s);
		return;
	}
	smtp_server_init(&s->smtp, &s->gate->smtp, offers_of(s));
	s->smtp.tls = s->stream.ssl != NULL;
	smtp_server_greet(&s->smtp, &s->gate->out, NULL);
	session_send(s);
	session_set_deadline(s);
}

static void link_in(struct session *s)
{
	struct gate *g = s->gate;

	s->next = g->sessions;
	if (s->next)
		s->next->previous = s;
	g->sessions = s;
	g->counters.sessions++;
}

/* True when a handshake goes first. A gate without a certificate that only defers answers in clear, so
 * that the client has at least an error. */
static bool begins_with_tls(const struct session *s)
{
	return s->listener->tls && gate_tls_server(s->gate->tls);
}

void session_open(struct gate *g, const struct listener *l, int fd)
{
	struct gate_address from;
	enum gate_admission admission;
	struct gate_key key;
	struct session *s;
	struct error err;

	if (!gate_address_of_socket(fd, false, &from)) {
		(void)close(fd); /* it has gone already */
		return;
	}
	key = gate_address_key(&from, false);
	admission = gate_limits_enter(g->limits, key, loop_now_ms(&g->loop));
	if (admission != GATE_ADMITTED) {
		refuse(g, l, fd, &from, admission);
		return;
	}
	g->counters.accepted++;
	s = xcalloc(1, sizeof *s);
	s->gate = g;
	s->listener = l;
	s->from = from;
	s->key = key;
	s->counted = true;
	s->number = ++g->next_session;
	s->submission = l->role == GATE_ROLE_SUBMISSION;
	s->end = "error";
	link_in(s);
	if (stream_open_fd(&s->stream, &g->loop, fd, &session_ops, s, &err) < 0) {
		session_forget(s);
		return;
	}
	s->proxy_due = gate_networks_hold(&g->options->proxy_from, &from);
	if (s->proxy_due)
		stream_deadline(&s->stream, PROXY_MS);
	else if (begins_with_tls(s))
		session_start_tls(s);
	else
		session_greet(s);
}
