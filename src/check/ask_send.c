/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ask_send -- what only a message tells: whether one of the size that is offered is really taken, and
 * one without a body. It goes to check.recipient alone, and only when a person has said --send.
 */

#include "check/letter.h"
#include "check/sessions.h"

#include "base/memory.h"

#include <string.h>

/* A bigger message is not tried: it stands in memory. */
#define BIG_MOST (64u << 20)
#define BIG_UNKNOWN (10u << 20)
/* What the server adds in front counts too: Received:, Delivered-To: ... */
#define BIG_MARGIN 8192u

static void send_one(const struct check_asking *a, struct talk *t, struct span letter,
                     const char *address, struct tally *sum, struct buf *seen)
{
	const char *to = a->site->config->check.recipient;
	struct error err = { 0 };
	unsigned class;

	if (talk_say(t, &err, "MAIL FROM:<%s> SIZE=%zu", letter_sender(a), letter.n) < 0) {
		sessions_note(seen, "%s", err.text);
		sum->unknown++;
		return;
	}
	if (smtp_reply_class(&t->client.reply) == 5) {
		sessions_tell(t, address, seen);
		sum->no++;
		return;
	}
	class = sessions_rcpt(t, to, sum, seen);
	if (!class)
		return;
	if (class != 2) {
		/* this is not about the message */
		sessions_tell(t, to, seen);
		sum->unknown++;
		return;
	}
	if (talk_send(t, letter, &err) < 0) {
		sessions_note(seen, "%s: %s", address, err.text);
		sum->unknown++;
		return;
	}
	sessions_tell(t, address, seen);
	class = smtp_reply_class(&t->client.reply);
	sum->yes += class == 2;
	sum->unknown += class == 4;
	sum->no += class == 5;
}

static void empty_of(const struct check_asking *a, struct talk *t, const char *address,
                     struct tally *sum, struct buf *seen)
{
	AUTO_BUF struct buf letter = { 0 };

	letter_begin(&letter, letter_sender(a), a->site->config->check.recipient, "help");
	send_one(a, t, buf_span(&letter), address, sum, seen);
}

enum check_answer check_empty_body(const struct check_asking *a, struct buf *seen)
{
	return letter_may_go(a, seen) ? sessions_each(a, SMTP_TLS_NEVER, empty_of, seen)
	                              : CHECK_SKIPPED;
}

static void big_of(const struct check_asking *a, struct talk *t, const char *address,
                   struct tally *sum, struct buf *seen)
{
	static const char line[] =
		"this is a test of how large a message may be, and means nothing\r\n";
	uint64_t size = t->client.size_max ? t->client.size_max : BIG_UNKNOWN;
	AUTO_BUF struct buf letter = { 0 };
	char text[16];

	size = size < BIG_MOST ? size : BIG_MOST;
	size -= size > 2 * BIG_MARGIN ? BIG_MARGIN : 0;
	letter_begin(&letter, letter_sender(a), a->site->config->check.recipient,
	             "mailhaul: a large message");
	while (letter.n + sizeof line < size)
		buf_add(&letter, line, sizeof line - 1);
	sessions_note(seen, "%s", text_size(text, letter.n));
	send_one(a, t, buf_span(&letter), address, sum, seen);
}

enum check_answer check_big(const struct check_asking *a, struct buf *seen)
{
	return letter_may_go(a, seen) ? sessions_each(a, SMTP_TLS_NEVER, big_of, seen)
	                              : CHECK_SKIPPED;
}
