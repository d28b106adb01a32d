/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* pack -- numbers and texts as they stand in records: little-endian, texts with their length in
 * front. A reader that runs over its end gives zeros from then on and says so in `bad`. */

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

static inline void pack_number(struct buf *out, uint64_t value, unsigned octets)
{
	unsigned char bytes[8];

	for (unsigned i = 0; i < octets; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	buf_add(out, bytes, octets);
}

static inline void pack_span(struct buf *out, struct span s)
{
	pack_number(out, s.n, 4);
	buf_add_span(out, s);
}

/* NULL and "" are not the same: one octet says which. */
static inline void pack_text(struct buf *out, const char *text)
{
	pack_number(out, text != NULL, 1);
	if (text)
		pack_span(out, span_of(text));
}

struct unpack {
	struct span rest; /* borrowed */
	bool bad;
};

static inline uint64_t unpack_number(struct unpack *u, unsigned octets)
{
	uint64_t value = 0;

	if (u->bad || u->rest.n < octets) {
		u->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < octets; i++)
		value |= (uint64_t)(unsigned char)u->rest.p[i] << 8 * i;
	u->rest = span_from(u->rest, octets);
	return value;
}

/* Exactly n octets; borrowed. */
static inline struct span unpack_octets(struct unpack *u, uint64_t n)
{
	struct span got = { "", 0 };

	if (u->bad || u->rest.n < n) {
		u->bad = true;
		return got;
	}
	got = (struct span){ u->rest.p, (size_t)n };
	u->rest = span_from(u->rest, (size_t)n);
	return got;
}

static inline struct span unpack_span(struct unpack *u)
{
	return unpack_octets(u, unpack_number(u, 4));
}

/* The caller owns it. A text with a NUL in it is bad. */
static inline char *unpack_text(struct unpack *u)
{
	struct span s;

	if (!unpack_number(u, 1))
		return NULL;
	s = unpack_span(u);
	if (s.n && memchr(s.p, 0, s.n))
		u->bad = true;
	return u->bad ? NULL : xstrndup(s.p, s.n);
}
