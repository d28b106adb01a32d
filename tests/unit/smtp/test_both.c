/* SPDX-License-Identifier: BSD-2-Clause */

/* Our client gives messages to our server: what comes out is what went in, envelope and octets. */

#include "smtp/client.h"
#include "smtp/server.h"
#include "unit/unit.h"

#include <string.h>

static const struct smtp_server_options server_options = {
	.name = "mx.example.org",
	.recipients_max = 10,
	.errors_max = 5,
	.idle_max = 50,
};

struct pair {
	struct smtp_server s;
	struct smtp_client c;
	struct buf to_server, to_client; /* on their way */
	struct smtp_envelope heard;
	struct smtp_peer peer;
	struct buf body;
	unsigned messages, verdicts, done;
	bool over;
};

static void serve_envelope(struct pair *p, const struct smtp_event *e)
{
	if (e->kind == SMTP_EVENT_MAIL) {
		smtp_envelope_fini(&p->heard);
		buf_reset(&p->body);
		smtp_text_set(&p->heard.sender, e->address.text);
		if (e->envid.p)
			smtp_text_set(&p->heard.envid, e->envid);
		p->heard.ret = e->ret;
		p->heard.body = e->body;
		p->heard.utf8 = e->utf8;
	} else {
		struct smtp_recipient *r = smtp_envelope_add(&p->heard, e->address.text);

		r->notify = e->notify;
		if (e->orcpt.p)
			smtp_text_set(&r->orcpt, e->orcpt);
	}
	smtp_server_reply(&p->s, &p->to_client, 250, "2.1.0", "Good");
}

static void serve(struct pair *p, const struct smtp_event *e)
{
	switch (e->kind) {
	case SMTP_EVENT_HELLO:
		smtp_text_set(&p->peer.helo, e->host);
		smtp_server_reply_hello(&p->s, &p->to_client);
		break;
	case SMTP_EVENT_XCLIENT:
		smtp_xclient_apply(&e->xclient, &p->peer);
		smtp_server_reply_xclient(&p->s, &p->to_client);
		break;
	case SMTP_EVENT_MAIL:
	case SMTP_EVENT_RCPT:
		serve_envelope(p, e);
		break;
	case SMTP_EVENT_DATA:
		smtp_server_reply(&p->s, &p->to_client, 354, NULL, "Go");
		break;
	case SMTP_EVENT_BODY:
		buf_add_span(&p->body, e->bytes);
		break;
	case SMTP_EVENT_MESSAGE_END:
		p->messages++;
		smtp_server_reply(&p->s, &p->to_client, 250, "2.0.0", "Mine");
		break;
	case SMTP_EVENT_CHUNK:
	case SMTP_EVENT_END:
		break;
	case SMTP_EVENT_NONE:
	case SMTP_EVENT_STARTTLS:
	case SMTP_EVENT_AUTH:
	case SMTP_EVENT_AUTH_LINE:
	case SMTP_EVENT_CHUNK_END:
	case SMTP_EVENT_MESSAGE_BAD:
	case SMTP_EVENT_RSET:
	case SMTP_EVENT_VRFY:
		fail_msg("event %d", e->kind);
	}
}

static void give(struct pair *p, const struct smtp_client_event *e,
                 const struct smtp_client_message *message, struct span octets)
{
	bool raw = smtp_client_raw(&p->c);

	switch (e->kind) {
	case SMTP_CLIENT_READY:
		if (p->done < 3)
			smtp_client_begin(&p->c, message, &p->to_server);
		else
			smtp_client_quit(&p->c, &p->to_server);
		break;
	case SMTP_CLIENT_BODY:
		while (octets.n) {
			struct span piece = { octets.p, octets.n < 9 ? octets.n : 9 };

			octets = span_from(octets, piece.n);
			if (raw)
				buf_add_span(&p->to_server, piece);
			smtp_client_body(&p->c, piece, &p->to_server);
		}
		break;
	case SMTP_CLIENT_VERDICT:
		assert_int_equal(e->reply->code, 250);
		p->verdicts++;
		break;
	case SMTP_CLIENT_DONE:
		p->done++;
		break;
	case SMTP_CLIENT_OVER:
		p->over = true;
		break;
	case SMTP_CLIENT_NONE:
	case SMTP_CLIENT_STARTTLS:
	case SMTP_CLIENT_REPLY:
	case SMTP_CLIENT_FAILED:
		fail_msg("event %d: %s", e->kind, e->error.text);
	}
}

/* What is left of a buffer when `rest` of it was not used. */
static void keep(struct buf *b, struct span rest)
{
	buf_drop_front(b, b->n - rest.n);
}

static void run(struct pair *p, const struct smtp_client_message *message, struct span octets)
{
	for (unsigned turn = 0; turn < 200 && !p->over; turn++) {
		struct smtp_event event;
		struct smtp_client_event told;
		struct span rest = buf_span(&p->to_client);

		while (smtp_client_next(&p->c, &rest, &p->to_server, &told))
			give(p, &told, message, octets);
		keep(&p->to_client, rest);
		rest = buf_span(&p->to_server);
		while (smtp_server_next(&p->s, &rest, &p->to_client, &event))
			serve(p, &event);
		keep(&p->to_server, rest);
	}
	assert_true(p->over);
}

static void check(uint32_t offers, const struct smtp_client_options *options, struct span octets)
{
	struct pair p = { 0 };
	AUTO_SMTP_ENVELOPE struct smtp_envelope e = { .ret = SMTP_RET_FULL, .utf8 = true };
	struct smtp_peer peer = { .from = { "2001:db8::7", 4711 }, .esmtp = true };
	struct smtp_client_message message = { .envelope = &e, .size = octets.n, .peer = &peer };
	bool utf8 = offers & SMTP_OFFER_SMTPUTF8, dsn = offers & SMTP_OFFER_DSN;

	smtp_text_set(&peer.helo, SPAN("c.example.net"));
	smtp_text_set(&e.envid, SPAN("x+2By"));
	smtp_text_set(&e.sender, SPAN("\"a b\"@example.net"));
	smtp_text_set(
		&smtp_envelope_add(&e, utf8 ? SPAN("\xc3\xbc@example.org") : SPAN("u@example.org"))
			 ->orcpt,
		SPAN("rfc822;z"));
	smtp_envelope_add(&e, SPAN("c@[192.0.2.1]"))->notify = SMTP_NOTIFY_NEVER;
	smtp_server_init(&p.s, &server_options, offers);
	smtp_client_init(&p.c, options);
	smtp_server_greet(&p.s, &p.to_client, NULL);
	run(&p, &message, octets);
	assert_int_equal(p.messages, 3);
	assert_int_equal(p.verdicts, 6);
	assert_int_equal(p.s.errors, 0);
	assert_true(span_equal(buf_span(&p.body), octets));
	assert_string_equal(p.heard.sender, e.sender);
	assert_int_equal(p.heard.recipients_n, 2);
	assert_string_equal(p.heard.recipients[0].address, e.recipients[0].address);
	assert_string_equal(p.heard.recipients[1].address, e.recipients[1].address);
	assert_int_equal(p.heard.utf8, utf8);
	assert_int_equal(p.heard.ret, dsn ? SMTP_RET_FULL : SMTP_RET_NONE);
	assert_int_equal(p.heard.recipients[1].notify, dsn ? SMTP_NOTIFY_NEVER : 0);
	assert_int_equal(p.heard.recipients[0].orcpt != NULL, dsn);
	assert_string_equal(p.peer.from.address, options->xclient ? "2001:db8::7" : "");
	assert_string_equal(p.peer.helo, options->xclient ? "c.example.net" : "gate.example.org");
	smtp_client_fini(&p.c);
	smtp_envelope_fini(&p.heard);
	smtp_peer_fini(&p.peer);
	smtp_peer_fini(&peer);
	buf_fini(&p.to_server);
	buf_fini(&p.to_client);
	buf_fini(&p.body);
}

static void what_goes_in_comes_out(void **state)
{
	static const struct smtp_client_options plain = { .name = "gate.example.org" };
	static const struct smtp_client_options xclient = { .name = "gate.example.org",
		                                            .xclient = true };
	static const struct span bodies[] = {
		{ "", 0 },
		{ ".\r\n", 3 },
		{ "Subject: a\r\n\r\n.\r\n..\r\nb\r\n", 24 },
		{ "\r\n\r\n.b\r\n", 8 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(bodies); i++)
		for (uint32_t offers = 0; offers < 1u << 7; offers++) {
			check(offers, &plain, bodies[i]);
			check(offers | SMTP_OFFER_XCLIENT, &xclient, bodies[i]);
		}
}

UNIT_TESTS("smtp/both", cmocka_unit_test(what_goes_in_comes_out));
