/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/session.h"

#include "base/clock.h"
#include "base/memory.h"
#include "imap/login.h"
#include "imap/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#define READ_SIZE (128u << 10)
#define SILENCE_MS 300000

struct imap_session {
	const struct imap_server *server;
	struct imap_stream *stream;
	struct imap_reader reader;
	struct imap_response response;
	char *chunk;      /* READ_SIZE octets */
	struct span left; /* of the chunk, not read yet */
	struct strings capabilities;
	unsigned number; /* of the last command */
	struct error broken;
	bool is_broken, logged_in;
	bool is_deaf; /* it takes no more commands; what it has said may still be read */
};

static int give_up(struct imap_session *s, const struct error *why)
{
	if (!s->is_broken)
		s->broken = *why;
	s->is_broken = true;
	return -1;
}

static int check(const struct imap_session *s, struct error *err)
{
	if (s->is_broken)
		*err = s->broken;
	return s->is_broken ? -1 : 0;
}

/* ── responses ───────────────────────────────────────────────────────────────────────────────── */

static void take_capabilities(struct imap_session *s, struct span words)
{
	struct span rest = words, word;

	strings_fini(&s->capabilities);
	while (span_next_word(&rest, &word) && s->capabilities.n < 1000)
		strings_add_span(&s->capabilities, word);
}

bool imap_session_has(const struct imap_session *s, const char *capability)
{
	for (size_t i = 0; i < s->capabilities.n; i++)
		if (span_is_nocase(span_of(s->capabilities.rows[i]), capability))
			return true;
	return false;
}

/* What concerns the session, whoever has asked. */
static int look(struct imap_session *s, struct error *err)
{
	const struct imap_response *p = &s->response;
	AUTO_BUF struct buf words = { 0 };

	if (p->kind == IMAP_CAPABILITY)
		take_capabilities(s, p->words);
	if (span_is_nocase(p->code, "CAPABILITY"))
		take_capabilities(s, p->code_rest);
	if (p->kind != IMAP_WORDS || p->status != IMAP_BYE)
		return 0;
	buf_add_printable(&words, p->words);
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
	                 "%s:%u: the server ended the session: %s", s->server->host,
	                 s->server->port, buf_text(&words));
}

/* 1: a response is whole; 0: the chunk is used up. */
static int read_chunk(struct imap_session *s, struct error *err)
{
	while (s->left.n) {
		size_t used;
		int whole = imap_reader_feed(&s->reader, s->left, &used, err);

		if (whole < 0)
			return -1;
		s->left = span_from(s->left, used);
		if (!whole)
			continue;
		/* an empty line is nothing */
		if (!s->reader.text.n)
			continue;
		if (imap_response_parse(&s->reader, &s->response, err) < 0 || look(s, err) < 0)
			return -1;
		return 1;
	}
	return 0;
}

static int fill(struct imap_session *s, struct error *err)
{
	const struct imap_server *server = s->server;
	size_t room = server->pace ? pace_chunk(server->pace, READ_SIZE) : READ_SIZE;
	ssize_t n = imap_stream_read(s->stream, s->chunk, room, err);
	int64_t wait_ms;

	if (n <= 0)
		return (int)n;
	s->left = (struct span){ s->chunk, (size_t)n };
	if (server->octets)
		*server->octets += (uint64_t)n;
	wait_ms = server->pace ? pace_wait_ms(server->pace, (uint64_t)n, clock_monotonic_ms()) : 0;
	if (wait_ms > 0)
		clock_sleep_ms(wait_ms);
	return 1;
}

int imap_session_try(struct imap_session *s, const struct imap_response **out, struct error *err)
{
	int found;

	if (check(s, err) < 0)
		return -1;
	do {
		found = read_chunk(s, err);
		if (found < 0)
			return give_up(s, err);
		if (found) {
			*out = &s->response;
			return 1;
		}
		found = fill(s, err);
		if (found < 0)
			return give_up(s, err);
	} while (found);
	return 0;
}

static int too_silent(struct imap_session *s, struct error *err)
{
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, ETIMEDOUT,
	          "%s:%u: the server says nothing any more", s->server->host, s->server->port);
	return give_up(s, err);
}

static int silence_ms(const struct imap_session *s)
{
	return s->server->silence_ms ? s->server->silence_ms : SILENCE_MS;
}

int imap_session_next(struct imap_session *s, const struct imap_response **out, struct error *err)
{
	for (;;) {
		int found = imap_session_try(s, out, err);

		if (found)
			return found < 0 ? -1 : 0;
		if (!imap_stream_wait(s->stream, silence_ms(s)))
			return too_silent(s, err);
	}
}

static bool may_go_on(const struct imap_session *s)
{
	return s->is_broken || s->left.n || imap_stream_pending(s->stream);
}

int imap_session_wait(struct imap_session *const *sessions, size_t n, size_t *which,
                      struct error *err)
{
	AUTO_FREE struct pollfd *p = xcalloc(n + 1, sizeof *p);

	for (size_t i = 0; i < n; i++) {
		if (may_go_on(sessions[i])) {
			*which = i;
			return 0;
		}
		p[i] = (struct pollfd){ .fd = imap_stream_fd(sessions[i]->stream),
			                .events = POLLIN };
	}
	if (poll(p, n, silence_ms(sessions[0])) < 1) {
		*which = 0;
		return too_silent(sessions[0], err);
	}
	for (size_t i = 0; i < n; i++)
		if (p[i].revents) {
			*which = i;
			break;
		}
	return 0;
}

const struct imap_body *imap_session_body(const struct imap_session *s)
{
	return &s->reader.body;
}

/* ── commands ────────────────────────────────────────────────────────────────────────────────── */

static int send_words(struct imap_session *s, unsigned *number, struct error *err,
                      const char *format, va_list args) PRINTF_LIKE(4, 0);
static int send_words(struct imap_session *s, unsigned *number, struct error *err,
                      const char *format, va_list args)
{
	AUTO_BUF struct buf line = { 0 };
	AUTO_FREE char *words = NULL;

	if (check(s, err) < 0)
		return -1;
	buf_addf(&line, "A%u ", ++s->number);
	if (vasprintf(&words, format, args) < 0)
		abort();
	buf_add_text(&line, words);
	buf_add_text(&line, "\r\n");
	*number = s->number;
	return imap_session_say(s, buf_span(&line), err);
}

int imap_session_send(struct imap_session *s, unsigned *number, struct error *err,
                      const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = send_words(s, number, err, format, args);
	va_end(args);
	return result;
}

unsigned imap_response_number(const struct imap_response *p)
{
	uint64_t n;

	if (p->kind != IMAP_TAGGED || p->tag.n < 2 || p->tag.p[0] != 'A' ||
	    !span_parse_u64(span_from(p->tag, 1), &n) || n > UINT32_MAX)
		return 0;
	return (unsigned)n;
}

static int wait_for_end(struct imap_session *s, unsigned number, imap_take_fn *take, void *context,
                        const struct imap_response **end, struct error *err)
{
	for (;;) {
		const struct imap_response *p;

		if (imap_session_next(s, &p, err) < 0)
			return -1;
		if (imap_response_number(p) == number) {
			*end = p;
			return 0;
		}
		if (take && p->kind != IMAP_TAGGED && take(context, p, err) < 0)
			return -1;
	}
}

int imap_session_run(struct imap_session *s, imap_take_fn *take, void *context,
                     const struct imap_response **end, struct error *err, const char *format, ...)
{
	unsigned number;
	va_list args;
	int result;

	va_start(args, format);
	result = send_words(s, &number, err, format, args);
	va_end(args);
	return result < 0 ? -1 : wait_for_end(s, number, take, context, end, err);
}

bool imap_response_is_for_now(const struct imap_response *end)
{
	static const char *const codes[] = { "LIMIT", "THROTTLED", "UNAVAILABLE", "INUSE",
		                             "OVERQUOTA" };

	for (size_t i = 0; i < ROWS(codes); i++)
		if (end->status == IMAP_NO && span_is_nocase(end->code, codes[i]))
			return true;
	/* as Gmail and Exchange have it */
	return end->status != IMAP_OK && (span_find_text(end->words, "hrottl") >= 0 ||
	                                  span_find_text(end->words, "oo many simultaneous") >= 0);
}

int imap_session_refused(const struct imap_session *s, const struct imap_response *end,
                         const char *what, struct error *err)
{
	AUTO_BUF struct buf words = { 0 };

	if (end->code.n) {
		buf_add_char(&words, '[');
		buf_add_printable(&words, end->code);
		buf_add_text(&words, "] ");
	}
	buf_add_printable(&words, end->words);
	return error_set(err, ERROR_SCOPE_MAILBOX,
	                 imap_response_is_for_now(end) ? ERROR_RETRY_LATER : ERROR_RETRY_PERSON, 0,
	                 "%s: %s: the server refuses: %s", s->server->host, what, buf_text(&words));
}

bool imap_quote(struct span text, struct buf *out)
{
	if (span_find(text, '\r') >= 0 || span_find(text, '\n') >= 0 || span_find(text, 0) >= 0)
		return false;
	buf_add_char(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, text.p[i]);
	}
	buf_add_char(out, '"');
	return true;
}

/* ── opening ─────────────────────────────────────────────────────────────────────────────────── */

static int greet(struct imap_session *s, struct error *err)
{
	const struct imap_response *p;

	if (imap_session_next(s, &p, err) < 0)
		return -1;
	if (p->kind == IMAP_WORDS && p->status == IMAP_OK)
		return 0;
	/* logged in as whom? And STARTTLS is not to be had any more (RFC 3501 section 6.2.1) */
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s:%u does not greet as an IMAP server that wants a login",
	                 s->server->host, s->server->port);
}

static int ask_capabilities(struct imap_session *s, struct error *err)
{
	const struct imap_response *end;

	if (imap_session_run(s, NULL, NULL, &end, err, "CAPABILITY") < 0)
		return -1;
	return end->status == IMAP_OK ? 0 : imap_session_refused(s, end, "CAPABILITY", err);
}

static int start_tls(struct imap_session *s, struct error *err)
{
	const struct imap_response *end;

	if (!imap_session_has(s, "STARTTLS")) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "%s:%u offers no STARTTLS: the password would travel for all to read",
		          s->server->host, s->server->port);
		return error_hint(err, "try imaps://, or allow it by --tls none");
	}
	if (imap_session_run(s, NULL, NULL, &end, err, "STARTTLS") < 0)
		return -1;
	if (end->status != IMAP_OK)
		return imap_session_refused(s, end, "STARTTLS", err);
	/* what came before TLS began may be anybody's (RFC 9051 section 11.1) */
	if (s->left.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%s:%u: somebody puts words into the connection before TLS begins",
		                 s->server->host, s->server->port);
	strings_fini(&s->capabilities);
	return imap_stream_secure(s->stream, err);
}

static int begin(struct imap_session *s, const struct imap_login *login, struct error *err)
{
	if (imap_stream_open(&s->stream, s->server, err) < 0)
		return -1;
	if (s->server->tls == IMAP_TLS_IMPLICIT && imap_stream_secure(s->stream, err) < 0)
		return -1;
	if (greet(s, err) < 0 || ask_capabilities(s, err) < 0)
		return -1;
	if (s->server->tls == IMAP_TLS_STARTTLS &&
	    (start_tls(s, err) < 0 || ask_capabilities(s, err) < 0))
		return -1;
	if (imap_login(s, login, err) < 0)
		return -1;
	s->logged_in = true;
	/* there may be others now */
	return ask_capabilities(s, err);
}

int imap_session_open(struct imap_session **out, const struct imap_server *server,
                      const struct imap_login *login, struct error *err)
{
	struct imap_session *s = xcalloc(1, sizeof *s);

	s->server = server;
	s->chunk = xmalloc(READ_SIZE);
	imap_reader_init(&s->reader);
	if (begin(s, login, err) < 0) {
		imap_session_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void imap_session_close(struct imap_session *s)
{
	struct error ignored = { 0 };
	unsigned number;

	if (!s)
		return;
	if (s->logged_in && !s->is_broken)
		(void)!imap_session_send(s, &number, &ignored, "LOGOUT");
	imap_stream_close(s->stream);
	imap_reader_fini(&s->reader);
	imap_response_fini(&s->response);
	strings_fini(&s->capabilities);
	free(s->chunk);
	free(s);
}

/* ── for imap/login.c ────────────────────────────────────────────────────────────────────────── */

int imap_session_say(struct imap_session *s, struct span line, struct error *err)
{
	struct error why = { 0 };

	if (check(s, err) < 0)
		return -1;
	/* it closed the connection: the messages that are still on their way are good, and what
	 * comes behind them is the end */
	if (!s->is_deaf && imap_stream_write(s->stream, line, &why) < 0)
		s->is_deaf = true;
	return 0;
}

unsigned imap_session_take_number(struct imap_session *s)
{
	return ++s->number;
}
