/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/digest.h"

#include <string.h>

#define BLOCK (64u << 10)

void tree_digest_begin(struct tree_digest *d)
{
	*d = (struct tree_digest){ 0 };
	digest_begin(&d->octets);
	digest_begin(&d->zeros);
}

static void put_u64(unsigned char out[8], uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (unsigned char)(value >> (8 * i));
}

static void end_run(struct tree_digest *d)
{
	unsigned char octets[16];

	if (!d->run_n)
		return;
	put_u64(octets, d->run_first);
	put_u64(octets + 8, d->run_n);
	digest_add(&d->zeros, octets, sizeof octets);
	d->run_n = 0;
}

static void add_run(struct tree_digest *d, uint64_t first, uint64_t n)
{
	d->any_zeros = true;
	if (!d->run_n || d->run_first + d->run_n != first) {
		end_run(d);
		d->run_first = first;
	}
	d->run_n += n;
}

static void hash_zeros(struct tree_digest *d, uint64_t n)
{
	static const char zeros[4096];

	while (n) {
		size_t some = n < sizeof zeros ? (size_t)n : sizeof zeros;

		digest_add(&d->octets, zeros, some);
		n -= some;
	}
}

/* Past `n` octets of one block. */
static void advance(struct tree_digest *d, size_t n)
{
	d->at += n;
	if (d->at % BLOCK)
		return;
	if (!d->mixed)
		add_run(d, d->at / BLOCK - 1, 1);
	d->mixed = false;
	d->pending = 0;
}

static size_t left_in_block(const struct tree_digest *d, uint64_t n)
{
	uint64_t left = BLOCK - d->at % BLOCK;

	return (size_t)(n < left ? n : left);
}

static bool is_zero(const char *bytes, size_t n)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

void tree_digest_add(struct tree_digest *d, const char *bytes, size_t n)
{
	while (n) {
		size_t some = left_in_block(d, n);

		if (!d->mixed && is_zero(bytes, some)) {
			d->pending += some;
		} else {
			if (!d->mixed)
				hash_zeros(d, d->pending);
			d->mixed = true;
			digest_add(&d->octets, bytes, some);
		}
		advance(d, some);
		bytes += some;
		n -= some;
	}
}

void tree_digest_add_zeros(struct tree_digest *d, uint64_t n)
{
	while (n) {
		size_t some = left_in_block(d, n);

		if (d->at % BLOCK == 0 && n >= BLOCK) {
			add_run(d, d->at / BLOCK, n / BLOCK);
			d->at += n / BLOCK * BLOCK;
			n %= BLOCK;
			continue;
		}
		if (d->mixed)
			hash_zeros(d, some);
		else
			d->pending += some;
		advance(d, some);
		n -= some;
	}
}

struct digest tree_digest_end(struct tree_digest *d)
{
	unsigned char size[8];
	struct digest octets, zeros;

	if (!d->mixed)
		hash_zeros(d, d->pending);
	octets = digest_end(&d->octets);
	if (!d->any_zeros)
		return octets;
	end_run(d);
	zeros = digest_end(&d->zeros);
	put_u64(size, d->at);
	digest_begin(&d->octets);
	digest_add(&d->octets, octets.octets, DIGEST_SIZE);
	digest_add(&d->octets, zeros.octets, DIGEST_SIZE);
	digest_add(&d->octets, size, sizeof size);
	return digest_end(&d->octets);
}
