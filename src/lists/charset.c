/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/charset.h"

#include "base/memory.h"
#include "lists/data_version.h"
#include "lists/python_value.h"
#include "lists/settings.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct lists_charset {
	char *name;
	bool is_ascii, is_utf8, is_latin1, is_single; /* single: one octet a character */
	iconv_t conversion;                           /* (iconv_t)-1: none */
};

/* To add a language: a row. Sorted by charset; what is not here has us-ascii. */
static const struct {
	const char *charset, *languages;
} charsets[] = {
	{ "iso-8859-1", "ast da de es fi fr it nl no pt pt_BR sv" },
	{ "iso-8859-2", "cs hr hu pl sl" },
	{ "iso-8859-7", "el" },
	{ "iso-8859-9", "tr" },
	{ "iso-8859-13", "lt" },
	{ "iso-8859-15", "et eu ia" },
	{ "euc-jp", "ja" },
	{ "euc-kr", "ko" },
	{ "utf-8", "ar ca eo fa gl he ro ru sk sr uk vi zh_CN zh_TW" },
};

const char *lists_language_charset(struct span language)
{
	for (size_t i = 0; i < ROWS(charsets); i++) {
		struct span rest = span_of(charsets[i].languages), word;

		while (span_next_word(&rest, &word))
			if (span_equal(word, language))
				return charsets[i].charset;
	}
	return "us-ascii";
}

const char *lists_language_charset_then(struct span language, int64_t data_version)
{
	static const struct {
		const char *language, *charset;
	} before[] = { { "ro", "iso-8859-2" }, { "ru", "koi8-r" } };

	if (data_version && data_version < LISTS_DATA_VERSION_RECODES)
		for (size_t i = 0; i < ROWS(before); i++)
			if (span_is(language, before[i].language))
				return before[i].charset;
	return lists_language_charset(language);
}

/* LC_DESCRIPTIONS: { code: (name, charset, direction) } */
const char *lists_settings_charset(const struct lists_settings *s, struct span language,
                                   int64_t data_version)
{
	const struct lists_setting *set = s ? lists_setting(s, "LC_DESCRIPTIONS") : NULL;
	const struct python_value *all = set ? set->value : NULL;

	for (size_t i = 0; all && all->kind == PYTHON_DICT && i + 1 < all->n; i += 2) {
		const struct python_value *code = all->parts[i], *about = all->parts[i + 1];

		if (code->kind == PYTHON_STR && span_equal(buf_span(&code->text), language) &&
		    about->kind == PYTHON_TUPLE && about->n > 1 &&
		    about->parts[1]->kind == PYTHON_STR)
			return buf_text(&about->parts[1]->text);
	}
	return lists_language_charset_then(language, data_version);
}

struct lists_charset *lists_charset_new(const char *name)
{
	struct lists_charset *c = xcalloc(1, sizeof *c);

	c->name = xstrdup(name);
	c->is_ascii = strcasecmp(name, "us-ascii") == 0;
	c->is_utf8 = strcasecmp(name, "utf-8") == 0;
	c->is_latin1 = strcasecmp(name, "iso-8859-1") == 0;
	c->is_single = strncasecmp(name, "iso-8859-", 9) == 0 ||
	               strncasecmp(name, "koi8-", 5) == 0 || strncasecmp(name, "windows-", 8) == 0;
	c->conversion = (iconv_t)-1;
	if (!c->is_ascii && !c->is_utf8 && !c->is_latin1)
		c->conversion = iconv_open("UTF-8", name);
	return c;
}

void lists_charset_free(struct lists_charset *c)
{
	if (!c)
		return;
	if (c->conversion != (iconv_t)-1)
		(void)iconv_close(c->conversion);
	free(c->name);
	free(c);
}

const char *lists_charset_name(const struct lists_charset *c)
{
	return c->name;
}

bool lists_charset_is_known(const struct lists_charset *c)
{
	return c->is_ascii || c->is_utf8 || c->is_latin1 || c->conversion != (iconv_t)-1;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

static bool is_utf8(struct span s)
{
	while (s.n) {
		size_t n = span_utf8_length(s);

		if (!n)
			return false;
		s = span_from(s, n);
	}
	return true;
}

static void add_octets(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
}

static void add_latin1(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > 0x7f)
			buf_add_char(out, (char)(0xc0 | c >> 6));
		buf_add_char(out, (char)(c > 0x7f ? 0x80 | (c & 0x3f) : c));
	}
}

/* False, with nothing appended, when it is not of that charset. */
static bool convert(struct lists_charset *c, struct span s, struct buf *out)
{
	/* iconv(3) takes its input by a char **, and does not change what is there */
	char *from = (char *)(uintptr_t)s.p;
	size_t left = s.n, before = out->n;

	if (c->conversion == (iconv_t)-1)
		return false;
	(void)iconv(c->conversion, NULL, NULL, NULL, NULL);
	while (left) {
		size_t room = 4 * left + 16, free_octets = room;
		char *to = buf_room(out, room);

		if (iconv(c->conversion, &from, &left, &to, &free_octets) == (size_t)-1 &&
		    errno != E2BIG) {
			out->n = before;
			out->p[before] = '\0';
			return false;
		}
		buf_grown(out, room - free_octets);
	}
	return true;
}

enum lists_decoded lists_decode(struct lists_charset *c, struct span octets, struct buf *out)
{
	bool utf8;

	if (is_ascii(octets)) {
		buf_add_span(out, octets);
		return LISTS_DECODED;
	}
	utf8 = is_utf8(octets);
	if (utf8 && (c->is_utf8 || c->is_single || c->is_ascii)) {
		buf_add_span(out, octets);
		return c->is_utf8 ? LISTS_DECODED : LISTS_DECODED_UTF8;
	}
	if (c->is_latin1) {
		add_latin1(out, octets);
		return LISTS_DECODED;
	}
	if (convert(c, octets, out))
		return LISTS_DECODED;
	if (utf8) {
		buf_add_span(out, octets);
		return LISTS_DECODED_UTF8;
	}
	add_octets(out, octets);
	return LISTS_DECODED_OCTETS;
}

bool lists_decode_strictly(struct lists_charset *c, struct span octets, struct buf *out)
{
	if (is_ascii(octets) || (c->is_utf8 && is_utf8(octets)))
		return buf_add_span(out, octets), true;
	if (c->is_utf8 || c->is_ascii)
		return false;
	if (c->is_latin1)
		return add_latin1(out, octets), true;
	return convert(c, octets, out);
}

enum lists_decoded lists_decode_value(struct lists_charset *c, struct value v, struct buf *out)
{
	struct span s;

	if (value_get_str(v, &s))
		return lists_decode(c, s, out);
	if (!value_get_text(v, &s))
		return LISTS_DECODED;
	if (is_utf8(s)) {
		buf_add_span(out, s);
		return LISTS_DECODED;
	}

	AUTO_BUF struct buf octets = { 0 };

	(void)lists_escaped_octets(s, &octets);
	return lists_decode(c, buf_span(&octets), out);
}

/* U+DC80 to U+DCFF are ED B2 80 to ED B3 BF. */
bool lists_escaped_octets(struct span text, struct buf *out)
{
	bool plain = true;

	while (text.n) {
		const unsigned char *p = (const unsigned char *)text.p;
		bool escaped = text.n >= 3 && p[0] == 0xed && (p[1] == 0xb2 || p[1] == 0xb3) &&
		               (p[2] & 0xc0) == 0x80;

		plain = plain && (escaped || p[0] < 0x80);
		if (escaped)
			buf_add_char(out, (char)((p[1] & 1) << 6 | 0x80 | (p[2] & 0x3f)));
		else
			buf_add_char(out, text.p[0]);
		text = span_from(text, escaped ? 3 : 1);
	}
	return plain;
}
