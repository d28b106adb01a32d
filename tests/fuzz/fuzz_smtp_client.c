/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "smtp/client.h"

#include <string.h>

#define HOLDS(what)                                                                                \
	do                                                                                         \
		if (!(what))                                                                       \
			__builtin_trap();                                                          \
	while (0)

#define RECIPIENTS 3u

/*
 * The first octet chooses our options, up to octet 255 follows an address as a damaged spool might
 * have it, and the rest is what the server says. No recipient gets two verdicts, and each one when
 * it is done; no line of ours is another command than those we know; the cut into packets changes
 * nothing.
 */
struct talk {
	struct smtp_client c;
	struct buf out, told;
	unsigned verdicts[RECIPIENTS];
	unsigned messages;
	bool relay, in_message;
};

static const char body[] = "Subject: a\r\n\r\n.b\r\n..\r\n";

static void check_lines(struct talk *t, size_t from)
{
	static const char *const words[] = { "EHLO ",    "HELO ",    "LHLO ",    "STARTTLS\r\n",
		                             "XCLIENT ", "DATA\r\n", "RSET\r\n", "QUIT\r\n",
		                             "BDAT ",    "NOOP\r\n", ".\r\n",    "MAIL FROM:<",
		                             "RCPT TO:<" };
	struct span rest = span_from(buf_span(&t->out), from);

	while (rest.n) {
		ssize_t lf = span_find(rest, '\n');
		bool known = false;

		HOLDS(lf > 0 && rest.p[lf - 1] == '\r');
		for (size_t i = 0; i < ROWS(words); i++)
			known |= span_starts(rest, words[i]);
		HOLDS(known);
		rest = span_from(rest, (size_t)lf + 1);
	}
}

static void hear(struct talk *t, const struct smtp_client_event *e,
                 const struct smtp_client_message *message)
{
	buf_addf(&t->told, "%d ", e->kind);
	if (e->reply)
		smtp_reply_show(&t->told, e->reply);
	switch (e->kind) {
	case SMTP_CLIENT_READY:
		memset(t->verdicts, 0, sizeof t->verdicts);
		if (t->relay)
			smtp_client_command(&t->c, SPAN("NOOP"), &t->out);
		else if (t->messages++ < 4)
			smtp_client_begin(&t->c, message, &t->out);
		else
			smtp_client_quit(&t->c, &t->out);
		break;
	case SMTP_CLIENT_REPLY:
		if (t->c.phase == SMTP_CLIENT_PHASE_READY)
			smtp_client_hello(&t->c, SPAN("c.example.net"), &t->out);
		break;
	case SMTP_CLIENT_BODY:
		t->in_message = true;
		smtp_client_body(&t->c, (struct span){ body, 5 }, &t->out);
		smtp_client_body(&t->c, span_from(SPAN(body), 5), &t->out);
		break;
	case SMTP_CLIENT_VERDICT:
		HOLDS(e->recipient < RECIPIENTS && t->verdicts[e->recipient]++ == 0);
		HOLDS(smtp_reply_class(e->reply) != 3);
		HOLDS(smtp_reply_class(e->reply) != 2 || !e->ours);
		break;
	case SMTP_CLIENT_DONE:
		for (size_t i = 0; i < RECIPIENTS; i++)
			HOLDS(t->verdicts[i] == 1);
		break;
	case SMTP_CLIENT_FAILED:
		HOLDS(*e->error.text);
		buf_add_text(&t->told, e->error.text);
		break;
	case SMTP_CLIENT_OVER:
	case SMTP_CLIENT_STARTTLS:
		break;
	case SMTP_CLIENT_NONE:
		HOLDS(false);
	}
	buf_add_char(&t->told, '\n');
}

static void talk(struct talk *t, struct span said, bool cut,
                 const struct smtp_client_message *message)
{
	struct span input = { said.p, cut ? 0 : said.n };
	struct smtp_client_event event;

	for (;;) {
		size_t at, more, from = t->out.n;

		while (smtp_client_next(&t->c, &input, &t->out, &event)) {
			/* behind STARTTLS it fails sooner or later, as it is cut */
			if (event.kind != SMTP_CLIENT_STARTTLS)
				hear(t, &event, message);
			if (!t->in_message)
				check_lines(t, from);
			t->in_message = false;
			from = t->out.n;
		}
		at = (size_t)(input.p - said.p) + input.n;
		HOLDS(input.n < SMTP_REPLY_LINE_MAX || t->c.phase == SMTP_CLIENT_PHASE_OVER);
		if (at == said.n)
			return;
		more = 1 + (at * 3 + said.n) % 13;
		input.n += said.n - at < more ? said.n - at : more;
	}
}

static void compare(const struct smtp_client_options *options, struct span said, bool relay,
                    const struct smtp_client_message *message)
{
	struct talk talks[2] = { { .relay = relay }, { .relay = relay } };

	for (int i = 0; i < 2; i++) {
		smtp_client_init(&talks[i].c, options);
		talk(&talks[i], said, i, message);
	}
	HOLDS(span_equal(buf_span(&talks[0].told), buf_span(&talks[1].told)));
	HOLDS(span_equal(buf_span(&talks[0].out), buf_span(&talks[1].out)));
	for (int i = 0; i < 2; i++) {
		smtp_client_fini(&talks[i].c);
		buf_fini(&talks[i].out);
		buf_fini(&talks[i].told);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SMTP_ENVELOPE struct smtp_envelope e = { .body = SMTP_BODY_8BITMIME, .utf8 = true };
	struct smtp_peer peer = { .from = { "192.0.2.1", 1 } };
	struct smtp_client_options options = { .name = "gate.example.org" };
	struct span address, said = { (const char *)data + 1, size - 1 };

	if (size < 3 || size > 60000)
		return 0;
	options.lmtp = data[0] & 1;
	options.xclient = data[0] & 2;
	options.no_chunking = data[0] & 4;
	options.tls = data[0] & 8 ? SMTP_TLS_MAY : SMTP_TLS_NEVER;
	(void)span_next_part(&said, (char)255, &address);
	smtp_text_set(&e.sender, SPAN("a@example.net"));
	(void)smtp_envelope_add(&e, SPAN("b@example.org"));
	(void)smtp_envelope_add(&e, address);
	(void)smtp_envelope_add(&e, SPAN("c@example.org"));
	smtp_text_set(&e.envid, address);
	smtp_text_set(&e.recipients[1].orcpt, address);
	smtp_text_set(&peer.helo, address);
	if (said.n)
		compare(&options, said, data[0] & 16,
		        &(struct smtp_client_message){
				.envelope = &e, .size = sizeof body - 1, .peer = &peer });
	smtp_peer_fini(&peer);
	return 0;
}
