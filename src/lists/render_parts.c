/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/render_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/archive_letter.h"
#include "mail/header.h"

#include <string.h>

#define DEPTH_MAX 12u
#define PARTS_MAX 500u

/* What browsers show and run nothing of. All other text is .txt, all else .bin. To add a type: a row. */
static const struct {
	const char *type, *extension;
} safe[] = {
	{ "application/gzip", "gz" },
	{ "application/msword", "doc" },
	{ "application/pdf", "pdf" },
	{ "application/pgp-encrypted", "asc" },
	{ "application/pgp-keys", "asc" },
	{ "application/pgp-signature", "asc" },
	{ "application/pkcs7-signature", "p7s" },
	{ "application/x-gzip", "gz" },
	{ "application/x-pkcs7-signature", "p7s" },
	{ "application/x-tar", "tar" },
	{ "application/zip", "zip" },
	{ "audio/mpeg", "mp3" },
	{ "audio/ogg", "ogg" },
	{ "audio/wav", "wav" },
	{ "audio/x-wav", "wav" },
	{ "image/gif", "gif" },
	{ "image/jpeg", "jpg" },
	{ "image/jpg", "jpg" },
	{ "image/pjpeg", "jpg" },
	{ "image/png", "png" },
	{ "image/tiff", "tif" },
	{ "image/webp", "webp" },
	{ "video/mp4", "mp4" },
	{ "video/mpeg", "mpg" },
};

const char *render_safe_extension(const char *type)
{
	for (size_t i = 0; i < ROWS(safe); i++)
		if (!strcmp(safe[i].type, type))
			return safe[i].extension;
	return !strncmp(type, "text/", 5) || !strncmp(type, "message/", 8) ? "txt" : "bin";
}

/* ── HTML as words ───────────────────────────────────────────────────────────────────────────── */

static size_t tag_end(struct span html)
{
	size_t n = 1;
	char quote = 0;

	if (span_starts(html, "<!--")) {
		ssize_t end = span_find_text(html, "-->");

		return end < 0 ? html.n : (size_t)end + 3;
	}
	for (; n < html.n && (quote || html.p[n] != '>'); n++) {
		/* a quotation mark that nothing closes is none */
		if (!quote && strchr("\"'", html.p[n]) && html.p[n] &&
		    memchr(html.p + n + 1, html.p[n], html.n - n - 1))
			quote = html.p[n];
		else if (html.p[n] == quote)
			quote = 0;
	}
	return n < html.n ? n + 1 : n;
}

static bool is_tag(struct span tag, const char *name)
{
	size_t n = strlen(name);
	bool closes = tag.n > 1 && tag.p[1] == '/';
	struct span rest = span_from(tag, closes ? 2 : 1);

	return span_starts_nocase(rest, name) && (rest.n == n || strchr(" \t\r\n/>", rest.p[n]));
}

static void add_character(unsigned long c, struct buf *out)
{
	if (c < 128) {
		buf_add_char(out, (char)(c ? c : ' '));
	} else if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
		buf_add_char(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
		buf_add_char(out, (char)(0x80 | (c & 63)));
	} else {
		buf_add_char(out, (char)(0xf0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 63)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
		buf_add_char(out, (char)(0x80 | (c & 63)));
	}
}

/* "&amp;" or "&#8364;" at the begin: its length; 0: it is none that is known. */
static size_t add_reference(struct span html, struct buf *out)
{
	static const struct {
		const char *name;
		unsigned long c;
	} names[] = { { "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },  { "&quot;", '"' },
		      { "&nbsp;", ' ' }, { "&apos;", '\'' }, { "&copy;", 169 } };
	struct span digits = span_from(html, 2);
	ssize_t end;
	uint64_t c;

	for (size_t i = 0; i < ROWS(names); i++)
		if (span_starts(html, names[i].name))
			return add_character(names[i].c, out), strlen(names[i].name);
	digits.n = digits.n < 9 ? digits.n : 9;
	end = span_starts(html, "&#") ? span_find(digits, ';') : -1;
	if (end < 1 || !span_parse_u64((struct span){ digits.p, (size_t)end }, &c) ||
	    c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	add_character((unsigned long)c, out);
	return (size_t)end + 3;
}

/* Behind the end of what is no text: "<style> ... </style>". */
static size_t skip_element(struct span html, const char *name)
{
	AUTO_FREE char *end = xasprintf("</%s", name);

	for (size_t i = 0; i + strlen(end) <= html.n; i++)
		if (html.p[i] == '<' && span_starts_nocase(span_from(html, i), end))
			return i;
	return html.n;
}

static void add_break(struct span tag, struct buf *out)
{
	static const char *const breaks[] = {
		"br", "p",   "div", "tr", "li",         "h1", "h2",
		"h3", "pre", "ul",  "ol", "blockquote", "hr", "table"
	};

	for (size_t i = 0; i < ROWS(breaks); i++)
		if (is_tag(tag, breaks[i]) && out->n && (i == 0 || out->p[out->n - 1] != '\n'))
			buf_add_char(out, '\n');
}

void render_html_words(struct span html, struct buf *out)
{
	while (html.n) {
		size_t n = 0;
		char c = *html.p;

		if (c == '<') {
			struct span tag = { html.p, tag_end(html) };

			add_break(tag, out);
			n = tag.n;
			if (is_tag(tag, "script") && tag.p[1] != '/')
				n += skip_element(span_from(html, n), "script");
			else if (is_tag(tag, "style") && tag.p[1] != '/')
				n += skip_element(span_from(html, n), "style");
		} else if (c == '&') {
			n = add_reference(html, out);
		} else if (strchr(" \t\r\n", c) && c) {
			n = 1;
			if (out->n && !strchr(" \n", out->p[out->n - 1]))
				buf_add_char(out, ' ');
		}
		if (!n) {
			buf_add_char(out, c);
			n = 1;
		}
		html = span_from(html, n);
	}
}

/* ── parts ───────────────────────────────────────────────────────────────────────────────────── */

struct walking {
	render_part_fn *take;
	void *context;
	unsigned parts;
};

struct look { /* of one part */
	struct span body, encoding;
	struct span type; /* the header */
	char *kind;       /* owned; lower-case */
	struct buf name;
	bool is_attached;
};

static struct span body_of(struct span part)
{
	struct span rest = part, line;

	while (span_next_line(&rest, &line))
		if (!line.n)
			break;
	return rest;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* CHARSET'LANGUAGE'TEXT, RFC 2231 section 4. */
static void add_extended(struct span value, struct buf *out)
{
	struct span charset = { "", 0 }, part, rest = value;
	AUTO_BUF struct buf octets = { 0 };

	if (span_next_part(&rest, '\'', &part) && rest.p) {
		charset = part;
		if (span_next_part(&rest, '\'', &part) && rest.p)
			value = rest;
	}
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '%' && i + 2 < value.n && hex(value.p[i + 1]) >= 0 &&
		    hex(value.p[i + 2]) >= 0) {
			buf_add_char(&octets,
			             (char)(hex(value.p[i + 1]) * 16 + hex(value.p[i + 2])));
			i += 2;
		} else {
			buf_add_char(&octets, value.p[i]);
		}
	}
	archive_letter_charset(buf_span(&octets), charset.n ? charset : SPAN("utf-8"), out);
}

static void read_name(struct look *l, struct span header, const char *plain, const char *extended)
{
	struct span value = archive_letter_parameter(header, plain);

	if (l->name.n)
		return;
	if (value.n)
		archive_letter_words(value, &l->name);
	else if ((value = archive_letter_parameter(header, extended)).n)
		add_extended(value, &l->name);
}

static char *kind_of(struct span type)
{
	ssize_t end = span_find(type, ';');
	struct span kind = span_trim(end < 0 ? type : (struct span){ type.p, (size_t)end });
	char *text = kind.n && kind.n < 80 ? span_dup(kind) : xstrdup("text/plain");

	for (char *p = text; *p; p++)
		*p = (unsigned char)*p < 33 || (unsigned char)*p > 126 || strchr("<>&\"'", *p)
		             ? '?'
		             : ascii_lower(*p);
	return text;
}

static void look_at(struct look *l, struct span part)
{
	struct span disposition = { "", 0 };

	*l = (struct look){ .body = body_of(part),
		            .type = SPAN("text/plain"),
		            .encoding = SPAN("") };
	if (!header_find(part, "Content-Type", &l->type) || !l->type.n)
		l->type = SPAN("text/plain");
	(void)header_find(part, "Content-Transfer-Encoding", &l->encoding);
	(void)header_find(part, "Content-Disposition", &disposition);
	l->kind = kind_of(l->type);
	l->is_attached = span_starts_nocase(disposition, "attachment");
	read_name(l, disposition, "filename", "filename*");
	read_name(l, l->type, "name", "name*");
}

static void give(struct walking *w, enum render_part_kind kind, const struct look *l,
                 struct span text, struct span octets)
{
	const struct render_part part = { kind, text, octets, buf_text(&l->name), l->kind };

	w->take(w->context, &part);
}

static void give_octets(struct walking *w, const struct look *l)
{
	AUTO_BUF struct buf octets = { 0 };

	archive_letter_octets(l->encoding, l->body, &octets);
	give(w, RENDER_PART_ATTACHMENT, l, SPAN(""), buf_span(&octets));
}

/* Text that is shown; HTML, besides, as it came. */
static void give_text(struct walking *w, const struct look *l, bool is_html, bool shown)
{
	AUTO_BUF struct buf octets = { 0 }, text = { 0 }, words = { 0 };

	archive_letter_octets(l->encoding, l->body, &octets);
	if (shown && octets.n <= RENDER_TEXT_MAX) {
		archive_letter_charset(buf_span(&octets),
		                       archive_letter_parameter(l->type, "charset"), &text);
		if (is_html)
			render_html_words(buf_span(&text), &words);
		if (text.n)
			give(w, RENDER_PART_TEXT, l, buf_span(is_html ? &words : &text), SPAN(""));
	}
	if (is_html || octets.n > RENDER_TEXT_MAX)
		give(w, RENDER_PART_ATTACHMENT, l, SPAN(""), buf_span(&octets));
}

static void walk(struct walking *w, struct span part, unsigned depth, bool shown);

/* The next line that parts; the end of what stands before it, without its line end. */
static bool next_boundary(struct span *rest, struct span boundary, const char **before, bool *last)
{
	struct span line;

	while (span_next_line(rest, &line)) {
		if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) != 0 ||
		    memcmp(line.p + 2, boundary.p, boundary.n) != 0)
			continue;
		*before = line.p;
		*last = span_starts(span_from(line, boundary.n + 2), "--");
		return true;
	}
	return false;
}

static bool is_html_part(struct span part)
{
	struct span type = { "", 0 };

	return header_find(part, "Content-Type", &type) && span_starts_nocase(type, "text/html");
}

/* Of alternatives, HTML is shown when there is no plain text before it. */
static void walk_multipart(struct walking *w, const struct look *l, struct span boundary,
                           unsigned depth, bool shown)
{
	struct span rest = l->body;
	const char *begin = NULL, *before;
	bool last = false, any = false, alternative = !strcmp(l->kind, "multipart/alternative");

	while (!last && next_boundary(&rest, boundary, &before, &last)) {
		if (begin) {
			struct span part = { begin, (size_t)(before - begin) };

			walk(w, part, depth + 1, shown && !(any && is_html_part(part)));
			any = any || alternative;
		}
		begin = rest.p;
		if (w->parts >= PARTS_MAX)
			break;
	}
	if (last && !span_trim(rest).n)
		return;
	if (!begin) {
		give_text(w, l, false, shown); /* no boundary at all */
	} else if (begin < l->body.p + l->body.n) {
		struct look tail = { .body = { begin, (size_t)(l->body.p + l->body.n - begin) },
			             .encoding = SPAN(""),
			             .type = SPAN("text/plain"),
			             .kind = (char *)(uintptr_t) "text/plain" };

		if (w->parts >= PARTS_MAX)
			give_octets(w, &tail);
		else if (last)
			give_text(w, &tail, false, shown); /* behind the end */
		else
			walk(w, tail.body, depth + 1, shown);
	}
}

static void walk_message(struct walking *w, const struct look *l, unsigned depth, bool shown)
{
	AUTO_ARCHIVE_LETTER struct archive_letter letter = { 0 };
	struct span head = { l->body.p, l->body.n - body_of(l->body).n };
	AUTO_BUF struct buf text = { 0 };

	archive_letter_read(&letter, head, false);
	buf_addf(&text, "From: %s <%s>\nDate: %s\nSubject: %s\n", buf_text(&letter.author),
	         buf_text(&letter.email), buf_text(&letter.date_text), buf_text(&letter.subject));
	give(w, RENDER_PART_MESSAGE, l, buf_span(&text), SPAN(""));
	walk(w, l->body, depth + 1, shown);
}

static void walk(struct walking *w, struct span part, unsigned depth, bool shown)
{
	struct look l;
	struct span boundary;

	w->parts++;
	look_at(&l, part);
	boundary = archive_letter_parameter(l.type, "boundary");
	if (!strncmp(l.kind, "multipart/", 10) && boundary.n && depth < DEPTH_MAX)
		walk_multipart(w, &l, boundary, depth, shown);
	else if (!strcmp(l.kind, "message/rfc822") && depth < DEPTH_MAX &&
	         !span_is_nocase(l.encoding, "base64") &&
	         !span_is_nocase(l.encoding, "quoted-printable"))
		walk_message(w, &l, depth, shown);
	else if (!strcmp(l.kind, "text/plain") && depth < DEPTH_MAX)
		give_text(w, &l, false, true);
	else if (!strcmp(l.kind, "text/html") && depth < DEPTH_MAX)
		give_text(w, &l, true, shown && !l.is_attached);
	else
		give_octets(w, &l);
	free(l.kind);
	buf_fini(&l.name);
}

void render_parts(struct span message, render_part_fn *take, void *context)
{
	struct walking w = { take, context, 0 };

	walk(&w, message, 0, true);
}
