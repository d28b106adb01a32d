/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/fingerprint.h"

#include "base/clock.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void lists_fingerprint_key(uint64_t key[2])
{
	if (getrandom(key, 2 * sizeof *key, GRND_NONBLOCK) == (ssize_t)(2 * sizeof *key))
		return;
	/* a machine that has just started: what is there has to do */
	key[0] = (uint64_t)clock_monotonic_ns();
	key[1] = (uint64_t)clock_wall_ms() ^ (uint64_t)getpid() << 40;
}

static inline uint64_t turn(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static inline void round_of(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = turn(v[1], 13) ^ v[0];
	v[0] = turn(v[0], 32);
	v[2] += v[3];
	v[3] = turn(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = turn(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = turn(v[1], 17) ^ v[2];
	v[2] = turn(v[2], 32);
}

static void take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round_of(v);
	round_of(v);
	v[0] ^= word;
}

uint64_t lists_fingerprint(const uint64_t key[2], struct span text)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		          key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	uint64_t word = 0, made;
	size_t at = 0;

	for (; at + sizeof word <= text.n; at += sizeof word) {
		memcpy(&word, text.p + at, sizeof word);
		take(v, word);
	}
	word = 0;
	if (at < text.n)
		memcpy(&word, text.p + at, text.n - at);
	take(v, word | (uint64_t)text.n << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_of(v);
	made = v[0] ^ v[1] ^ v[2] ^ v[3];
	return made ? made : 1;
}

struct span lists_bare_id(struct span id)
{
	id = span_trim(id);
	if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
		id = (struct span){ id.p + 1, id.n - 2 };
	return id;
}
