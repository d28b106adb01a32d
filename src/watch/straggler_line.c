/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/straggler_line.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <string.h>

/* What stands between `open` and the next `close` behind it. */
static bool between(struct span line, const char *open, char close, struct span *out)
{
	ssize_t at = span_find_text(line, open);

	if (at < 0)
		return false;
	line = span_from(line, (size_t)at + strlen(open));
	at = span_find(line, close);
	if (at < 0)
		return false;
	*out = (struct span){ line.p, (size_t)at };
	return true;
}

static bool is_address(struct span text)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char octets[16];

	if (!text.n || text.n >= sizeof copy || memchr(text.p, '\0', text.n))
		return false; /* inet_pton(3) reads to the first octet 0 */
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return inet_pton(AF_INET, copy, octets) == 1 || inet_pton(AF_INET6, copy, octets) == 1;
}

/* ── the gate's ──────────────────────────────────────────────────────────────────────────────── */

/* client=[ADDRESS]:PORT port=25 end=quit said="EHLO NAME" session=7 messages=1 */
static bool read_session(struct span rest, struct straggler_line *out)
{
	struct span said;

	if (!span_starts(rest, "client=[") || !between(rest, "client=[", ']', &out->client))
		return false;
	out->session = true;
	if (!between(rest, " said=\"", '"', &said))
		return true;
	if (span_starts_nocase(said, "EHLO ") || span_starts_nocase(said, "HELO ")) {
		said = span_from(said, 5);
		(void)span_next_word(&said, &out->name);
	}
	return true;
}

/* taken id=I session=1 client=[ADDRESS]:PORT from=<SENDER> ..., relayed session=2 client=... */
static bool read_message(struct span rest, struct straggler_line *out)
{
	if (!span_starts(rest, "taken id=") && !span_starts(rest, "relayed session="))
		return false;
	out->mail = true;
	return between(rest, " client=[", ']', &out->client) &&
	       between(rest, " from=<", '>', &out->sender);
}

/* ── Postfix's ───────────────────────────────────────────────────────────────────────────────── */

/* NAME[ADDRESS] at the begin; "unknown" is none. */
static bool read_peer(struct span text, struct straggler_line *out)
{
	ssize_t open = span_find(text, '[');

	if (open < 0 || !between(text, "[", ']', &out->client))
		return false;
	out->name = (struct span){ text.p, (size_t)open };
	if (span_is(out->name, "unknown"))
		out->name.n = 0;
	return true;
}

/* "4F2A: client=NAME[ADDRESS]", "4F2A: from=<SENDER>, size=...": a message and who brought it. */
static bool read_queued(struct span words, struct straggler_line *out)
{
	ssize_t colon = span_find(words, ':');
	struct span rest;

	if (colon <= 0)
		return false;
	out->queue_id = (struct span){ words.p, (size_t)colon };
	rest = span_from(words, (size_t)colon + 1);
	if (span_starts(rest, " client="))
		return read_peer(span_from(rest, strlen(" client=")), out);
	if (!span_starts(rest, " from=<"))
		return false;
	out->mail = true;
	return between(rest, " from=<", '>', &out->sender);
}

static bool read_refused(struct span words, struct straggler_line *out)
{
	ssize_t from = span_find_text(words, " from ");
	struct span helo;

	if (!span_starts(words, "NOQUEUE: reject: ") || from < 0 ||
	    !read_peer(span_from(words, (size_t)from + strlen(" from ")), out))
		return false;
	out->mail = between(words, "; from=<", '>', &out->sender);
	if (between(words, " helo=<", '>', &helo))
		out->name = helo;
	return true;
}

static bool read_postfix(struct span rest, struct straggler_line *out)
{
	ssize_t at = span_find_text(rest, "]: ");
	ssize_t program = span_find_text(rest, "postfix");

	/* HOST postfix/smtpd[PID]: WORDS; a service may have another name in front of /smtpd */
	if (at < 0 || program < 0 || program > at)
		return false;
	rest = span_from(rest, (size_t)at + 3);
	if (span_starts(rest, "connect from ")) {
		out->session = true;
		return read_peer(span_from(rest, strlen("connect from ")), out);
	}
	return span_starts(rest, "NOQUEUE: ") ? read_refused(rest, out) : read_queued(rest, out);
}

bool straggler_line_read(struct span line, int64_t now_ms, struct straggler_line *out)
{
	struct straggler_line read = { 0 };
	struct span rest;
	size_t used;

	if (!clock_parse(line, now_ms, &read.at_ms, &used))
		return false;
	rest = span_trim(span_from(line, used));
	/* a gate's lines begin so; in another's text the same words may stand anywhere, and say nothing */
	if (!read_session(rest, &read) && !read_message(rest, &read) && !read_postfix(rest, &read))
		return false;
	if (read.client.n ? !is_address(read.client) : !read.queue_id.n)
		return false;
	*out = read;
	return true;
}
