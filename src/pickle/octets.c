/* SPDX-License-Identifier: BSD-2-Clause */

/* octets -- numbers and text in the forms that Python writes them in. */

#include "pickle/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Octets of the one character that begins at u[0], or 0. Surrogates are let pass. */
static size_t wtf8_length(const unsigned char *u, size_t n)
{
	size_t length = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

	if (!length || u[0] > 0xf4 || n < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90) ||
	    (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return length;
}

bool text_is_wtf8(struct span s)
{
	const unsigned char *u = (const unsigned char *)s.p;
	size_t i = 0;

	while (i < s.n) {
		size_t length = wtf8_length(u + i, s.n - i);

		if (!length)
			return false;
		i += length;
	}
	return true;
}

/* Divides the number in `words` (the lowest first) by 10^9; returns the remainder. */
static uint32_t divide(uint32_t *words, size_t *n)
{
	uint64_t rest = 0;

	for (size_t i = *n; i-- > 0;) {
		rest = rest << 32 | words[i];
		words[i] = (uint32_t)(rest / 1000000000u);
		rest %= 1000000000u;
	}
	while (*n && !words[*n - 1])
		--*n;
	return (uint32_t)rest;
}

static void negate(uint32_t *words, size_t n)
{
	uint64_t carry = 1;

	for (size_t i = 0; i < n; i++) {
		carry += ~words[i];
		words[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

void digits_of_octets(struct span octets, struct buf *digits)
{
	uint32_t words[NUMBER_OCTETS_MAX / 4 + 1], parts[NUMBER_DIGITS_MAX / 9 + 1];
	bool minus = octets.n && (octets.p[octets.n - 1] & 0x80);
	size_t n = octets.n / 4 + 1, parts_n = 0;

	memset(words, minus ? 0xff : 0, n * sizeof words[0]);
	for (size_t i = 0; i < octets.n; i++) {
		unsigned shift = 8 * (i % 4);

		words[i / 4] &= ~((uint32_t)0xff << shift);
		words[i / 4] |= (uint32_t)(unsigned char)octets.p[i] << shift;
	}
	if (minus)
		negate(words, n);
	do {
		parts[parts_n++] = divide(words, &n);
	} while (n);
	buf_addf(digits, "%s%u", minus ? "-" : "", parts[parts_n - 1]);
	while (--parts_n)
		buf_addf(digits, "%09u", parts[parts_n - 1]);
}

bool digits_are_good(struct span s)
{
	if (s.n && (*s.p == '-' || *s.p == '+'))
		s = span_from(s, 1);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

bool digits_get_int(struct span digits, int64_t *i)
{
	char text[32];
	int64_t number;

	if (digits.n >= sizeof text)
		return false;
	memcpy(text, digits.p, digits.n);
	text[digits.n] = 0;
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno)
		return false;
	*i = number;
	return true;
}

bool text_get_float(struct span s, double *f)
{
	char text[512], *end; /* repr() of the smallest has 24, but %f of the largest 316 */

	if (!s.n || s.n >= sizeof text)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789+-.eEinfatyINFATY", s.p[i]) || !s.p[i])
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*f = strtod(text, &end);
	return !*end;
}
