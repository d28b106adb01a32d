/* SPDX-License-Identifier: BSD-2-Clause */

/* The calls that need no provider: libcrypto.a's EVP would bring most of itself into the agent. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "mail/digest.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct digest_state), "room for OpenSSL's state");
_Static_assert(SHA256_DIGEST_LENGTH == DIGEST_SIZE, "SHA-256");

void digest_begin(struct digest_state *state)
{
	SHA256_Init((SHA256_CTX *)state);
}

void digest_add(struct digest_state *state, const void *bytes, size_t n)
{
	if (n)
		SHA256_Update((SHA256_CTX *)state, bytes, n);
}

struct digest digest_end(struct digest_state *state)
{
	struct digest made;

	SHA256_Final(made.octets, (SHA256_CTX *)state);
	return made;
}

struct digest digest_of(struct span bytes)
{
	struct digest_state state;

	digest_begin(&state);
	digest_add(&state, bytes.p, bytes.n);
	return digest_end(&state);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->octets, b->octets, DIGEST_SIZE) == 0;
}

const char *digest_text(char out[2 * DIGEST_SIZE + 1], const struct digest *digest)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = digits[digest->octets[i] >> 4];
		out[2 * i + 1] = digits[digest->octets[i] & 15];
	}
	out[2 * DIGEST_SIZE] = 0;
	return out;
}
