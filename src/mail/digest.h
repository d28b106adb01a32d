/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* digest -- SHA-256 (FIPS 180-4) of a message's octets: the proof that two copies are the same. */

#include "base/text.h"

#include <stdbool.h>

#define DIGEST_SIZE 32u

struct digest {
	unsigned char octets[DIGEST_SIZE];
};

struct digest_state {
	/* room for OpenSSL's SHA256_CTX, which this header does not show */
	uint64_t opaque[16];
};

void digest_begin(struct digest_state *state);
void digest_add(struct digest_state *state, const void *bytes, size_t n);
struct digest digest_end(struct digest_state *state);

struct digest digest_of(struct span bytes);
bool digest_equal(const struct digest *a, const struct digest *b);
/* 64 lower-case hexadecimal digits and a NUL; returns `out`. */
const char *digest_text(char out[2 * DIGEST_SIZE + 1], const struct digest *digest);
