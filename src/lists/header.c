/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/header.h"

#include "lists/charset.h"

#include <stdint.h>

/* RFC 2047 section 2: an encoded word has at most 75 octets; "=?utf-8?b?" and "?=" are 12 of them, and
 * what is left for base64 holds 45 octets. */
#define WORD_MAX 45u

static void add_base64(struct buf *out, struct span s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t bits = (uint32_t)(unsigned char)s.p[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)s.p[i + 2];
		buf_add_char(out, digits[bits >> 18]);
		buf_add_char(out, digits[bits >> 12 & 63]);
		buf_add_char(out, left > 1 ? digits[bits >> 6 & 63] : '=');
		buf_add_char(out, left > 2 ? digits[bits & 63] : '=');
	}
}

/* Whole characters, as many as a word holds. */
static size_t word_length(struct span text)
{
	size_t n = 0;

	while (n < text.n) {
		size_t length = span_utf8_length(span_from(text, n));

		length = length ? length : 1;
		if (n + length > WORD_MAX)
			break;
		n += length;
	}
	return n;
}

void lists_header_words(struct span text, struct buf *out)
{
	const char *between = "";

	while (text.n) {
		size_t n = word_length(text);

		buf_addf(out, "%s=?utf-8?b?", between);
		add_base64(out, (struct span){ text.p, n });
		buf_add_text(out, "?=");
		text = span_from(text, n);
		between = "\n ";
	}
}

static void add_piece(struct buf *out, struct value piece)
{
	struct value charset = value_item(piece, 1);
	struct value encoding = value_attribute(charset, SPAN("header_encoding"));
	struct span octets = SPAN(""), name = SPAN("us-ascii");

	(void)value_get_chars(value_item(piece, 0), &octets);
	(void)value_get_chars(value_attribute(charset, SPAN("input_charset")), &name);
	if (value_is_absent(encoding) || value_kind(encoding) == VALUE_NONE) {
		buf_add_span(out, octets);
		return;
	}

	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *charset_name = span_dup(name);
	AUTO_LISTS_CHARSET struct lists_charset *c = lists_charset_new(charset_name);

	(void)lists_decode_value(c, value_item(piece, 0), &text);
	lists_header_words(buf_span(&text), out);
}

static struct span without_blanks_before(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n'))
		s = span_from(s, 1);
	return s;
}

bool lists_header_text(struct value header, struct buf *out)
{
	struct value pieces = value_attribute(header, SPAN("_chunks"));
	AUTO_BUF struct buf text = { 0 };

	if (value_kind(pieces) != VALUE_LIST)
		return false;
	for (size_t i = 0; i < value_count(pieces); i++) {
		struct span octets = SPAN("");

		(void)value_get_chars(value_item(value_item(pieces, i), 0), &octets);
		if (!octets.n)
			continue;
		/* as Header._encode_chunks(): a blank between two, unless there is one already */
		if (text.n && text.p[text.n - 1] != ' ')
			buf_add_char(&text, ' ');
		add_piece(&text, value_item(pieces, i));
	}
	buf_add_span(out, without_blanks_before(buf_span(&text)));
	return true;
}
