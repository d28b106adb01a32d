/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/client.h"

#include "smtp/address.h"
#include "smtp/client_inside.h"

#include <stdlib.h>
#include <string.h>

void smtp_client_init(struct smtp_client *c, const struct smtp_client_options *options)
{
	*c = (struct smtp_client){ .options = options };
}

void smtp_client_fini(struct smtp_client *c)
{
	buf_fini(&c->auth);
	smtp_reply_fini(&c->reply);
	smtp_peer_fini(&c->told);
	free(c->accepted);
	*c = (struct smtp_client){ .phase = SMTP_CLIENT_PHASE_OVER };
}

void client_ready(struct smtp_client *c)
{
	c->phase = SMTP_CLIENT_PHASE_READY;
	c->event_told = false;
}

bool client_fail(struct smtp_client *c, struct smtp_client_event *event, enum error_retry retry,
                 const char *what)
{
	AUTO_BUF struct buf said = { 0 };

	event->kind = SMTP_CLIENT_FAILED;
	event->reply = &c->reply;
	event->error = (struct error){ 0 };
	smtp_reply_show(&said, &c->reply);
	if (c->reply.code)
		(void)error_set(&event->error, ERROR_SCOPE_HOST, retry, 0, "%s: %.300s", what,
		                buf_text(&said));
	else
		(void)error_set(&event->error, ERROR_SCOPE_HOST, retry, 0, "%s", what);
	c->phase = SMTP_CLIENT_PHASE_OVER;
	return true;
}

/* The reply is not what it is about. */
static bool fail_unsaid(struct smtp_client *c, struct smtp_client_event *event,
                        enum error_retry retry, const char *what)
{
	c->reply.code = 0;
	return client_fail(c, event, retry, what);
}

/* ── EHLO ────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *keyword;
	uint32_t offer;
} keywords[] = {
	{ "PIPELINING", SMTP_OFFER_PIPELINING },
	{ "SIZE", SMTP_OFFER_SIZE },
	{ "8BITMIME", SMTP_OFFER_8BITMIME },
	{ "SMTPUTF8", SMTP_OFFER_SMTPUTF8 },
	{ "ENHANCEDSTATUSCODES", SMTP_OFFER_ENHANCED },
	{ "DSN", SMTP_OFFER_DSN },
	{ "CHUNKING", SMTP_OFFER_CHUNKING },
	{ "STARTTLS", SMTP_OFFER_STARTTLS },
	{ "XCLIENT", SMTP_OFFER_XCLIENT },
	{ "AUTH", SMTP_OFFER_AUTH },
	{ "VRFY", SMTP_OFFER_VRFY },
};

static void read_keyword(struct smtp_client *c, struct span line)
{
	struct span word;

	if (!span_next_word(&line, &word))
		return;
	for (size_t i = 0; i < ROWS(keywords); i++)
		if (span_is_nocase(word, keywords[i].keyword))
			c->offers |= keywords[i].offer;
	line = span_trim(line);
	if (span_is_nocase(word, "SIZE") && !span_parse_u64(line, &c->size_max))
		c->size_max = 0;
	if (span_is_nocase(word, "XCLIENT"))
		c->xclient_offers = smtp_xclient_offered(line);
	if (span_is_nocase(word, "AUTH")) {
		buf_reset(&c->auth);
		buf_add_span(&c->auth, line);
	}
}

static void read_keywords(struct smtp_client *c)
{
	struct span rest = buf_span(&c->reply.text), line;

	c->offers = c->xclient_offers = 0;
	c->size_max = 0;
	buf_reset(&c->auth);
	(void)span_next_line(&rest, &line); /* its name, and a greeting */
	while (span_next_line(&rest, &line))
		read_keyword(c, line);
}

static void say_hello(struct smtp_client *c, struct span name, struct buf *out)
{
	c->phase = SMTP_CLIENT_PHASE_HELLO;
	buf_add_text(out, c->options->lmtp ? "LHLO " : "EHLO ");
	buf_add_span(out, smtp_host_good(name) ? name : span_of(c->options->name));
	buf_add_text(out, "\r\n");
}

/* What the session does with what the server offers. */
static bool hello_done(struct smtp_client *c, struct buf *out, struct smtp_client_event *event)
{
	enum smtp_tls_want want = c->options->tls;

	if (!c->tls && want != SMTP_TLS_NEVER && c->offers & SMTP_OFFER_STARTTLS) {
		buf_add_text(out, "STARTTLS\r\n");
		c->phase = SMTP_CLIENT_PHASE_STARTTLS;
		return false;
	}
	if (!c->tls && want == SMTP_TLS_MUST)
		return fail_unsaid(c, event, ERROR_RETRY_PERSON, "the server offers no STARTTLS");
	if (c->options->xclient && !c->has_told && !(c->xclient_offers & SMTP_XCLIENT_ADDR))
		return fail_unsaid(c, event, ERROR_RETRY_PERSON,
		                   "the server offers no XCLIENT ADDR to us");
	if (!c->pending)
		client_ready(c);
	else
		client_send_envelope(c, out);
	c->pending = false;
	return false;
}

/* ── one reply ───────────────────────────────────────────────────────────────────────────────── */

static bool take_hello_reply(struct smtp_client *c, struct buf *out,
                             struct smtp_client_event *event)
{
	if (smtp_reply_class(&c->reply) == 2) {
		c->esmtp = c->phase == SMTP_CLIENT_PHASE_HELLO;
		read_keywords(c);
		return hello_done(c, out, event);
	}
	if (smtp_reply_class(&c->reply) == 5 && c->phase == SMTP_CLIENT_PHASE_HELLO &&
	    !c->options->lmtp) {
		c->phase = SMTP_CLIENT_PHASE_HELO;
		buf_addf(out, "HELO %s\r\n", c->options->name);
		return false;
	}
	return client_fail(c, event, ERROR_RETRY_LATER, "the server refuses our greeting");
}

static bool take_starttls_reply(struct smtp_client *c, struct span input, struct buf *out,
                                struct smtp_client_event *event)
{
	if (smtp_reply_class(&c->reply) != 2 && c->options->tls == SMTP_TLS_MUST)
		return client_fail(c, event, ERROR_RETRY_LATER, "the server refuses STARTTLS");
	if (smtp_reply_class(&c->reply) != 2) {
		c->offers &= ~(uint32_t)SMTP_OFFER_STARTTLS;
		return hello_done(c, out, event);
	}
	if (input.n)
		return fail_unsaid(c, event, ERROR_RETRY_LATER,
		                   "octets in clear behind the answer to STARTTLS");
	c->phase = SMTP_CLIENT_PHASE_TLS;
	event->kind = SMTP_CLIENT_STARTTLS;
	return true;
}

static bool take_xclient_reply(struct smtp_client *c, struct buf *out,
                               struct smtp_client_event *event)
{
	if (smtp_reply_class(&c->reply) != 2)
		return client_fail(c, event, ERROR_RETRY_PERSON, "the server refuses our XCLIENT");
	if (--c->xclient_left == 0)
		say_hello(c, span_of(c->told.helo ? c->told.helo : ""), out);
	return false;
}

static bool take_relay_reply(struct smtp_client *c, struct smtp_client_event *event)
{
	if (c->relay_hello && smtp_reply_class(&c->reply) == 2)
		read_keywords(c);
	c->relay_hello = false;
	/* passed on, it would make the client say a message that we take for commands */
	if (c->reply.code == 354 && !c->relay_data)
		return client_fail(c, event, ERROR_RETRY_LATER,
		                   "the server asks for a message that nobody has announced");
	c->relay_data = false;
	event->kind = SMTP_CLIENT_REPLY;
	event->reply = &c->reply;
	if (c->reply.code == 421)
		c->phase = SMTP_CLIENT_PHASE_LOST;
	else if (c->reply.code == 354) /* no command would be taken for one */
		c->phase = SMTP_CLIENT_PHASE_BODY;
	else
		c->phase = SMTP_CLIENT_PHASE_READY;
	c->event_told = true; /* the caller knows that by the reply */
	return true;
}

/* A whole reply is in c->reply. */
static bool take_reply(struct smtp_client *c, struct span input, struct buf *out,
                       struct smtp_client_event *event)
{
	if (c->reply.code == 421 && c->phase != SMTP_CLIENT_PHASE_RELAY &&
	    c->phase != SMTP_CLIENT_PHASE_QUIT)
		return client_fail(c, event, ERROR_RETRY_LATER, "the server ends the session");
	switch (c->phase) {
	case SMTP_CLIENT_PHASE_GREETING:
		if (smtp_reply_class(&c->reply) != 2)
			return client_fail(c, event, ERROR_RETRY_LATER, "the server wants no mail");
		say_hello(c, span_of(c->options->name), out);
		return false;
	case SMTP_CLIENT_PHASE_HELLO:
	case SMTP_CLIENT_PHASE_HELO:
		return take_hello_reply(c, out, event);
	case SMTP_CLIENT_PHASE_STARTTLS:
		return take_starttls_reply(c, input, out, event);
	case SMTP_CLIENT_PHASE_XCLIENT:
		return take_xclient_reply(c, out, event);
	case SMTP_CLIENT_PHASE_ENVELOPE:
		return client_envelope_reply(c, out, event);
	case SMTP_CLIENT_PHASE_END:
		return client_message_reply(c, event);
	case SMTP_CLIENT_PHASE_RSET:
		if (smtp_reply_class(&c->reply) != 2)
			return client_fail(c, event, ERROR_RETRY_LATER, "the server refuses RSET");
		client_ready(c);
		return false;
	case SMTP_CLIENT_PHASE_RELAY:
		return take_relay_reply(c, event);
	case SMTP_CLIENT_PHASE_QUIT:
		event->kind = SMTP_CLIENT_OVER;
		c->phase = SMTP_CLIENT_PHASE_OVER;
		return true;
	case SMTP_CLIENT_PHASE_READY:
	case SMTP_CLIENT_PHASE_TLS:
	case SMTP_CLIENT_PHASE_BODY:
	case SMTP_CLIENT_PHASE_LOST:
	case SMTP_CLIENT_PHASE_OVER:
		break;
	}
	return client_fail(c, event, ERROR_RETRY_LATER, "the server answers what nobody asked");
}

/* ── the next event ──────────────────────────────────────────────────────────────────────────── */

/* Events that need nothing of the server. */
static bool tell_own(struct smtp_client *c, struct span input, struct buf *out,
                     struct smtp_client_event *event)
{
	if (c->telling)
		return client_tell(c, out, event);
	if (c->phase == SMTP_CLIENT_PHASE_XCLIENT && !c->xclient_left)
		return fail_unsaid(c, event, ERROR_RETRY_LATER,
		                   "the server takes no XCLIENT for another client");
	if (c->phase == SMTP_CLIENT_PHASE_TLS && input.n)
		return fail_unsaid(c, event, ERROR_RETRY_LATER,
		                   "octets in clear behind the answer to STARTTLS");
	if (c->phase == SMTP_CLIENT_PHASE_LOST)
		return client_fail(c, event, ERROR_RETRY_LATER, "the server ends the session");
	if (c->event_told)
		return false;
	if (c->phase == SMTP_CLIENT_PHASE_READY)
		event->kind = SMTP_CLIENT_READY;
	else if (c->phase == SMTP_CLIENT_PHASE_BODY)
		event->kind = SMTP_CLIENT_BODY;
	else
		return false;
	c->event_told = true;
	return true;
}

bool smtp_client_next(struct smtp_client *c, struct span *input, struct buf *out,
                      struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_NONE;
	event->reply = NULL;
	event->ours = false;
	for (;;) {
		int got;

		if (tell_own(c, *input, out, event))
			return true;
		/* an answer that comes before the message's end is looked at behind it */
		if (c->phase == SMTP_CLIENT_PHASE_OVER || c->phase == SMTP_CLIENT_PHASE_TLS ||
		    c->phase == SMTP_CLIENT_PHASE_BODY)
			return false;
		got = smtp_reply_read(&c->reply, input, &event->error);
		if (got == 0)
			return false;
		if (got < 0) {
			event->kind = SMTP_CLIENT_FAILED;
			c->reply.code = 0;
			event->reply = &c->reply;
			c->phase = SMTP_CLIENT_PHASE_OVER;
			return true;
		}
		if (take_reply(c, *input, out, event))
			return true;
	}
}

unsigned smtp_client_wait_s(const struct smtp_client *c)
{
	switch (c->phase) {
	case SMTP_CLIENT_PHASE_BODY:
		return 180;
	case SMTP_CLIENT_PHASE_END:
		return 600;
	case SMTP_CLIENT_PHASE_TLS:
	case SMTP_CLIENT_PHASE_STARTTLS:
	case SMTP_CLIENT_PHASE_GREETING:
	case SMTP_CLIENT_PHASE_HELLO:
	case SMTP_CLIENT_PHASE_HELO:
	case SMTP_CLIENT_PHASE_XCLIENT:
	case SMTP_CLIENT_PHASE_READY:
	case SMTP_CLIENT_PHASE_ENVELOPE:
	case SMTP_CLIENT_PHASE_RSET:
		return 300;
	case SMTP_CLIENT_PHASE_RELAY:
		return 600; /* it may be a message's end */
	case SMTP_CLIENT_PHASE_QUIT:
	case SMTP_CLIENT_PHASE_LOST:
	case SMTP_CLIENT_PHASE_OVER:
		break;
	}
	return 10;
}

/* ── what the caller wants ───────────────────────────────────────────────────────────────────── */

void smtp_client_tls_started(struct smtp_client *c, struct buf *out)
{
	c->tls = true;
	say_hello(c, span_of(c->options->name), out);
}

void smtp_client_command(struct smtp_client *c, struct span line, struct buf *out)
{
	buf_add_span(out, line);
	buf_add_text(out, "\r\n");
	c->phase = SMTP_CLIENT_PHASE_RELAY;
	c->relay_data = span_is_nocase(line, "DATA");
}

void smtp_client_hello(struct smtp_client *c, struct span name, struct buf *out)
{
	say_hello(c, name, out);
	c->phase = SMTP_CLIENT_PHASE_RELAY;
	c->relay_hello = true;
}

void smtp_client_relay_body(struct smtp_client *c, struct span bytes, struct buf *out)
{
	smtp_stuff(&c->stuffer, bytes, out);
}

void smtp_client_relay_end(struct smtp_client *c, struct buf *out)
{
	buf_add_span(out, smtp_stuff_end(&c->stuffer));
	c->stuffer = (struct smtp_stuffer){ 0 };
	c->phase = SMTP_CLIENT_PHASE_RELAY;
}

void smtp_client_quit(struct smtp_client *c, struct buf *out)
{
	buf_add_text(out, "QUIT\r\n");
	c->phase = SMTP_CLIENT_PHASE_QUIT;
}
