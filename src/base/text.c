/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

bool span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_is(struct span a, const char *text)
{
	return span_equal(a, span_of(text));
}

bool span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && memcmp(a.p, prefix, n) == 0;
}

bool span_ends(struct span a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.n >= n && memcmp(a.p + a.n - n, suffix, n) == 0;
}

bool span_starts_nocase(struct span a, const char *prefix)
{
	for (size_t i = 0; prefix[i]; i++)
		if (i >= a.n || ascii_lower(a.p[i]) != ascii_lower(prefix[i]))
			return false;
	return true;
}

bool span_is_nocase(struct span a, const char *text)
{
	return a.n == strlen(text) && span_starts_nocase(a, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span a)
{
	while (a.n && is_blank(a.p[0]))
		a = span_from(a, 1);
	while (a.n && is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

struct span span_from(struct span a, size_t offset)
{
	if (offset > a.n)
		offset = a.n;
	/* NULL + 0 is undefined too */
	return (struct span){ offset ? a.p + offset : a.p, a.n - offset };
}

ssize_t span_find(struct span a, char c)
{
	const char *at = a.n ? memchr(a.p, c, a.n) : NULL;

	return at ? at - a.p : -1;
}

ssize_t span_find_text(struct span a, const char *text)
{
	const char *at = a.n ? memmem(a.p, a.n, text, strlen(text)) : NULL;

	return at ? at - a.p : -1;
}

bool span_next_line(struct span *rest, struct span *line)
{
	ssize_t lf;

	if (!rest->n)
		return false;
	lf = span_find(*rest, '\n');
	*line = (struct span){ rest->p, lf < 0 ? rest->n : (size_t)lf };
	*rest = span_from(*rest, lf < 0 ? rest->n : (size_t)lf + 1);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

bool span_next_part(struct span *rest, char separator, struct span *part)
{
	ssize_t at;

	if (!rest->p)
		return false;
	at = span_find(*rest, separator);
	if (at < 0) {
		*part = *rest;
		*rest = (struct span){ 0 };
		return true;
	}
	*part = (struct span){ rest->p, (size_t)at };
	*rest = span_from(*rest, (size_t)at + 1);
	return true;
}

bool span_next_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	*rest = span_trim(*rest);
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	*word = (struct span){ rest->p, n };
	*rest = span_from(*rest, n);
	return n > 0;
}

char *span_dup(struct span a)
{
	char *made = xmalloc(a.n + 1);

	for (size_t i = 0; i < a.n; i++)
		made[i] = a.p[i] ? a.p[i] : '?';
	made[a.n] = 0;
	return made;
}

bool span_parse_u64(struct span a, uint64_t *value)
{
	uint64_t v = 0;

	if (!a.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned digit = (unsigned char)a.p[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*value = v;
	return true;
}

bool text_parse_u64(const char *text, uint64_t *value)
{
	return span_parse_u64(span_of(text), value);
}

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = 0;
}

char *buf_room(struct buf *b, size_t n)
{
	size_t want = b->n + n + 1;

	if (want > b->room) {
		size_t room = b->room ? b->room : 64;

		while (room < want)
			room *= 2;
		b->p = xrealloc(b->p, room);
		b->room = room;
	}
	return b->p + b->n;
}

void buf_grown(struct buf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = 0;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *at = buf_room(b, n);

	if (n)
		memcpy(at, bytes, n);
	buf_grown(b, n);
}

void buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
	char *made = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&made, format, args);
	va_end(args);
	if (n < 0)
		abort();
	buf_add(b, made, (size_t)n);
	free(made);
}

void buf_drop_front(struct buf *b, size_t n)
{
	if (!n)
		return;
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
}

struct span buf_span(const struct buf *b)
{
	return (struct span){ buf_text(b), b->n };
}

const char *buf_text(const struct buf *b)
{
	return b->p ? b->p : "";
}

char *buf_take(struct buf *b)
{
	char *taken = b->p ? b->p : xstrdup("");

	*b = (struct buf){ 0 };
	return taken;
}

size_t span_utf8_length(struct span a)
{
	unsigned char c = (unsigned char)a.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n == 0 || a.n < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)a.p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && (unsigned char)a.p[1] < 0xa0) ||
	    (c == 0xed && (unsigned char)a.p[1] > 0x9f) ||
	    (c == 0xf0 && (unsigned char)a.p[1] < 0x90) ||
	    (c == 0xf4 && (unsigned char)a.p[1] > 0x8f))
		return 0;
	return n;
}

void buf_add_printable(struct buf *b, struct span s)
{
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = span_utf8_length(s);
		/* U+0080..U+009F are control characters too: a terminal obeys them */
		bool control = c < 0x20 || c == 0x7f ||
		               (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0);

		if (!n || control) {
			buf_addf(b, "\\x%02x", c);
			n = 1;
		} else {
			buf_add(b, s.p, n);
		}
		s = span_from(s, n);
	}
}

const char *text_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	}
	return NULL;
}

void buf_add_markup(struct buf *b, struct span s)
{
	AUTO_BUF struct buf printable = { 0 };

	buf_add_printable(&printable, s);
	for (size_t i = 0; i < printable.n; i++) {
		const char *entity = text_entity(printable.p[i]);

		if (entity)
			buf_add_text(b, entity);
		else
			buf_add_char(b, printable.p[i]);
	}
}

void buf_add_hex(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		buf_add_char(b, digits[p[i] >> 4]);
		buf_add_char(b, digits[p[i] & 15]);
	}
}

const char *text_size(char out[16], uint64_t octets)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)octets / 1000;
	size_t u = 0;

	if (octets < 1000) {
		snprintf(out, 16, "%u octets", (unsigned)octets);
		return out;
	}
	while (value >= 999.5 && u + 1 < ROWS(units)) {
		value /= 1000;
		u++;
	}
	snprintf(out, 16, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[u]);
	return out;
}

const char *text_duration(char out[24], double seconds)
{
	unsigned whole = (unsigned)seconds;

	if (seconds < 60)
		snprintf(out, 24, "%.1f s", seconds);
	else if (whole < 3600)
		snprintf(out, 24, "%u min %02u s", whole / 60, whole % 60);
	else
		snprintf(out, 24, "%u h %02u min", whole / 3600, whole / 60 % 60);
	return out;
}

void strings_fini(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->rows[i]);
	free(s->rows);
	*s = (struct strings){ 0 };
}

void strings_add(struct strings *s, const char *text)
{
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = xstrdup(text);
}

void strings_add_span(struct strings *s, struct span text)
{
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = span_dup(text);
}

void strings_add_each(struct strings *s, const char *before, const struct strings *from)
{
	for (size_t i = 0; i < from->n; i++)
		strings_addf(s, "%s%s", before, from->rows[i]);
}

void strings_add_lines(struct strings *s, struct span text)
{
	struct span line;

	while (span_next_line(&text, &line))
		strings_add_span(s, line);
}

void strings_addf(struct strings *s, const char *format, ...)
{
	char *made = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&made, format, args) < 0)
		abort();
	va_end(args);
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = made;
}

bool strings_has(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->rows[i], text))
			return true;
	return false;
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *s)
{
	if (s->n)
		qsort(s->rows, s->n, sizeof *s->rows, by_octets);
}
