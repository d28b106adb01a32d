/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mbox_marks.h"

#include <stddef.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

/* Thirty-two octets at once: text has an LF in every other of such pieces, and few of those are
 * followed by what is looked for. */
static const char *skip_to_mark(const char *p, const char *end)
{
	const __m128i lf = _mm_set1_epi8('\n'), f = _mm_set1_epi8('F'), more = _mm_set1_epi8('>');

	for (; end - p > 32; p += 32) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
		__m128i a1 = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i b1 = _mm_loadu_si128((const __m128i *)(const void *)(p + 17));
		__m128i m = _mm_and_si128(
			_mm_cmpeq_epi8(a, lf),
			_mm_or_si128(_mm_cmpeq_epi8(a1, f), _mm_cmpeq_epi8(a1, more)));
		__m128i k = _mm_and_si128(
			_mm_cmpeq_epi8(b, lf),
			_mm_or_si128(_mm_cmpeq_epi8(b1, f), _mm_cmpeq_epi8(b1, more)));
		unsigned bits = (unsigned)_mm_movemask_epi8(m) | (unsigned)_mm_movemask_epi8(k)
		                                                         << 16;

		if (bits)
			return p + __builtin_ctz(bits);
	}
	return p;
}
#else
static const char *skip_to_mark(const char *p, const char *end)
{
	(void)end;
	return p;
}
#endif

const char *lists_mbox_next_mark(const char *p, const char *end)
{
	for (;;) {
		p = skip_to_mark(p, end);
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return NULL;
		p++;
		if (p == end || *p == 'F' || *p == '>')
			return p;
	}
}
