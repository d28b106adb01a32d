/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * tls -- certificates and keys of the served names, chosen by what the client asks for (SNI), and
 * replaced without a restart: a session keeps the one it began with.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <openssl/ssl.h>

struct gate_tls;

/* One certificate chain with its key, both PEM, borrowed; of the key's octets no copy is kept but
 * OpenSSL's. `name` is for messages. */
struct gate_pem {
	const char *name;
	struct span certificate, key;
};

/* The first one is for clients that ask for no name, or one that none of them has. */
struct gate_tls *gate_tls_new(void) MUST_CHECK;
void gate_tls_free(struct gate_tls *t); /* NULL is allowed */

/*
 * All or nothing: on failure the ones before stay.
 *
 *   errors  ERROR_RETRY_PERSON: no PEM, a key that is another certificate's
 */
int gate_tls_set(struct gate_tls *t, const struct gate_pem *pems, size_t n, struct error *err)
	MUST_CHECK;

/* Reads "CERTIFICATE[,KEY]"; the key may stand in the certificate's file. Both buffers are the
 * caller's, who wipes them by gate_tls_wipe(). */
int gate_tls_read(const char *words, struct buf *certificate, struct buf *key, struct error *err)
	MUST_CHECK;
void gate_tls_wipe(struct buf *b);

/* For stream_start_tls(); NULL: there is no certificate. Borrowed until the next gate_tls_set(). */
SSL_CTX *gate_tls_server(const struct gate_tls *t);

/*
 * A client's context, the caller's (SSL_CTX_free()). The server's certificate is held against those of
 * the file `ca` (PEM), and a handshake fails where none of them vouches for it; NULL: against nothing.
 * The name that it has to have is stream_start_tls()'s.
 *
 *   errors  ERROR_RETRY_PERSON: no certificates there; NULL is returned
 */
SSL_CTX *gate_tls_client(const char *ca, struct error *err) MUST_CHECK;

/* Appends ` tls_name=... tls_until=...` of each certificate, for log and status. */
void gate_tls_describe(const struct gate_tls *t, struct buf *out);
