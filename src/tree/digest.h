/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * digest -- SHA-256 of a file's content, at no cost for its holes.
 *
 * Of a file without a whole aligned block of zeros (64 KiB) it is the SHA-256 of its octets, as
 * sha256sum(1) prints it. Else it is the SHA-256 of three things: the SHA-256 of the octets without
 * those blocks; the SHA-256 of their places (for each run of blocks: u64 first, u64 number, little
 * endian); the size. Holes and zeros that were written give the same digest.
 */

#include "mail/digest.h"

struct tree_digest {
	struct digest_state octets, zeros;
	uint64_t at;               /* offset in the file */
	uint64_t run_first, run_n; /* blocks of zeros, not yet in `zeros` */
	uint64_t pending;          /* zeros at the begin of the block at hand */
	bool mixed;                /* the block at hand holds something else */
	bool any_zeros;
};

void tree_digest_begin(struct tree_digest *d);
void tree_digest_add(struct tree_digest *d, const char *bytes, size_t n);
void tree_digest_add_zeros(struct tree_digest *d, uint64_t n);
struct digest tree_digest_end(struct tree_digest *d);
