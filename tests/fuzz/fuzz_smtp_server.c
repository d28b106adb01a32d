/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "smtp/server.h"

#include <string.h>

#define HOLDS(what)                                                                                \
	do                                                                                         \
		if (!(what))                                                                       \
			__builtin_trap();                                                          \
	while (0)

/*
 * The first two octets choose what is offered and what the caller answers, the rest is what the
 * client says. However that is cut into packets, replies and events are the same; what is handed
 * out as a message has no bare octet in it; nothing more than a line is left to be kept.
 */
struct talk {
	struct smtp_server s;
	struct buf out, told, body;
	unsigned choice, answers;
};

static const struct smtp_server_options options[2] = {
	{ .name = "mx.example.org",
	  .size_max = 64,
	  .recipients_max = 2,
	  .errors_max = 8,
	  .idle_max = 9 },
	{ .name = "mx.example.org", .newlines = SMTP_NEWLINES_NORMALIZE },
};

static void answer(struct talk *t, unsigned good)
{
	static const unsigned bad[] = { 451, 550, 421, 299 };
	unsigned turn = t->answers++;

	/* each fourth or so is refused */
	if (t->choice & 1 && (t->choice >> (1 + turn % 7) & 1) && turn % 4 == 3)
		good = bad[turn / 4 % 4];
	smtp_server_reply(&t->s, &t->out, good, NULL, "Said\nby the caller");
}

static void check_body(const struct talk *t)
{
	for (size_t i = 0; i < t->body.n; i++) {
		bool cr = i && t->body.p[i - 1] == '\r';

		HOLDS((t->body.p[i] == '\n') == cr);
		HOLDS(t->body.p[i] || (i && t->body.p[i - 1] != '\n'));
	}
}

static void check_line(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		HOLDS((unsigned char)line.p[i] >= ' ' && line.p[i] != 127);
}

static void hear(struct talk *t, const struct smtp_event *e)
{
	AUTO_BUF struct buf dropped = { 0 };

	/* whether there is more behind STARTTLS is known sooner or later: it ends in the same
	 * way */
	if (e->kind == SMTP_EVENT_STARTTLS) {
		smtp_server_reply(&t->s, &dropped, 220, NULL, "Go");
		return;
	}
	if (e->kind == SMTP_EVENT_BODY) {
		HOLDS(e->bytes.n);
		buf_add_span(&t->body, e->bytes);
		return;
	}
	buf_addf(&t->told, "%d ", e->kind);
	switch (e->kind) {
	case SMTP_EVENT_HELLO:
		check_line(e->line);
		buf_add_span(&t->told, e->host);
		if (t->choice & 2)
			smtp_server_reply_hello(&t->s, &t->out);
		else
			answer(t, 250);
		break;
	case SMTP_EVENT_XCLIENT:
		smtp_server_reply_xclient(&t->s, &t->out);
		break;
	case SMTP_EVENT_MAIL:
	case SMTP_EVENT_RCPT:
		check_line(e->line);
		HOLDS(e->kind != SMTP_EVENT_MAIL || !t->s.options->size_max || e->size <= 64);
		buf_reset(&t->body);
		buf_add_span(&t->told, e->address.text);
		answer(t, 250);
		break;
	case SMTP_EVENT_AUTH:
	case SMTP_EVENT_AUTH_LINE:
		answer(t, t->choice & 4 ? 334 : 235);
		break;
	case SMTP_EVENT_DATA:
		HOLDS(t->s.recipients);
		answer(t, 354);
		break;
	case SMTP_EVENT_MESSAGE_END:
		HOLDS(t->body.n == e->octets && t->s.mail && t->s.recipients);
		HOLDS(!t->s.options->size_max || e->octets <= 64);
		check_body(t);
		buf_add_span(&t->told, buf_span(&t->body));
		buf_reset(&t->body);
		answer(t, 250);
		break;
	case SMTP_EVENT_CHUNK_END:
	case SMTP_EVENT_RSET:
	case SMTP_EVENT_VRFY:
		answer(t, 250);
		break;
	case SMTP_EVENT_END:
		HOLDS(t->s.phase == SMTP_PHASE_ENDED);
		buf_addf(&t->told, "end %d", e->end);
		break;
	case SMTP_EVENT_CHUNK:
	case SMTP_EVENT_MESSAGE_BAD:
		HOLDS(t->s.mail && t->s.recipients);
		break;
	case SMTP_EVENT_STARTTLS:
	case SMTP_EVENT_BODY:
	case SMTP_EVENT_NONE:
		HOLDS(false);
	}
	buf_add_char(&t->told, '\n');
}

static void talk(struct talk *t, const uint8_t *head, struct span said, bool cut)
{
	struct span input = { said.p, cut ? 0 : said.n };
	size_t max = head[0] & 64 ? SMTP_AUTH_LINE_MAX : SMTP_COMMAND_MAX;
	uint32_t offers = SMTP_OFFER_ALL_MAIL;

	offers |= head[0] & 16 ? SMTP_OFFER_STARTTLS : 0;
	offers |= head[0] & 32 ? SMTP_OFFER_XCLIENT : 0;
	offers |= head[0] & 64 ? SMTP_OFFER_AUTH : 0;
	t->choice = head[1];
	smtp_server_init(&t->s, &options[head[0] & 1], offers);
	smtp_server_greet(&t->s, &t->out, NULL);
	for (;;) {
		struct smtp_event event;
		size_t at, more;

		while (smtp_server_next(&t->s, &input, &t->out, &event))
			hear(t, &event);
		HOLDS(input.n < max);
		at = (size_t)(input.p - said.p) + input.n;
		if (at == said.n)
			return;
		more = 1 + (at * 5 + said.n) % 11;
		input.n += said.n - at < more ? said.n - at : more;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk whole = { 0 }, cut = { 0 };
	struct span said = { (const char *)data + 2, size - 2 };

	if (size < 3 || size > 20000)
		return 0;
	talk(&whole, data, said, false);
	talk(&cut, data, said, true);
	HOLDS(span_equal(buf_span(&whole.told), buf_span(&cut.told)));
	HOLDS(span_equal(buf_span(&whole.out), buf_span(&cut.out)));
	HOLDS(whole.s.phase == cut.s.phase);
	buf_fini(&whole.out);
	buf_fini(&whole.told);
	buf_fini(&whole.body);
	buf_fini(&cut.out);
	buf_fini(&cut.told);
	buf_fini(&cut.body);
	return 0;
}
