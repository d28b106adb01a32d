/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "smtp/address.h"
#include "smtp/client_inside.h"
#include "smtp/xtext.h"

#include <string.h>

/* client_message -- one message of ours: who it is from, its envelope, its octets, the verdicts. */

static size_t recipients_n(const struct smtp_client *c)
{
	return c->message.recipients ? c->message.recipients_n : c->message.envelope->recipients_n;
}

/* Index into the envelope of the n-th recipient of this attempt. */
static size_t recipient_at(const struct smtp_client *c, size_t n)
{
	return c->message.recipients ? c->message.recipients[n] : n;
}

/* ── verdicts ────────────────────────────────────────────────────────────────────────────────── */

/* c->reply is the verdict of all, or of those who were accepted. */
static void begin_telling(struct smtp_client *c, enum client_telling whom)
{
	c->telling = whom;
	c->verdict_at = 0;
}

static bool tell_verdict(struct smtp_client *c, size_t position, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_VERDICT;
	event->recipient = recipient_at(c, position);
	event->reply = &c->reply;
	event->ours = c->ours;
	return true;
}

static bool done(struct smtp_client *c, struct smtp_client_event *event)
{
	event->kind = SMTP_CLIENT_DONE;
	return true;
}

/* What follows when all that c->reply is the verdict of have been told. */
static bool end_telling(struct smtp_client *c, struct buf *out, struct smtp_client_event *event)
{
	c->telling = TELLING_NONE;
	if (c->phase == SMTP_CLIENT_PHASE_ENVELOPE && c->answered < c->sent)
		return false; /* MAIL was refused; the answers to the rest are to come */
	if (c->phase == SMTP_CLIENT_PHASE_ENVELOPE && c->sent) {
		/* a transaction may be open or not: servers differ */
		buf_add_text(out, "RSET\r\n");
		c->phase = SMTP_CLIENT_PHASE_RSET;
	} else {
		client_ready(c);
	}
	return done(c, event);
}

bool client_tell(struct smtp_client *c, struct buf *out, struct smtp_client_event *event)
{
	size_t at = c->verdict_at++;

	if (c->telling == TELLING_ALL && at < recipients_n(c))
		return tell_verdict(c, at, event);
	if (c->telling == TELLING_ACCEPTED && at < c->accepted_n)
		return tell_verdict(c, c->accepted[at], event);
	return end_telling(c, out, event);
}

static void refuse_ourselves(struct smtp_client *c, unsigned code, const char *enhanced,
                             const char *text)
{
	c->reply.code = code;
	snprintf(c->reply.enhanced, sizeof c->reply.enhanced, "%s", enhanced);
	buf_reset(&c->reply.text);
	buf_add_text(&c->reply.text, text);
	c->ours = true;
	begin_telling(c, TELLING_ALL);
}

/* ── the envelope ────────────────────────────────────────────────────────────────────────────── */

/* Whatever the spool says, no line of ours holds another command. */
static bool is_sayable(const char *address, bool may_be_null, bool *utf8)
{
	struct smtp_address parsed = { 0 };

	if (!*address)
		return may_be_null;
	if (smtp_address_parse(span_of(address), &parsed) != SMTP_ADDRESS_GOOD)
		return false;
	*utf8 |= parsed.utf8;
	return true;
}

static bool is_parameter(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value <= ' ' || (unsigned char)*value >= 127)
			return false;
	return true;
}

static void add_mail(struct smtp_client *c, struct buf *out)
{
	const struct smtp_envelope *e = c->message.envelope;

	buf_add_text(out, "MAIL FROM:");
	smtp_path_add(out, span_of(e->sender ? e->sender : ""));
	if (c->offers & SMTP_OFFER_SIZE)
		buf_addf(out, " SIZE=%llu", (unsigned long long)c->message.size);
	if (c->offers & SMTP_OFFER_8BITMIME && e->body)
		buf_add_text(out, e->body == SMTP_BODY_7BIT ? " BODY=7BIT" : " BODY=8BITMIME");
	if (c->offers & SMTP_OFFER_SMTPUTF8 && e->utf8)
		buf_add_text(out, " SMTPUTF8");
	if (c->offers & SMTP_OFFER_DSN && e->ret)
		buf_add_text(out, e->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (c->offers & SMTP_OFFER_DSN && e->envid && is_parameter(e->envid))
		buf_addf(out, " ENVID=%s", e->envid);
	buf_add_text(out, "\r\n");
}

static void add_notify(struct buf *out, unsigned notify)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE", "DELAY" };
	char before = '=';

	if (!notify)
		return;
	buf_add_text(out, " NOTIFY");
	for (unsigned i = 0; i < ROWS(words); i++)
		if (notify & 1u << i) {
			buf_add_char(out, before);
			buf_add_text(out, words[i]);
			before = ',';
		}
}

static void add_rcpt(struct smtp_client *c, size_t position, struct buf *out)
{
	const struct smtp_recipient *r = &c->message.envelope
	                                          ->recipients[recipient_at(c, position)];

	buf_add_text(out, "RCPT TO:");
	smtp_path_add(out, span_of(r->address));
	if (c->offers & SMTP_OFFER_DSN) {
		add_notify(out, r->notify);
		if (r->orcpt && is_parameter(r->orcpt))
			buf_addf(out, " ORCPT=%s", r->orcpt);
	}
	buf_add_text(out, "\r\n");
}

/* DATA may go with the rest (RFC 2920 section 3.1); but an LMTP server that takes it without a
 * recipient owes no answer, and BDAT has its octets behind it. */
static bool data_goes_along(const struct smtp_client *c)
{
	return c->offers & SMTP_OFFER_PIPELINING && !c->options->lmtp && !c->chunked;
}

static void add_data(struct smtp_client *c, struct buf *out)
{
	if (c->chunked)
		buf_addf(out, "BDAT %llu LAST\r\n", (unsigned long long)c->message.size);
	else
		buf_add_text(out, "DATA\r\n");
	c->sent++;
}

/* Says what may be said before the next answer. */
static void send_commands(struct smtp_client *c, struct buf *out)
{
	size_t all = 1 + recipients_n(c);

	while (c->sent < all && (c->sent == c->answered || c->offers & SMTP_OFFER_PIPELINING)) {
		if (c->sent == 0)
			add_mail(c, out);
		else
			add_rcpt(c, c->sent - 1, out);
		c->sent++;
	}
	if (c->sent == all && data_goes_along(c))
		add_data(c, out);
}

/* We know already what would be answered, or can't say it. */
static bool is_refused_by_us(struct smtp_client *c)
{
	const struct smtp_envelope *e = c->message.envelope;
	bool utf8 = false, good = is_sayable(e->sender ? e->sender : "", true, &utf8);

	for (size_t i = 0; good && i < recipients_n(c); i++)
		good = is_sayable(e->recipients[recipient_at(c, i)].address, false, &utf8);
	if (!good)
		refuse_ourselves(c, 554, "5.1.3", "an address that can't be said in SMTP");
	else if (utf8 && !(c->offers & SMTP_OFFER_SMTPUTF8))
		refuse_ourselves(c, 554, "5.6.7", "the server does not offer SMTPUTF8");
	else if (c->size_max && c->message.size > c->size_max)
		refuse_ourselves(c, 552, "5.3.4", "bigger than what the server takes (SIZE)");
	return c->telling;
}

void client_send_envelope(struct smtp_client *c, struct buf *out)
{
	c->phase = SMTP_CLIENT_PHASE_ENVELOPE;
	c->sent = c->answered = c->accepted_n = 0;
	c->refused = c->ours = false;
	c->stuffer = (struct smtp_stuffer){ 0 };
	c->left = c->message.size;
	c->chunked = c->offers & SMTP_OFFER_CHUNKING && !c->options->no_chunking;
	if (!is_refused_by_us(c))
		send_commands(c, out);
}

/* ── who it is from ──────────────────────────────────────────────────────────────────────────── */

bool client_send_xclient(struct smtp_client *c, const struct smtp_peer *peer, struct buf *out)
{
	c->phase = SMTP_CLIENT_PHASE_XCLIENT;
	c->xclient_left = 0;
	if (!(c->xclient_offers & SMTP_XCLIENT_ADDR))
		return false; /* told by the next event */
	c->xclient_left = smtp_xclient_add(out, peer, c->xclient_offers);
	smtp_peer_fini(&c->told);
	smtp_peer_copy(&c->told, peer);
	c->has_told = true;
	return true;
}

void smtp_client_begin(struct smtp_client *c, const struct smtp_client_message *message,
                       struct buf *out)
{
	c->message = *message;
	if (!c->options->xclient || !message->peer ||
	    (c->has_told && smtp_peer_same(&c->told, message->peer))) {
		client_send_envelope(c, out);
		return;
	}
	c->pending = client_send_xclient(c, message->peer, out);
}

void smtp_client_tell_peer(struct smtp_client *c, const struct smtp_peer *peer, struct buf *out)
{
	(void)client_send_xclient(c, peer, out);
}

/* ── answers ─────────────────────────────────────────────────────────────────────────────────── */

static void begin_body(struct smtp_client *c, struct buf *out)
{
	c->phase = SMTP_CLIENT_PHASE_BODY;
	c->event_told = false;
	if (c->left == 0) /* nothing will come that could end it */
		smtp_client_body(c, (struct span){ 0 }, out);
}

static bool take_data_reply(struct smtp_client *c, struct buf *out, struct smtp_client_event *event)
{
	if (c->reply.code == 354 && c->accepted_n) {
		begin_body(c, out);
		return false;
	}
	if (c->reply.code == 354) { /* RFC 2920 section 3.1: take it back by an empty message */
		buf_add_text(out, ".\r\n");
		c->phase = SMTP_CLIENT_PHASE_END;
		return false;
	}
	if (smtp_reply_class(&c->reply) < 4)
		return client_fail(c, event, ERROR_RETRY_LATER,
		                   "the server answers DATA with something else than 354");
	begin_telling(c, TELLING_ACCEPTED); /* maybe none */
	return false;
}

static bool take_rcpt_reply(struct smtp_client *c, size_t position, struct smtp_client_event *event)
{
	if (smtp_reply_class(&c->reply) == 2) {
		ARRAY_GROW(c->accepted, c->accepted_n, c->accepted_room);
		c->accepted[c->accepted_n++] = position;
		return false;
	}
	if (smtp_reply_class(&c->reply) < 4)
		return client_fail(c, event, ERROR_RETRY_LATER, "the server answers RCPT by 3yz");
	return tell_verdict(c, position, event);
}

/* All of MAIL and RCPT were answered, and DATA was not sent along. */
static void after_recipients(struct smtp_client *c, struct buf *out)
{
	if (!c->accepted_n) {
		begin_telling(c, TELLING_ACCEPTED);
		return;
	}
	add_data(c, out);
	if (!c->chunked)
		return;
	c->answered++; /* its answer is the message's */
	begin_body(c, out);
}

bool client_envelope_reply(struct smtp_client *c, struct buf *out, struct smtp_client_event *event)
{
	size_t number = c->answered++, recipients = recipients_n(c);
	bool told = false;

	if (number == recipients + 1)
		return take_data_reply(c, out, event);
	if (number == 0 && smtp_reply_class(&c->reply) < 4 && smtp_reply_class(&c->reply) != 2)
		return client_fail(c, event, ERROR_RETRY_LATER, "the server answers MAIL by 3yz");
	if (number == 0 && smtp_reply_class(&c->reply) != 2) {
		c->refused = true;
		begin_telling(c, TELLING_ALL);
		return false;
	}
	/* once MAIL was refused the others' answers say nothing, whatever they are */
	if (number && !c->refused)
		told = take_rcpt_reply(c, number - 1, event);
	if (c->phase != SMTP_CLIENT_PHASE_ENVELOPE)
		return told;
	if (!c->refused)
		send_commands(c, out);
	if (c->answered == c->sent)
		after_recipients(c, out);
	return told;
}

bool client_message_reply(struct smtp_client *c, struct smtp_client_event *event)
{
	size_t at;

	if (smtp_reply_class(&c->reply) == 3)
		return client_fail(c, event, ERROR_RETRY_LATER,
		                   "the server answers the message by 3yz");
	if (!c->options->lmtp || !c->accepted_n) {
		begin_telling(c, TELLING_ACCEPTED);
		return false;
	}
	at = c->verdict_at++;
	if (c->verdict_at == c->accepted_n) {
		/* the last one: it, and then DONE */
		c->accepted[0] = c->accepted[at];
		c->accepted_n = 1;
		begin_telling(c, TELLING_ACCEPTED);
		return false;
	}
	return tell_verdict(c, c->accepted[at], event);
}

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

bool smtp_client_raw(const struct smtp_client *c)
{
	return c->phase == SMTP_CLIENT_PHASE_BODY && c->chunked;
}

void smtp_client_body(struct smtp_client *c, struct span bytes, struct buf *out)
{
	if (bytes.n > c->left)
		bytes.n = (size_t)c->left;
	c->left -= bytes.n;
	if (!c->chunked)
		smtp_stuff(&c->stuffer, bytes, out);
	if (c->left)
		return;
	if (!c->chunked)
		buf_add_span(out, smtp_stuff_end(&c->stuffer));
	c->phase = SMTP_CLIENT_PHASE_END;
	c->verdict_at = 0;
}
