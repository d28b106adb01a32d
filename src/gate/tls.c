/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/tls.h"

#include "base/file.h"
#include "base/memory.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define PEM_MAX (1u << 20)

struct gate_tls {
	SSL_CTX **contexts;
	size_t n;
};

struct gate_tls *gate_tls_new(void)
{
	return xcalloc(1, sizeof(struct gate_tls));
}

static void drop(SSL_CTX **contexts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		SSL_CTX_free(contexts[i]);
	free(contexts);
}

void gate_tls_free(struct gate_tls *t)
{
	if (!t)
		return;
	drop(t->contexts, t->n);
	free(t);
}

void gate_tls_wipe(struct buf *b)
{
	if (b->p)
		OPENSSL_cleanse(b->p, b->room);
	buf_fini(b);
}

static int complain(const char *name, const char *what, struct error *err)
{
	unsigned long code = ERR_peek_error();
	char words[160] = "";

	if (code)
		ERR_error_string_n(code, words, sizeof words);
	ERR_clear_error();
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "%s: %s%s%s", name, what,
	                 *words ? ": " : "", words);
}

int gate_tls_read(const char *words, struct buf *certificate, struct buf *key, struct error *err)
{
	const char *comma = strchr(words, ',');
	AUTO_FREE char *path = comma ? xstrndup(words, (size_t)(comma - words)) : xstrdup(words);

	if (file_read(path, PEM_MAX, certificate, err) < 0)
		return -1;
	return file_read(comma ? comma + 1 : path, PEM_MAX, key, err);
}

/* The client's wish is known: the first certificate that is for it. */
static int choose(SSL *ssl, int *alert, void *context)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct gate_tls *t = context;

	(void)alert;
	for (size_t i = 0; name && i < t->n; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(t->contexts[i]), name, 0, 0, NULL) ==
		    1) {
			(void)SSL_set_SSL_CTX(ssl, t->contexts[i]);
			break;
		}
	return SSL_TLSEXT_ERR_OK; /* an unknown name is no reason to end: Postfix does not */
}

static bool use_chain(SSL_CTX *ctx, BIO *pem)
{
	X509 *x = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
	bool good = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (good && (x = PEM_read_bio_X509(pem, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			good = false;
		}
	if (good)
		ERR_clear_error(); /* "no more of them" */
	return good;
}

/* OpenSSL would ask the terminal. */
static int no_password(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static SSL_CTX *make(struct gate_tls *t, const struct gate_pem *p, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *chain = BIO_new_mem_buf(p->certificate.p, (int)p->certificate.n);
	BIO *secret = BIO_new_mem_buf(p->key.p, (int)p->key.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(secret, NULL, no_password, NULL);
	const char *wrong = NULL;

	if (!ctx || !chain)
		abort();
	ERR_clear_error();
	if (!use_chain(ctx, chain))
		wrong = "no certificate";
	else if (!key)
		wrong = "no key that can be read without a password";
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		wrong = "the key is not this certificate's";
	EVP_PKEY_free(key);
	BIO_free(secret);
	BIO_free(chain);
	if (wrong) {
		complain(p->name, wrong, err);
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	SSL_CTX_set_tlsext_servername_arg(ctx, t);
	return ctx;
}

int gate_tls_set(struct gate_tls *t, const struct gate_pem *pems, size_t n, struct error *err)
{
	SSL_CTX **new = xcalloc(n + 1, sizeof(SSL_CTX *));

	for (size_t i = 0; i < n; i++) {
		new[i] = make(t, &pems[i], err);
		if (!new[i]) {
			drop(new, i);
			return -1;
		}
	}
	drop(t->contexts, t->n); /* sessions have counted references of their own */
	t->contexts = new;
	t->n = n;
	return 0;
}

SSL_CTX *gate_tls_server(const struct gate_tls *t)
{
	return t->n ? t->contexts[0] : NULL;
}

SSL_CTX *gate_tls_client(const char *ca, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		abort();
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (!ca)
		return ctx;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_file(ctx, ca) == 1)
		return ctx;
	ERR_clear_error();
	SSL_CTX_free(ctx);
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "--deliver-ca %s: no certificates",
	          ca);
	return NULL;
}

void gate_tls_describe(const struct gate_tls *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		X509 *x = SSL_CTX_get0_certificate(t->contexts[i]);
		char name[256] = "";
		struct tm until = { 0 };

		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name,
		                          sizeof name);
		(void)ASN1_TIME_to_tm(X509_get0_notAfter(x), &until);
		buf_add_text(out, " tls_name=");
		buf_add_printable(out, span_of(name));
		buf_addf(out, " tls_until=%04d-%02d-%02d", until.tm_year + 1900, until.tm_mon + 1,
		         until.tm_mday);
	}
}
