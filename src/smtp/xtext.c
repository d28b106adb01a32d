/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/xtext.h"

static const char digits[] = "0123456789ABCDEF";

void smtp_xtext_add(struct buf *out, struct span plain)
{
	for (size_t i = 0; i < plain.n; i++) {
		unsigned char c = (unsigned char)plain.p[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			buf_add_char(out, (char)c);
			continue;
		}
		buf_add_char(out, '+');
		buf_add_char(out, digits[c >> 4]);
		buf_add_char(out, digits[c & 15]);
	}
}

/* RFC 3461 wants capitals; Postfix takes small letters too. -1: no digit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octet at text.p[*i], of which *i is then the last one; -1 when it is none. */
static int next_octet(struct span text, size_t *i, bool utf8)
{
	unsigned char c = (unsigned char)text.p[*i];
	int high, low;

	if (c <= ' ' || c == '=' || c == 127 || (c > 127 && !utf8))
		return -1;
	if (c != '+')
		return c;
	if (text.n - *i < 3)
		return -1;
	high = digit(text.p[*i + 1]);
	low = digit(text.p[*i + 2]);
	*i += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool smtp_xtext_good(struct span text, bool utf8)
{
	for (size_t i = 0; i < text.n; i++)
		if (next_octet(text, &i, utf8) < 0)
			return false;
	return true;
}

bool smtp_xtext_decode(struct span text, char *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		int c = next_octet(text, &i, false);

		if (c < ' ' || c == 127 || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}
