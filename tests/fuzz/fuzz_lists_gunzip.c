/* SPDX-License-Identifier: BSD-2-Clause */

/* Packed logs; the first octet says in how large pieces they come. */

#include "fuzz/fuzz.h"

#include "lists/gunzip.h"

struct source {
	struct span left;
	size_t piece;
};

static int give(void *context, struct span *octets, struct error *err)
{
	struct source *s = context;

	(void)err;
	*octets = s->left;
	if (octets->n > s->piece)
		octets->n = s->piece;
	s->left = span_from(s->left, octets->n);
	return 0;
}

static void count(void *context, struct span octets)
{
	*(size_t *)context += octets.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s = { { (const char *)data + 1, size ? size - 1 : 0 },
		            size ? data[0] + 1u : 0 };
	struct error err = { 0 };
	size_t octets = 0;

	if (!size)
		return 0;
	return lists_gunzip(give, &s, count, &octets, &err) > 0;
}
