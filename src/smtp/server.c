/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/server.h"

#include "smtp/server_inside.h"

#include <string.h>

_Static_assert(sizeof(struct smtp_server) <= 96, "20,000 sessions have one each");

void server_say(struct buf *out, unsigned code, const char *enhanced, const char *text)
{
	smtp_reply_add(out, code, enhanced, span_of(text), false);
}

void server_complain(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                     const char *text)
{
	server_say(out, code, enhanced, text);
	smtp_server_count_error(s);
}

void server_end(struct smtp_server *s, enum smtp_end why)
{
	s->phase = SMTP_PHASE_ENDED;
	s->end = why;
}

bool server_ask(struct smtp_server *s, struct smtp_event *event, enum smtp_event_kind kind)
{
	event->kind = kind;
	s->asked = kind;
	s->phase = SMTP_PHASE_ASKED;
	return true;
}

void server_end_transaction(struct smtp_server *s)
{
	s->mail = s->utf8 = s->chunks = s->chunks_failed = false;
	s->recipients = 0;
	s->octets = 0;
	s->faulty = SMTP_BODY_GOOD;
}

void smtp_server_count_error(struct smtp_server *s)
{
	if (s->errors < UINT16_MAX)
		s->errors++;
}

void smtp_server_init(struct smtp_server *s, const struct smtp_server_options *options,
                      uint32_t offers)
{
	*s = (struct smtp_server){ .options = options, .offers = offers };
}

/* ── lines ───────────────────────────────────────────────────────────────────────────────────── */

/* In the middle of SASL nobody knows what the next line would mean. */
static void refuse_line(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                        const char *text)
{
	if (s->phase != SMTP_PHASE_AUTH) {
		server_complain(s, out, code, enhanced, text);
		return;
	}
	server_say(out, 421, "4.5.2", text);
	server_end(s, SMTP_END_ERRORS);
}

/* Cuts a line off; false when there is none yet. One that is too long is read over to its end,
 * without keeping anything of it. */
static bool next_line(struct smtp_server *s, struct span *input, struct span *line, bool *too_long)
{
	size_t max = s->offers & SMTP_OFFER_AUTH ? SMTP_AUTH_LINE_MAX : SMTP_COMMAND_MAX;
	ssize_t lf = span_find(*input, '\n');

	if (lf < 0) {
		if (s->skipping || input->n >= max) {
			s->skipping = true;
			*input = span_from(*input, input->n);
		}
		return false;
	}
	*too_long = s->skipping || lf >= (ssize_t)max;
	s->skipping = false;
	*line = (struct span){ input->p, (size_t)lf };
	*input = span_from(*input, (size_t)lf + 1);
	return true;
}

static bool has_control(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 127)
			return true;
	return false;
}

/* Somebody made a browser or a TLS client talk to us: what it says may be chosen by a third. */
static bool is_foreign(struct span line)
{
	static const char *const words[] = { "GET ", "POST ",    "HEAD ",
		                             "PUT ", "CONNECT ", "OPTIONS " };

	if (line.n && line.p[0] == 0x16)
		return true;
	for (size_t i = 0; i < ROWS(words); i++)
		if (span_starts_nocase(line, words[i]))
			return true;
	return false;
}

static bool take_line(struct smtp_server *s, struct span line, struct buf *out,
                      struct smtp_event *event)
{
	bool crlf = line.n && line.p[line.n - 1] == '\r';

	line.n -= crlf;
	if (is_foreign(line)) {
		server_say(out, 421, "4.7.0", "This is SMTP");
		server_end(s, SMTP_END_FOREIGN);
		return false;
	}
	if (!crlf && s->options->newlines == SMTP_NEWLINES_REJECT) {
		refuse_line(s, out, 550, "5.5.2",
		            "A line has to end in CR LF; this one has a bare LF");
		return false;
	}
	if (has_control(line)) {
		refuse_line(s, out, 500, "5.5.2", "Control characters in a command");
		return false;
	}
	event->line = event->rest = line;
	if (s->phase == SMTP_PHASE_AUTH)
		return server_ask(s, event, SMTP_EVENT_AUTH_LINE);
	return server_command(s, line, out, event);
}

static enum server_progress next_command(struct smtp_server *s, struct span *input, struct buf *out,
                                         struct smtp_event *event)
{
	struct span line;
	bool too_long = false, event_made;

	if (s->options->errors_max && s->errors >= s->options->errors_max) {
		server_say(out, 421, "4.7.0", "Too many errors");
		server_end(s, SMTP_END_ERRORS);
		return SERVER_GO_ON;
	}
	if (!next_line(s, input, &line, &too_long))
		return SERVER_STARVED;
	if (too_long) {
		refuse_line(s, out, 500, "5.5.2", "Line too long");
		return SERVER_GO_ON;
	}
	event_made = take_line(s, line, out, event);
	if (s->phase == SMTP_PHASE_ASKED && s->asked == SMTP_EVENT_STARTTLS && input->n) {
		/* RFC 3207 section 4.2: it came in clear, and might be taken for what TLS
		 * protects */
		server_end(s, SMTP_END_INJECTED);
		return SERVER_GO_ON;
	}
	return event_made ? SERVER_EVENT : SERVER_GO_ON;
}

/* ── the next event ──────────────────────────────────────────────────────────────────────────── */

static enum server_progress tell_end(struct smtp_server *s, struct smtp_event *event)
{
	if (s->told)
		return SERVER_STARVED;
	s->told = true;
	event->kind = SMTP_EVENT_END;
	event->end = s->end;
	return SERVER_EVENT;
}

static enum server_progress go_on(struct smtp_server *s, struct span *input, struct buf *out,
                                  struct smtp_event *event)
{
	switch ((enum smtp_phase)s->phase) {
	case SMTP_PHASE_NEW:
	case SMTP_PHASE_ASKED:
		return SERVER_STARVED;
	case SMTP_PHASE_TLS:
		if (!input->n)
			return SERVER_STARVED;
		server_end(s, SMTP_END_INJECTED);
		return SERVER_GO_ON;
	case SMTP_PHASE_COMMAND:
	case SMTP_PHASE_AUTH:
		return next_command(s, input, out, event);
	case SMTP_PHASE_DATA:
		return server_data(s, input, out, event);
	case SMTP_PHASE_CHUNK:
		return server_chunk(s, input, out, event);
	case SMTP_PHASE_ENDED:
		*input = span_from(*input, input->n);
		return tell_end(s, event);
	}
	return SERVER_STARVED;
}

bool smtp_server_next(struct smtp_server *s, struct span *input, struct buf *out,
                      struct smtp_event *event)
{
	enum server_progress progress;

	event->kind = SMTP_EVENT_NONE;
	do
		progress = go_on(s, input, out, event);
	while (progress == SERVER_GO_ON);
	return progress == SERVER_EVENT;
}

/* ── replies of the caller ───────────────────────────────────────────────────────────────────── */

static void begin_session_anew(struct smtp_server *s)
{
	server_end_transaction(s);
	s->hello = s->esmtp = s->authenticated = false;
	s->phase = SMTP_PHASE_COMMAND;
	s->asked = SMTP_EVENT_NONE;
}

static void begin_transaction(struct smtp_server *s, bool good)
{
	bool utf8 = s->utf8;

	server_end_transaction(s);
	s->mail = good;
	s->utf8 = good && utf8;
	s->body = (struct smtp_body_reader){ .newlines = s->options->newlines };
}

/* What the answer to the question means for the session. */
static void settle(struct smtp_server *s, unsigned code)
{
	enum smtp_event_kind asked = s->asked;
	bool good = code / 100 == 2;

	s->phase = SMTP_PHASE_COMMAND;
	s->asked = SMTP_EVENT_NONE;
	if (asked == SMTP_EVENT_HELLO && good) {
		s->hello = true;
		server_end_transaction(s);
	} else if (asked == SMTP_EVENT_STARTTLS && code == 220) {
		s->phase = SMTP_PHASE_TLS;
	} else if (asked == SMTP_EVENT_AUTH || asked == SMTP_EVENT_AUTH_LINE) {
		s->authenticated = good;
		if (code == 334)
			s->phase = SMTP_PHASE_AUTH;
	} else if (asked == SMTP_EVENT_XCLIENT && good) {
		begin_session_anew(s);
	} else if (asked == SMTP_EVENT_MAIL) {
		begin_transaction(s, good);
	} else if (asked == SMTP_EVENT_RCPT && good) {
		s->recipients++;
	} else if (asked == SMTP_EVENT_DATA && code == 354) {
		s->phase = SMTP_PHASE_DATA;
	} else if (asked == SMTP_EVENT_CHUNK_END) {
		s->chunks_failed = !good;
	} else if (asked == SMTP_EVENT_MESSAGE_END || asked == SMTP_EVENT_RSET) {
		if (asked == SMTP_EVENT_MESSAGE_END && good)
			s->idle = 0;
		server_end_transaction(s);
	}
	if (code == 421)
		server_end(s, SMTP_END_CALLER);
}

/* Said unasked, only the end is heard: anything else would be taken for the answer to a command. */
static void give(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                 struct span text)
{
	bool asked = s->phase == SMTP_PHASE_ASKED, greeting = s->phase == SMTP_PHASE_NEW;

	if (s->phase == SMTP_PHASE_ENDED || !(asked || greeting || code == 421))
		return;
	smtp_reply_add(out, code, enhanced, text, s->utf8);
	if (asked)
		settle(s, code);
	else
		server_end(s, SMTP_END_CALLER);
}

void smtp_server_reply(struct smtp_server *s, struct buf *out, unsigned code, const char *enhanced,
                       const char *text)
{
	give(s, out, code, enhanced, span_of(text));
}

void smtp_server_forward(struct smtp_server *s, struct buf *out, const struct smtp_reply *reply)
{
	give(s, out, reply->code, reply->enhanced, buf_span(&reply->text));
}

static void add_banner(struct smtp_server *s, struct buf *out, const char *text)
{
	AUTO_BUF struct buf line = { 0 };

	buf_add_text(&line, s->options->name);
	buf_add_text(&line, " ESMTP");
	if (text && *text)
		buf_addf(&line, " %s", text);
	smtp_reply_add(out, 220, NULL, buf_span(&line), false);
}

void smtp_server_greet(struct smtp_server *s, struct buf *out, const char *text)
{
	add_banner(s, out, text);
	s->phase = SMTP_PHASE_COMMAND;
}

void smtp_server_reply_xclient(struct smtp_server *s, struct buf *out)
{
	add_banner(s, out, NULL);
	settle(s, 220);
}

void smtp_server_reply_vrfy(struct smtp_server *s, struct buf *out)
{
	smtp_server_reply(s, out, 252, "2.0.0", "Send mail to it, and see");
}

void smtp_server_tls_started(struct smtp_server *s)
{
	begin_session_anew(s);
	s->tls = true;
}

/* ── EHLO ────────────────────────────────────────────────────────────────────────────────────── */

static void add_offers(const struct smtp_server *s, struct buf *text)
{
	static const struct {
		uint32_t offer;
		const char *keyword;
	} plain[] = {
		{ SMTP_OFFER_PIPELINING, "PIPELINING" },
		{ SMTP_OFFER_8BITMIME, "8BITMIME" },
		{ SMTP_OFFER_SMTPUTF8, "SMTPUTF8" },
		{ SMTP_OFFER_ENHANCED, "ENHANCEDSTATUSCODES" },
		{ SMTP_OFFER_DSN, "DSN" },
		{ SMTP_OFFER_CHUNKING, "CHUNKING" },
		{ SMTP_OFFER_VRFY, "VRFY" },
		{ SMTP_OFFER_XCLIENT, "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT" },
	};

	for (size_t i = 0; i < ROWS(plain); i++)
		if (s->offers & plain[i].offer) {
			buf_add_char(text, '\n');
			buf_add_text(text, plain[i].keyword);
		}
	if (s->offers & SMTP_OFFER_SIZE && s->options->size_max)
		buf_addf(text, "\nSIZE %llu", (unsigned long long)s->options->size_max);
	else if (s->offers & SMTP_OFFER_SIZE)
		buf_add_text(text, "\nSIZE");
	if (s->offers & SMTP_OFFER_STARTTLS && !s->tls)
		buf_add_text(text, "\nSTARTTLS");
	if (s->offers & SMTP_OFFER_AUTH && s->auth)
		buf_addf(text, "\nAUTH %s", s->auth);
}

void smtp_server_reply_hello(struct smtp_server *s, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	buf_add_text(&text, s->options->name);
	if (s->esmtp)
		add_offers(s, &text);
	smtp_reply_add(out, 250, NULL, buf_span(&text), false);
	settle(s, 250);
}
