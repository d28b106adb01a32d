/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_split.h"

#include <string.h>
#include <time.h>

/* A line longer than this is given out in parts; no From_ line, and no header that counts, is. */
#define LINE_MAX_KEPT 16384u
/* A From_ line waits no longer than this for a header that decides. */
#define HELD_MAX (64u << 10)

void archive_split_fini(struct archive_split *s)
{
	buf_fini(&s->line);
	buf_fini(&s->held);
	*s = (struct archive_split){ 0 };
}

/* ── From_ lines ─────────────────────────────────────────────────────────────────────────────── */

static int index_of(struct span word, const char *table)
{
	for (int i = 0; word.n == 3 && table[3 * i]; i++)
		if (!memcmp(table + 3 * i, word.p, 3))
			return i;
	return -1;
}

static bool number(struct span text, size_t digits, uint64_t most, int *out)
{
	uint64_t v;

	if (!text.n || text.n > digits || !span_parse_u64(text, &v) || v > most)
		return false;
	*out = (int)v;
	return true;
}

static bool clock_time(struct span word, struct tm *tm)
{
	struct span rest = word, part;
	int *const fields[] = { &tm->tm_hour, &tm->tm_min, &tm->tm_sec };
	static const unsigned most[] = { 23, 59, 60 };
	unsigned n = 0;

	tm->tm_sec = 0;
	while (span_next_part(&rest, ':', &part))
		if (n == 3 || !number(part, 2, most[n], fields[n]) || (n && part.n != 2))
			return false;
		else
			n++;
	return n >= 2;
}

/* Ddd Mmm D H:MM[:SS] [ZONE] YYYY [ZONE] */
static bool read_date(struct span rest, struct tm *tm)
{
	struct span word;
	int year = 0;

	*tm = (struct tm){ 0 };
	if (!span_next_word(&rest, &word) || index_of(word, "MonTueWedThuFriSatSun") < 0 ||
	    !span_next_word(&rest, &word) ||
	    (tm->tm_mon = index_of(word, "JanFebMarAprMayJunJulAugSepOctNovDec")) < 0 ||
	    !span_next_word(&rest, &word) || !number(word, 2, 31, &tm->tm_mday) || !tm->tm_mday ||
	    !span_next_word(&rest, &word) || !clock_time(word, tm))
		return false;
	for (unsigned i = 0; i < 2 && !year && span_next_word(&rest, &word); i++)
		if (word.n != 4 || !number(word, 4, 9999, &year) || year < 1900)
			year = 0;
	tm->tm_year = year - 1900;
	(void)span_next_word(&rest, &word); /* a zone */
	return year && !span_next_word(&rest, &word);
}

bool archive_from_line(struct span line, int64_t *time)
{
	struct span rest, word;
	struct tm tm;
	bool quoted = false;

	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (!span_starts(line, "From ") || line.n > 1000)
		return false;
	rest = span_from(line, 5);
	for (unsigned i = 0; i < 8 && span_next_word(&rest, &word); i++) {
		for (size_t at = 0; at < word.n; at++)
			quoted = quoted != (word.p[at] == '"');
		if (quoted || !read_date(rest, &tm))
			continue;
		/* "NAME at HOST", or a quoted name: else a sentence that ends in a date */
		if (i && memchr(line.p, '"', line.n) == NULL && span_find_text(line, " at ") < 0)
			return false;
		if (time)
			*time = timegm(&tm);
		return true;
	}
	return false;
}

/* ── headers ─────────────────────────────────────────────────────────────────────────────────── */

#define NAME_SENDER 1u
#define NAME_DATE 2u
#define NAME_OTHER 4u

/* The bit of a header's name, 0 for one that tells nothing; -1: no header. */
static int header_bits(struct span line)
{
	static const struct {
		const char *name;
		unsigned bits;
	} rows[] = {
		{ "From", NAME_SENDER },
		{ "Sender", NAME_SENDER },
		{ "Date", NAME_DATE },
		{ "Received", NAME_DATE },
		{ "Message-ID", NAME_DATE },
		{ "Subject", NAME_OTHER },
		{ "To", NAME_OTHER },
		{ "Return-Path", NAME_OTHER },
		{ "Delivered-To", NAME_OTHER },
		{ "MIME-Version", NAME_OTHER },
		{ "X-Original-To", NAME_OTHER },
		{ "Content-Type", NAME_OTHER },
	};
	struct span name = line;
	size_t i = 0;

	while (i < line.n && line.p[i] > 32 && line.p[i] < 127 && line.p[i] != ':')
		i++;
	name.n = i;
	/* blanks may stand before the colon: RFC 5322 section 4.5 */
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	if (!name.n || i == line.n || line.p[i] != ':')
		return -1;
	for (size_t at = 0; at < ROWS(rows); at++)
		if (span_is_nocase(name, rows[at].name))
			return (int)rows[at].bits;
	return 0;
}

static bool is_blank(struct span line)
{
	return span_is(line, "\n") || span_is(line, "\r\n");
}

/* ── deciding ────────────────────────────────────────────────────────────────────────────────── */

static int give_held(struct archive_split *s, enum archive_line kind, struct error *err)
{
	struct span rest = buf_span(&s->held);
	struct span line = { rest.p, s->held_from };
	uint64_t number = s->held_line;
	int result = s->take(s->context, kind, number, line, err);

	rest = span_from(rest, s->held_from);
	while (result == 0 && rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);

		line = (struct span){ rest.p, end ? (size_t)(end - rest.p) + 1 : rest.n };
		result = s->take(s->context, ARCHIVE_LINE_PLAIN, ++number, line, err);
		rest = span_from(rest, line.n);
	}
	buf_reset(&s->held);
	return result;
}

static enum archive_line held_kind(const struct archive_split *s)
{
	if (!s->held_close)
		return s->names ? ARCHIVE_LINE_FROM : ARCHIVE_LINE_STRAY;
	return (s->names & NAME_SENDER) && (s->names & NAME_DATE) ? ARCHIVE_LINE_FROM_CLOSE
	                                                          : ARCHIVE_LINE_STRAY;
}

/* True: the line belongs to what is undecided, or has decided it as its last. */
static bool held_takes(struct archive_split *s, struct span line)
{
	int bits = header_bits(line);
	bool continues = line.n && (line.p[0] == ' ' || line.p[0] == '\t') &&
	                 s->held.n > s->held_from && !is_blank(line);

	if (s->held.n + line.n > HELD_MAX ||
	    (bits < 0 && !continues && !span_starts(line, ">From ")))
		return false;
	if (bits > 0 && !continues)
		s->names |= (unsigned)bits;
	buf_add_span(&s->held, line);
	return true;
}

static int take_line(struct archive_split *s, struct span line, bool whole, struct error *err)
{
	int result = 0;

	s->at_line++;
	if (s->held.n) {
		bool taken = whole && held_takes(s, line);

		if (taken && held_kind(s) == ARCHIVE_LINE_STRAY)
			return 0;
		result = give_held(s, held_kind(s), err);
		s->blank = false;
		if (taken || result < 0)
			return result;
	}
	if (whole && archive_from_line(line, NULL)) {
		buf_add_span(&s->held, line);
		s->held_from = line.n;
		s->held_line = s->at_line;
		s->held_close = s->begun && !s->blank;
		s->names = 0;
	} else {
		result = s->take(s->context,
		                 span_starts(line, "From ") ? ARCHIVE_LINE_STRAY
		                                            : ARCHIVE_LINE_PLAIN,
		                 s->at_line, line, err);
	}
	s->begun = true;
	s->blank = is_blank(line);
	return result;
}

/* What is in s->line: a line, or the first part of one that is too long. */
static int end_line(struct archive_split *s, bool whole, struct error *err)
{
	struct span line = buf_span(&s->line);
	int result = s->in_line ? s->take(s->context, ARCHIVE_LINE_PLAIN, s->at_line, line, err)
	                        : take_line(s, line, whole, err);

	s->in_line = !whole;
	buf_reset(&s->line);
	return result;
}

int archive_split_feed(struct archive_split *s, struct span octets, struct error *err)
{
	while (octets.n) {
		const char *end = memchr(octets.p, '\n', octets.n);
		size_t n = end ? (size_t)(end - octets.p) + 1 : octets.n;
		size_t room = LINE_MAX_KEPT - s->line.n;
		bool whole = end && n <= room;

		if (n > room)
			n = room;
		buf_add(&s->line, octets.p, n);
		if ((whole || s->line.n == LINE_MAX_KEPT) && end_line(s, whole, err) < 0)
			return -1;
		octets = span_from(octets, n);
	}
	return 0;
}

int archive_split_end(struct archive_split *s, struct error *err)
{
	if (s->line.n && end_line(s, true, err) < 0)
		return -1;
	return s->held.n ? give_held(s, held_kind(s), err) : 0;
}
