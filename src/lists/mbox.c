/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mbox.h"

#include <ctype.h>
#include <string.h>

#define LINE_MAX_LOOKED 1000u

void lists_mbox_fini(struct lists_mbox *m)
{
	buf_fini(&m->line);
	*m = (struct lists_mbox){ 0 };
}

static bool is_digits(struct span s, size_t least, size_t most)
{
	if (s.n < least || s.n > most)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool is_word3(struct span s)
{
	if (s.n != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* H:MM, with :SS or without. */
static bool is_time(struct span s)
{
	struct span rest = s, part;
	unsigned n = 0;

	while (span_next_part(&rest, ':', &part)) {
		if (!is_digits(part, n ? 2 : 1, 2))
			return false;
		n++;
	}
	return n == 2 || n == 3;
}

/* From ADDRESS Ddd Mmm D H:MM[:SS] [ZONE] YYYY [ZONE] */
static bool is_from_line(struct span line)
{
	struct span words[10];
	size_t n = 0, at;

	while (n < ROWS(words) && span_next_word(&line, &words[n]))
		n++;
	if (n < 7 || n == ROWS(words) || !span_is(words[0], "From") || !is_word3(words[2]) ||
	    !is_word3(words[3]) || !is_digits(words[4], 1, 2) || !is_time(words[5]))
		return false;
	at = is_digits(words[6], 4, 4) ? 6 : 7;
	return at < n && is_digits(words[at], 4, 4) && n <= at + 2;
}

/* A name of characters 33 to 126 without a colon, and a colon. */
static bool is_header(struct span line)
{
	size_t i = 0;

	while (i < line.n && line.p[i] > 32 && line.p[i] < 127 && line.p[i] != ':')
		i++;
	return i > 0 && span_find(line, ':') >= 0;
}

bool lists_mbox_is_separator(struct span line, struct span next)
{
	return is_from_line(line) && is_header(next);
}

static void take_line(struct lists_mbox *m)
{
	struct span line = buf_span(&m->line);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (m->candidate && is_header(line))
		m->separators++;
	m->candidate = false;
	if (span_starts(line, "From ")) {
		m->messages++;
		m->candidate = is_from_line(line);
	}
	buf_reset(&m->line);
}

void lists_mbox_feed(struct lists_mbox *m, struct span octets)
{
	while (octets.n) {
		const char *end = memchr(octets.p, '\n', octets.n);
		size_t n = end ? (size_t)(end - octets.p) : octets.n;
		size_t room = LINE_MAX_LOOKED -
		              (m->line.n < LINE_MAX_LOOKED ? m->line.n : LINE_MAX_LOOKED);

		buf_add(&m->line, octets.p, n < room ? n : room);
		if (end)
			take_line(m);
		octets = span_from(octets, end ? n + 1 : n);
	}
}

void lists_mbox_end(struct lists_mbox *m)
{
	if (m->line.n)
		take_line(m);
}

void lists_mbox_append(struct buf *out, struct span unix_from, struct span message)
{
	struct span line;

	if (unix_from.n)
		buf_add_span(out, unix_from);
	else
		buf_add_text(out, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970");
	buf_add_char(out, '\n');
	while (message.n) {
		const char *end = memchr(message.p, '\n', message.n);

		line = (struct span){ message.p, end ? (size_t)(end - message.p) + 1 : message.n };
		if (span_starts(line, "From "))
			buf_add_char(out, '>');
		buf_add_span(out, line);
		if (!end)
			buf_add_char(out, '\n');
		message = span_from(message, line.n);
	}
	buf_add_char(out, '\n');
}
