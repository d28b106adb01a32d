/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/mboxstate.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 64u

void mbox_states_fini(struct mbox_states *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->rows[i].folder);
	free(s->rows);
	*s = (struct mbox_states){ 0 };
}

void mbox_states_add(struct mbox_states *s, const struct mbox_state *state)
{
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n] = *state;
	s->rows[s->n++].folder = xstrdup(state->folder);
}

struct mbox_state *mbox_states_find(const struct mbox_states *s, const char *folder)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->rows[i].folder, folder))
			return &s->rows[i];
	return NULL;
}

#define SETTLED_NS 2000000000LL

bool mbox_state_settles(const struct mbox_state *s, int64_t now_ns)
{
	return now_ns - s->mtime_ns > SETTLED_NS &&
	       (now_ns - s->ctime_ns > SETTLED_NS || s->ctime_ns - s->mtime_ns > SETTLED_NS);
}

bool mbox_state_is_same(const struct mbox_state *a, const struct mbox_state *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       a->inode == b->inode;
}

/* ── the sum ─────────────────────────────────────────────────────────────────────────────────── */

/* Digits of pi: odd, and without a pattern. */
static const uint64_t keys[4] = { 0x243f6a8885a308d3, 0x13198a2e03707345, 0xa4093822299f31d1,
	                          0x082efa98ec4e6c89 };

static uint64_t load(const unsigned char *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static uint64_t turn(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

/* A product of 128 bits, folded; and both factors again, so that a zero hides nothing. */
static uint64_t mix(uint64_t lane, uint64_t x, uint64_t y, uint64_t key)
{
	__extension__ unsigned __int128 product = (unsigned __int128)(x ^ key) * (y ^ lane);

	return ((uint64_t)product ^ (uint64_t)(product >> 64)) + x + turn(y, 29) + turn(lane, 17);
}

static void add_blocks(struct mbox_chunk_summing *s, const unsigned char *at, size_t blocks)
{
	uint64_t a = s->lanes[0], b = s->lanes[1], c = s->lanes[2], d = s->lanes[3];

	for (; blocks; blocks--, at += BLOCK) {
		a = mix(a, load(at), load(at + 8), keys[0]);
		b = mix(b, load(at + 16), load(at + 24), keys[1]);
		c = mix(c, load(at + 32), load(at + 40), keys[2]);
		d = mix(d, load(at + 48), load(at + 56), keys[3]);
	}
	s->lanes[0] = a;
	s->lanes[1] = b;
	s->lanes[2] = c;
	s->lanes[3] = d;
}

void mbox_chunk_begin(struct mbox_chunk_summing *s)
{
	*s = (struct mbox_chunk_summing){ .lanes = { keys[1], keys[2], keys[3], keys[0] } };
}

void mbox_chunk_add(struct mbox_chunk_summing *s, const void *octets, size_t n)
{
	const unsigned char *at = octets;
	size_t held = s->n % BLOCK;

	s->n += n;
	if (held) {
		size_t some = n < BLOCK - held ? n : BLOCK - held;

		memcpy(s->part + held, at, some);
		if (held + some < BLOCK)
			return;
		add_blocks(s, s->part, 1);
		at += some;
		n -= some;
	}
	add_blocks(s, at, n / BLOCK);
	if (n % BLOCK)
		memcpy(s->part, at + n - n % BLOCK, n % BLOCK);
}

struct mbox_sum mbox_chunk_end(const struct mbox_chunk_summing *s)
{
	struct mbox_chunk_summing end = *s;
	size_t held = s->n % BLOCK;
	struct mbox_sum sum;
	uint64_t x, y;

	memset(end.part + held, 0, BLOCK - held);
	add_blocks(&end, end.part, 1);
	x = mix(end.lanes[0], end.lanes[1], s->n, keys[2]);
	y = mix(end.lanes[2], end.lanes[3], turn(s->n, 32), keys[3]);
	x = mix(x, y, end.lanes[2], keys[0]);
	y = mix(y, x, end.lanes[0], keys[1]);
	memcpy(sum.octets, &x, sizeof x);
	memcpy(sum.octets + sizeof x, &y, sizeof y);
	return sum;
}

void mbox_sum_begin(struct mbox_summing *s)
{
	mbox_chunk_begin(&s->whole);
	mbox_chunk_begin(&s->chunk);
}

void mbox_sum_add_chunk(struct mbox_summing *s, const struct mbox_sum *chunk)
{
	mbox_chunk_add(&s->whole, chunk->octets, MBOX_SUM_SIZE);
}

void mbox_sum_add(struct mbox_summing *s, const void *octets, size_t n)
{
	const unsigned char *at = octets;

	while (n) {
		size_t room = (size_t)(MBOX_SUM_CHUNK - s->chunk.n), some = n < room ? n : room;

		mbox_chunk_add(&s->chunk, at, some);
		at += some;
		n -= some;
		if (s->chunk.n == MBOX_SUM_CHUNK) {
			const struct mbox_sum sum = mbox_chunk_end(&s->chunk);

			mbox_sum_add_chunk(s, &sum);
			mbox_chunk_begin(&s->chunk);
		}
	}
}

struct mbox_sum mbox_sum_end(const struct mbox_summing *s)
{
	struct mbox_summing end = *s;
	const struct mbox_sum last = mbox_chunk_end(&end.chunk);

	mbox_sum_add_chunk(&end, &last);
	return mbox_chunk_end(&end.whole);
}

bool mbox_sum_equal(const struct mbox_sum *a, const struct mbox_sum *b)
{
	return memcmp(a->octets, b->octets, MBOX_SUM_SIZE) == 0;
}
