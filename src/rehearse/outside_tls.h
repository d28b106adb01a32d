/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * outside_tls -- TLS of the pretended internet's mail servers, by memory: no socket. Their certificate is made
 * when they begin, and nobody vouches for it: between servers that do not know each other TLS is used
 * where it is offered (RFC 7435), and that is what a rehearsal looks at.
 */

#include "base/text.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* A server's context, the caller's (SSL_CTX_free()), with a certificate for `name` that is good for a day.
 * TLS 1.2 and newer (RFC 8996). NULL when OpenSSL can't. */
SSL_CTX *outside_tls_new(const char *name) MUST_CHECK;

struct outside_tls {
	SSL *ssl;       /* owned; NULL: not begun */
	BIO *in, *out;  /* of `ssl` */
	bool is_secure; /* the handshake is done */
};
void outside_tls_begin(struct outside_tls *t, SSL_CTX *ctx);
void outside_tls_fini(struct outside_tls *t);

/*
 * Takes what came over the wire.
 *
 *   plain    what the client has said in it is appended
 *   wire     what has to be sent is appended
 *   returns  false: it broke, or the client has closed it; `wire` may hold an alert then
 */
bool outside_tls_take(struct outside_tls *t, struct span came, struct buf *plain, struct buf *wire)
	MUST_CHECK;
/* Appends to `wire` what says `plain`, once it is secure. False: it broke. */
bool outside_tls_say(struct outside_tls *t, struct span plain, struct buf *wire) MUST_CHECK;
