/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_letter.h"

#include "base/cleanup.h"
#include "lists/archive_split.h"
#include "lists/charset.h"
#include "mail/header.h"

#include <string.h>
#include <time.h>

#define REFERENCES_MAX 200u
#define PARTS_MAX 200u
#define DEPTH_MAX 8u
#define BODY_MAX (4u << 20)

void archive_letter_fini(struct archive_letter *l)
{
	buf_fini(&l->id);
	buf_fini(&l->subject);
	buf_fini(&l->author);
	buf_fini(&l->email);
	buf_fini(&l->date_text);
	buf_fini(&l->in_reply_to);
	buf_fini(&l->body);
	strings_fini(&l->references);
	*l = (struct archive_letter){ 0 };
}

/* ── encodings ───────────────────────────────────────────────────────────────────────────────── */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* `header`: the Q of encoded words, where "_" is a blank. */
static void add_quoted(struct buf *out, struct span s, bool header)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '_' && header) {
			buf_add_char(out, ' ');
		} else if (s.p[i] != '=') {
			buf_add_char(out, s.p[i]);
		} else if (i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			buf_add_char(out, (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])));
			i += 2;
		} else {
			/* a soft line break; blanks may stand before its end */
			while (i + 1 < s.n && strchr(" \t\r", s.p[i + 1]))
				i++;
			i += i + 1 < s.n && s.p[i + 1] == '\n';
		}
	}
}

/* RFC 4648 section 4; -1 for what is none of the alphabet. */
static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void add_base64(struct buf *out, struct span s)
{
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
		int value = base64_value(s.p[i]);

		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		if (++n % 4 == 0) {
			const char three[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };

			buf_add(out, three, 3);
		}
	}
	if (n % 4 == 2)
		buf_add_char(out, (char)(bits >> 4));
	if (n % 4 == 3) {
		buf_add_char(out, (char)(bits >> 10));
		buf_add_char(out, (char)(bits >> 2));
	}
}

void archive_letter_octets(struct span encoding, struct span body, struct buf *out)
{
	if (span_is_nocase(encoding, "quoted-printable"))
		add_quoted(out, body, false);
	else if (span_is_nocase(encoding, "base64"))
		add_base64(out, body);
	else
		buf_add_span(out, body);
}

void archive_letter_charset(struct span octets, struct span charset, struct buf *out)
{
	AUTO_FREE char *name = span_dup(charset);
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new(
		*name && charset.n < 40 ? name : "us-ascii");

	(void)lists_decode(c, octets, out);
}

/* "=?charset?q?text?=" at the begin of `s`: its length, 0 when it is none. */
static size_t add_encoded_word(struct buf *out, struct span s)
{
	struct span rest = span_from(s, 2), charset, how, text;
	AUTO_BUF struct buf octets = { 0 };
	ssize_t end;

	if (!span_starts(s, "=?") || !span_next_part(&rest, '?', &charset) || !rest.p ||
	    !span_next_part(&rest, '?', &how) || !rest.p || how.n != 1 || charset.n > 60 ||
	    (end = span_find_text(rest, "?=")) < 0)
		return 0;
	text = (struct span){ rest.p, (size_t)end };
	if (memchr(text.p, ' ', text.n) || !strchr("qQbB", *how.p))
		return 0;
	if (*how.p == 'q' || *how.p == 'Q')
		add_quoted(&octets, text, true);
	else
		add_base64(&octets, text);
	/* a language may stand behind the charset: RFC 2231 section 5 */
	if (span_find(charset, '*') >= 0)
		charset.n = (size_t)span_find(charset, '*');
	archive_letter_charset(buf_span(&octets), charset, out);
	return (size_t)(text.p + text.n + 2 - s.p);
}

void archive_letter_words(struct span header, struct buf *out)
{
	AUTO_BUF struct buf plain = { 0 }, unfolded = { 0 };
	bool word_before = false;
	struct span rest;

	for (size_t i = 0; i < header.n; i++)
		if (header.p[i] != '\n' && header.p[i] != '\r')
			buf_add_char(&unfolded, header.p[i] == '\t' ? ' ' : header.p[i]);
	for (rest = buf_span(&unfolded); rest.n;) {
		AUTO_BUF struct buf word = { 0 };
		size_t n = *rest.p == '=' && rest.n > 2 ? add_encoded_word(&word, rest) : 0;

		if (!n) {
			buf_add_char(&plain, *rest.p);
			rest = span_from(rest, 1);
			continue;
		}
		/* blanks between two encoded words are none */
		if (!word_before || span_trim(buf_span(&plain)).n)
			archive_letter_charset(buf_span(&plain), SPAN("utf-8"), out);
		buf_reset(&plain);
		buf_add_span(out, buf_span(&word));
		word_before = true;
		rest = span_from(rest, n);
	}
	archive_letter_charset(buf_span(&plain), SPAN("utf-8"), out);
}

/* ── dates ───────────────────────────────────────────────────────────────────────────────────── */

static bool small_number(struct span s, uint64_t most, int *out)
{
	uint64_t v;

	if (!span_parse_u64(s, &v) || v > most)
		return false;
	*out = (int)v;
	return true;
}

static bool read_clock(struct span word, struct tm *tm)
{
	struct span rest = word, part;
	int *const fields[] = { &tm->tm_hour, &tm->tm_min, &tm->tm_sec };
	static const unsigned most[] = { 23, 59, 60 };
	unsigned n = 0;

	for (; span_next_part(&rest, ':', &part); n++)
		if (n == 3 || !small_number(part, most[n], fields[n]))
			return false;
	return n >= 2;
}

static int zone_of(struct span word)
{
	uint64_t v;

	if (word.n != 5 || (*word.p != '+' && *word.p != '-') ||
	    !span_parse_u64(span_from(word, 1), &v))
		return 0;
	v = v / 100 * 3600 + v % 100 * 60;
	return v > 86400 ? 0 : *word.p == '-' ? -(int)v : (int)v;
}

bool archive_letter_date(struct span text, int64_t *time)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	struct span rest = span_trim(text), word;
	struct tm tm = { 0 };
	char month[4] = "";
	const char *at;
	int year;

	if (span_find(rest, ',') >= 0)
		rest = span_from(rest, (size_t)span_find(rest, ',') + 1);
	if (!span_next_word(&rest, &word) || !small_number(word, 31, &tm.tm_mday) ||
	    !span_next_word(&rest, &word) || word.n < 3)
		return false;
	for (int i = 0; i < 3; i++)
		month[i] = ascii_lower(word.p[i]);
	at = strstr(months, month);
	if (!at || (at - months) % 3 || !span_next_word(&rest, &word) ||
	    !small_number(word, 9999, &year) || !span_next_word(&rest, &word) ||
	    !read_clock(word, &tm))
		return false;
	tm.tm_mon = (int)(at - months) / 3;
	/* RFC 5322 section 4.3 */
	tm.tm_year = year < 50 ? year + 100 : year < 1000 ? year : year - 1900;
	*time = timegm(&tm) - (span_next_word(&rest, &word) ? zone_of(word) : 0);
	return true;
}

/* ── bodies ──────────────────────────────────────────────────────────────────────────────────── */

/* The value of a parameter; empty when there is none. */
struct span archive_letter_parameter(struct span header, const char *name)
{
	struct span rest = header, part, value;

	while (span_next_part(&rest, ';', &part)) {
		part = span_trim(part);
		if (!span_starts_nocase(part, name) || part.n <= strlen(name) ||
		    part.p[strlen(name)] != '=')
			continue;
		value = span_trim(span_from(part, strlen(name) + 1));
		if (value.n > 1 && *value.p == '"' && value.p[value.n - 1] == '"')
			value = (struct span){ value.p + 1, value.n - 2 };
		return value;
	}
	return (struct span){ "", 0 };
}

static struct span body_of(struct span message)
{
	struct span rest = message, line;

	while (span_next_line(&rest, &line))
		if (!line.n)
			break;
	return rest;
}

struct reading {
	struct buf *out;
	unsigned parts;
};

static void add_part(struct reading *r, struct span part, unsigned depth);

static void add_multipart(struct reading *r, struct span body, struct span boundary, unsigned depth)
{
	struct span rest = body, line, part = { NULL, 0 };

	while (r->parts < PARTS_MAX && span_next_line(&rest, &line)) {
		if (line.n < boundary.n + 2 || !span_starts(line, "--") ||
		    memcmp(line.p + 2, boundary.p, boundary.n) != 0)
			continue;
		if (part.p) {
			part.n = (size_t)(line.p - part.p);
			add_part(r, part, depth + 1);
		}
		part.p = rest.p;
		if (line.n >= boundary.n + 4 && !memcmp(line.p + 2 + boundary.n, "--", 2))
			return;
	}
	if (part.p) {
		part.n = (size_t)(body.p + body.n - part.p);
		add_part(r, part, depth + 1);
	}
}

static void add_text(struct reading *r, struct span part, struct span type, struct span body)
{
	AUTO_BUF struct buf octets = { 0 };
	struct span how = { "", 0 };

	(void)header_find(part, "Content-Transfer-Encoding", &how);
	if (body.n > BODY_MAX)
		body.n = BODY_MAX;
	archive_letter_octets(how, body, &octets);
	archive_letter_charset(buf_span(&octets), archive_letter_parameter(type, "charset"),
	                       r->out);
}

/* A message, or a part of one. */
static void add_part(struct reading *r, struct span part, unsigned depth)
{
	struct span type = { "", 0 }, body = body_of(part), kind, boundary;

	r->parts++;
	if (!header_find(part, "Content-Type", &type) || !type.n)
		type = SPAN("text/plain");
	kind = type;
	if (span_find(kind, ';') >= 0)
		kind.n = (size_t)span_find(kind, ';');
	kind = span_trim(kind);
	boundary = archive_letter_parameter(type, "boundary");
	if (span_starts_nocase(kind, "multipart/") && boundary.n && depth < DEPTH_MAX) {
		add_multipart(r, body, boundary, depth);
	} else if (span_is_nocase(kind, "text/plain") || !depth) {
		add_text(r, part, type, body);
	} else {
		buf_add_text(r->out, "[");
		buf_add_printable(r->out, kind);
		buf_addf(r->out, ", %zu octets: in the archive's mbox]\n", body.n);
	}
}

/* ── headers ─────────────────────────────────────────────────────────────────────────────────── */

/* What pipermail takes for a Message-ID: what is in the first "<...>", else all; no blanks. */
static void add_id(struct span value, struct buf *out)
{
	ssize_t from = span_find(value, '<'), to;

	if (from >= 0) {
		value = span_from(value, (size_t)from + 1);
		to = span_find(value, '>');
		if (to >= 0)
			value.n = (size_t)to;
	}
	for (size_t i = 0; i < value.n && out->n < 998; i++)
		if (!strchr(" \t\r\n<>", value.p[i]) && value.p[i])
			buf_add_char(out, value.p[i]);
}

static void obscure_text(struct buf *text)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < text->n; i++)
		if (text->p[i] == '@' && i && i + 1 < text->n &&
		    (unsigned char)text->p[i - 1] > 32 && (unsigned char)text->p[i + 1] > 32)
			buf_add_text(&out, " at ");
		else
			buf_add_char(&out, text->p[i]);
	buf_reset(text);
	buf_add_span(text, buf_span(&out));
}

/* "Name <address>", "address (Name)", "address". */
static void read_sender(struct archive_letter *l, struct span value)
{
	ssize_t open = span_find(value, '<'), comment = span_find(value, '(');
	struct span name = { "", 0 }, address = value;

	if (open >= 0) {
		name = span_trim((struct span){ value.p, (size_t)open });
		address = span_from(value, (size_t)open + 1);
		if (span_find(address, '>') >= 0)
			address.n = (size_t)span_find(address, '>');
	} else if (comment >= 0) {
		address = (struct span){ value.p, (size_t)comment };
		name = span_from(value, (size_t)comment + 1);
		if (span_find(name, ')') >= 0)
			name.n = (size_t)span_find(name, ')');
	}
	if (name.n > 1 && *name.p == '"' && name.p[name.n - 1] == '"')
		name = (struct span){ name.p + 1, name.n - 2 };
	archive_letter_charset(span_trim(address), SPAN("utf-8"), &l->email);
	archive_letter_words(name.n ? name : span_trim(address), &l->author);
}

static void read_references(struct archive_letter *l, struct span value)
{
	struct span rest = value;

	while (l->references.n < REFERENCES_MAX && span_find(rest, '<') >= 0) {
		AUTO_BUF struct buf id = { 0 };

		add_id(rest, &id);
		strings_add(&l->references, buf_text(&id));
		rest = span_from(rest, (size_t)span_find(rest, '<') + 1);
	}
}

void archive_letter_read(struct archive_letter *l, struct span message, bool obscure)
{
	struct span line, rest = message, value;
	struct reading r = { &l->body, 0 };

	if (span_starts(message, "From ") && span_next_line(&rest, &line)) {
		l->dated = archive_from_line(line, &l->date);
		message = rest;
	}
	if (header_find(message, "Message-ID", &value))
		add_id(value, &l->id);
	if (header_find(message, "Subject", &value))
		archive_letter_words(value, &l->subject);
	if (!span_trim(buf_span(&l->subject)).n) {
		buf_reset(&l->subject);
		buf_add_text(&l->subject, "No subject");
	}
	if (header_find(message, "From", &value))
		read_sender(l, value);
	if (header_find(message, "Date", &value)) {
		int64_t date;

		buf_add_printable(&l->date_text, value);
		if (archive_letter_date(value, &date)) {
			l->date = date;
			l->dated = true;
		}
	}
	if (header_find(message, "In-Reply-To", &value))
		add_id(value, &l->in_reply_to);
	if (header_find(message, "References", &value))
		read_references(l, value);
	add_part(&r, message, 0);
	if (obscure) {
		obscure_text(&l->email);
		obscure_text(&l->author);
		obscure_text(&l->body);
	}
}

void archive_letter_sorted(struct span subject, struct span prefix, struct buf *out)
{
	AUTO_FREE char *own = span_dup(span_trim(prefix));
	bool again = true;

	while (again) {
		subject = span_trim(subject);
		again = false;
		if (*own && span_starts_nocase(subject, own)) {
			again = true;
			subject = span_from(subject, strlen(own));
		} else if (span_starts_nocase(subject, "re:")) {
			again = true;
			subject = span_from(subject, 3);
		}
	}
	for (size_t i = 0; i < subject.n; i++)
		if (!strchr(" \t\r\n", subject.p[i]))
			buf_add_char(out, ascii_lower(subject.p[i]));
}
