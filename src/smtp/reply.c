/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/reply.h"

#include <string.h>

#define MADE_LINE_MAX 510u /* RFC 5321 section 4.5.3.1.5, without CRLF */

void smtp_reply_fini(struct smtp_reply *r)
{
	buf_fini(&r->text);
	*r = (struct smtp_reply){ 0 };
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Octets of "5.1.1" at the beginning (RFC 3463 section 2), when it fits to the code; else 0. */
static size_t enhanced_length(struct span words, unsigned code)
{
	size_t n = 0;

	if (words.n < 5 || (unsigned)(words.p[0] - '0') != code / 100 || code / 100 == 3)
		return 0;
	for (n = 1; n < words.n && (is_digit(words.p[n]) || words.p[n] == '.'); n++)
		;
	if (n > 9 || n < 5 || words.p[1] != '.' || words.p[n - 1] == '.' ||
	    (n < words.n && words.p[n] != ' '))
		return 0;
	words = (struct span){ words.p + 2, n - 2 };
	n = (size_t)(span_find(words, '.') + 1);
	if (n < 2 || n > 4 || words.n - n > 3 || span_find(span_from(words, n), '.') >= 0)
		return 0;
	return words.n + 2;
}

/* What a server says ends up in logs, in the ledger and in replies of ours. */
static void add_clean(struct buf *out, struct span words, bool utf8)
{
	char *to = buf_room(out, words.n);

	for (size_t i = 0; i < words.n; i++) {
		unsigned char c = (unsigned char)words.p[i];

		to[i] = c < ' ' || c == 127 || (c > 127 && !utf8) ? '?' : (char)c;
	}
	buf_grown(out, words.n);
}

static int fail(struct error *err, const char *why, struct span line)
{
	AUTO_BUF struct buf shown = { 0 };

	buf_add_printable(&shown, (struct span){ line.p, line.n < 80 ? line.n : 80 });
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "the server's reply %s: \"%s\"", why, buf_text(&shown));
}

static int read_line(struct smtp_reply *r, struct span line, struct error *err)
{
	unsigned code = 0;
	struct span words;
	size_t n;

	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !is_digit(line.p[1]) ||
	    !is_digit(line.p[2]) || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
		return fail(err, "has no code", line);
	for (size_t i = 0; i < 3; i++)
		code = code * 10 + (unsigned)(line.p[i] - '0');
	if (!r->expects_more) {
		buf_reset(&r->text);
		r->enhanced[0] = 0;
		r->code = code;
		r->lines = 0;
	} else if (code != r->code) {
		return fail(err, "changes its code", line);
	}
	words = span_from(line, 4);
	n = enhanced_length(words, code);
	if (n && (r->lines == 0 || *r->enhanced)) {
		memcpy(r->enhanced, words.p, n);
		r->enhanced[n] = 0;
		words = span_from(words, n + 1);
	}
	if (r->lines == SMTP_REPLY_LINES_MAX || r->text.n + words.n > SMTP_REPLY_MAX)
		return fail(err, "is too long", line);
	if (r->lines++)
		buf_add_char(&r->text, '\n');
	add_clean(&r->text, words, true);
	r->expects_more = line.n > 3 && line.p[3] == '-';
	return r->expects_more ? 0 : 1;
}

int smtp_reply_read(struct smtp_reply *r, struct span *input, struct error *err)
{
	for (;;) {
		ssize_t lf = span_find(*input, '\n');
		struct span line;
		int whole;

		if (lf < 0 && input->n < SMTP_REPLY_LINE_MAX)
			return 0;
		if (lf < 0 || lf >= (ssize_t)SMTP_REPLY_LINE_MAX)
			return fail(err, "has a line that is too long", *input);
		line = (struct span){ input->p, (size_t)lf };
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		whole = read_line(r, line, err);
		*input = span_from(*input, (size_t)lf + 1);
		if (whole)
			return whole;
	}
}

/* ── making ──────────────────────────────────────────────────────────────────────────────────── */

static void add_line(struct buf *out, unsigned code, const char *enhanced, struct span words,
                     bool last, bool utf8)
{
	char head[20];
	int n = snprintf(head, sizeof head, "%03u%c%.11s%s", code, last ? ' ' : '-', enhanced,
	                 *enhanced ? " " : "");

	if (words.n > MADE_LINE_MAX - (size_t)n)
		words.n = MADE_LINE_MAX - (size_t)n;
	buf_add(out, head, (size_t)n);
	add_clean(out, words, utf8);
	buf_add(out, "\r\n", 2);
}

void smtp_reply_add(struct buf *out, unsigned code, const char *enhanced, struct span text,
                    bool utf8)
{
	struct span line;

	if (!text.n)
		add_line(out, code, enhanced ? enhanced : "", text, true, utf8);
	while (text.n) {
		ssize_t lf = span_find(text, '\n');

		line = (struct span){ text.p, lf < 0 ? text.n : (size_t)lf };
		text = span_from(text, lf < 0 ? text.n : (size_t)lf + 1);
		add_line(out, code, enhanced ? enhanced : "", line, text.n == 0, utf8);
	}
}

void smtp_reply_show(struct buf *out, const struct smtp_reply *r)
{
	size_t from = out->n;

	buf_addf(out, "%03u%s%s%s", r->code, *r->enhanced ? " " : "", r->enhanced,
	         r->text.n ? " " : "");
	buf_add_span(out, buf_span(&r->text));
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n')
			out->p[i] = ' ';
}
