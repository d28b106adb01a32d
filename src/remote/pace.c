/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/pace.h"

#define CHUNK_LEAST 4096u

void pace_begin(struct pace *p, uint64_t rate)
{
	*p = (struct pace){ .rate = rate };
}

int64_t pace_wait_ms(struct pace *p, uint64_t octets, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000, earliest = now_us - PACE_BURST_MS * (int64_t)1000;
	uint64_t seconds, rest;

	if (!p->rate)
		return 0;
	if (!p->begun || p->next_us < earliest)
		p->next_us = p->begun ? earliest : now_us;
	p->begun = true;
	/* apart, so that nothing overflows for any number of octets that one read can bring */
	seconds = octets / p->rate;
	rest = octets % p->rate;
	p->next_us += (int64_t)(seconds * 1000000 +
	                        (uint64_t)((double)rest * 1000000 / (double)p->rate));
	return p->next_us > now_us ? (p->next_us - now_us + 999) / 1000 : 0;
}

size_t pace_chunk(const struct pace *p, size_t most)
{
	uint64_t n = p->rate / 8;

	if (!p->rate || n > most)
		return most;
	return n < CHUNK_LEAST ? CHUNK_LEAST : (size_t)n;
}
