/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/outside_tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAY_S 86400L
#define RECORD_MOST 16384 /* octets (RFC 8446 section 5.1) */

static X509 *certificate_of(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	X509_NAME *who = x ? X509_get_subject_name(x) : NULL;

	if (!who || X509_set_version(x, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(x), DAY_S) ||
	    X509_NAME_add_entry_by_txt(who, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
	                               0) != 1 ||
	    X509_set_issuer_name(x, who) != 1 || X509_set_pubkey(x, key) != 1 ||
	    X509_sign(x, key, EVP_sha256()) == 0) {
		X509_free(x);
		return NULL;
	}
	return x;
}

SSL_CTX *outside_tls_new(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? certificate_of(key, name) : NULL;
	SSL_CTX *ctx = x ? SSL_CTX_new(TLS_server_method()) : NULL;

	if (ctx && (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	            SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	X509_free(x);
	EVP_PKEY_free(key);
	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

void outside_tls_begin(struct outside_tls *t, SSL_CTX *ctx)
{
	*t = (struct outside_tls){ .ssl = SSL_new(ctx),
		                   .in = BIO_new(BIO_s_mem()),
		                   .out = BIO_new(BIO_s_mem()) };
	if (!t->ssl || !t->in || !t->out)
		abort();
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
}

void outside_tls_fini(struct outside_tls *t)
{
	SSL_free(t->ssl); /* and both ends */
	*t = (struct outside_tls){ 0 };
}

static void drain(struct outside_tls *t, struct buf *wire)
{
	size_t n = BIO_ctrl_pending(t->out);

	if (n && BIO_read(t->out, buf_room(wire, n), (int)n) == (int)n)
		buf_grown(wire, n);
}

bool outside_tls_take(struct outside_tls *t, struct span came, struct buf *plain, struct buf *wire)
{
	int n = 1;

	ERR_clear_error();
	if (came.n && BIO_write(t->in, came.p, (int)came.n) != (int)came.n)
		abort(); /* memory */
	if (!t->is_secure) {
		n = SSL_do_handshake(t->ssl);
		t->is_secure = n == 1;
	}
	while (t->is_secure &&
	       (n = SSL_read(t->ssl, buf_room(plain, RECORD_MOST), RECORD_MOST)) > 0)
		buf_grown(plain, (size_t)n);
	drain(t, wire);
	return SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_READ;
}

bool outside_tls_say(struct outside_tls *t, struct span plain, struct buf *wire)
{
	bool good = true;

	ERR_clear_error();
	if (plain.n)
		good = SSL_write(t->ssl, plain.p, (int)plain.n) == (int)plain.n;
	drain(t, wire);
	return good;
}
