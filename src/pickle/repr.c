/* SPDX-License-Identifier: BSD-2-Clause */

/* repr -- numbers and strings as Python 2 writes them. */

#include "pickle/repr.h"

#include "pickle/reader.h"
#include "pickle/show.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The next larger decimal of as many digits; false where that has one more. */
static bool next_decimal(char *text)
{
	for (char *c = strchr(text, 'e'); c-- > text;) {
		if (*c >= '0' && *c < '9') {
			++*c;
			return true;
		}
		if (*c == '9')
			*c = '0';
	}
	return false;
}

/* The fewest digits that give the same double again: "d.ddde+XX". */
static void shortest(char out[32], double f)
{
	/* 15 digits always come back, but for numbers next to zero, which have fewer bits */
	for (int digits = fabs(f) < DBL_MIN ? 0 : 14; digits <= 16; digits++) {
		int exponent;

		snprintf(out, 32, "%.*e", digits, f);
		if (strtod(out, NULL) == f)
			return;
		/* above a power of two doubles are half as dense as below, so that a decimal may
		 * come back that is not the nearest */
		if (fabs(frexp(f, &exponent)) == 0.5 && next_decimal(out) && strtod(out, NULL) == f)
			return;
	}
}

/*
 * Most floats of Mailman are times with a few decimals: `number` * 10^-decimals is one that comes back
 * as f, the nearest of those with so few. False where it is not as simple: number and 10^decimals
 * have to be doubles themselves, since then their quotient is what reading the digits gives.
 */
static bool find_decimals(double f, uint64_t *number, int *decimals)
{
	static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	unsigned __int128 scaled;
	int exponent;

	if (!(f >= 1e-3 && f < 1e15))
		return false;
	scaled = (uint64_t)ldexp(frexp(f, &exponent), DBL_MANT_DIG);
	exponent = DBL_MANT_DIG - exponent; /* f = scaled / 2^exponent; 3 to 62 */
	for (int k = 0; k < (int)ROWS(powers); k++, scaled *= 10) {
		unsigned __int128 half = (unsigned __int128)1 << (exponent - 1);
		unsigned __int128 rest = scaled & (2 * half - 1);
		uint64_t nearest = (uint64_t)(scaled >> exponent);

		/* of two that are as near, the even one */
		if (rest > half || (rest == half && nearest % 2))
			nearest++;
		if (nearest > (uint64_t)1 << DBL_MANT_DIG)
			return false;
		if ((double)nearest / powers[k] == f) {
			*number = nearest;
			*decimals = k;
			return true;
		}
	}
	return false;
}

/* Returns `out`, or NULL: the other way has to be taken. */
static char *show_simple(char out[32], double f)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t number;
	int decimals;

	if (!find_decimals(fabs(f), &number, &decimals))
		return NULL;
	*--p = 0;
	if (!decimals) {
		*--p = '0';
		*--p = '.';
	}
	for (int at = 0; number || at <= decimals; at++, number /= 10) {
		*--p = (char)('0' + number % 10);
		if (decimals && at + 1 == decimals)
			*--p = '.';
	}
	if (f < 0)
		*--p = '-';
	memcpy(out, p, (size_t)(digits + sizeof digits - p));
	return out;
}

const char *show_float(char out[32], double f)
{
	char text[32], digits[24], *p = out;
	int exponent, n = 0;

	if (show_simple(out, f))
		return out;
	if (isnan(f) || isinf(f)) {
		snprintf(out, 32, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
		return out;
	}
	shortest(text, f);
	for (const char *c = text; *c && *c != 'e'; c++)
		if (*c >= '0' && *c <= '9')
			digits[n++] = *c;
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (*text == '-')
		*p++ = '-';
	if (exponent < -4 || exponent >= 16) {
		*p++ = digits[0];
		if (n > 1)
			*p++ = '.';
		memcpy(p, digits + 1, (size_t)n - 1);
		p += n - 1;
		snprintf(p, (size_t)(out + 32 - p), "e%c%02d", exponent < 0 ? '-' : '+',
		         abs(exponent));
		return out;
	}
	if (exponent < 0) {
		*p++ = '0';
		*p++ = '.';
		for (int zeros = -1; zeros > exponent; zeros--)
			*p++ = '0';
		memcpy(p, digits, (size_t)n);
		p += n;
	}
	for (int at = 0; exponent >= 0 && (at <= exponent + 1 || at < n); at++) {
		if (at == exponent + 1)
			*p++ = '.';
		*p++ = at < n ? digits[at] : '0';
	}
	*p = 0;
	return out;
}

/* ── strings ─────────────────────────────────────────────────────────────────────────────────── */

static bool add_plain_escape(struct buf *out, uint32_t c, char quote)
{
	static const char from[] = "\n\r\t\\", letters[] = "nrt\\";
	const char *found = c && c < 0x80 ? strchr(from, (int)c) : NULL;

	if (!found && c != (uint32_t)quote)
		return false;
	buf_add_char(out, '\\');
	buf_add_char(out, found ? letters[found - from] : quote);
	return true;
}

static uint32_t next_character(struct span *s, bool is_text)
{
	const unsigned char *u = (const unsigned char *)s->p;
	size_t n = !is_text || *u < 0x80 ? 1 : *u < 0xe0 ? 2 : *u < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? *u : *u & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3fu);
	*s = span_from(*s, n);
	return c;
}

bool repr_chars(struct buf *out, struct span s, bool is_text, size_t max)
{
	char quote = s.n && memchr(s.p, '\'', s.n) && !memchr(s.p, '"', s.n) ? '"' : '\'';

	if (is_text)
		buf_add_char(out, 'u');
	buf_add_char(out, quote);
	while (s.n) {
		uint32_t c = next_character(&s, is_text);

		if (out->n > max)
			return false;
		if (add_plain_escape(out, c, quote))
			continue;
		if (c >= 0x20 && c < 0x7f)
			buf_add_char(out, (char)c);
		else if (c < 0x100)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	}
	buf_add_char(out, quote);
	return out->n <= max;
}

void repr_raw_unicode(struct buf *out, struct span utf8)
{
	while (utf8.n) {
		uint32_t c = next_character(&utf8, true);

		if (c >= 0x10000)
			buf_addf(out, "\\U%08x", c);
		else if (c >= 0x100 || c == '\\' || c == '\n' || c == '\r' || !c || c == 0x1a)
			buf_addf(out, "\\u%04x", c);
		else
			buf_add_char(out, (char)(unsigned char)c);
	}
}
