/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/inside.h"

#include "base/file.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AUTHORITIES_MAX (8u << 20) /* octets */
#define NAME_SHOWN_MAX 300
#define WORDS_NAMES_MAX 5u

/* What a connection's certificate was found to be; hangs at its SSL_CTX, of which it is the only user. */
struct seen {
	unsigned wrong;    /* enum http_wrong */
	const char *other; /* OpenSSL's constant words of HTTP_WRONG_OTHER */
};

/* ── authorities ─────────────────────────────────────────────────────────────────────────────── */

/* Where systems keep them in one file: Debian and Arch, Fedora, OpenSUSE, Alpine and the BSDs. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

int tls_prepare(struct tls *t, const char *ca_file, struct error *err)
{
	struct error none;

	if (ca_file) {
		if (file_read(ca_file, AUTHORITIES_MAX, &t->pem, err) == 0)
			return 0;
		err->retry = ERROR_RETRY_PERSON;
		return error_context(err, "the certificates of authorities");
	}
	for (size_t i = 0; !t->pem.n && i < ROWS(bundles); i++)
		if (file_read(bundles[i], AUTHORITIES_MAX, &t->pem, &none) < 0)
			buf_reset(&t->pem);
	return 0;
}

void tls_fini(struct tls *t)
{
	X509_STORE_free(t->store);
	buf_fini(&t->pem);
}

/* At the first https:// alone: it takes as long as the rest of a start. */
static void fill_store(struct tls *t)
{
	BIO *in;
	X509 *certificate;

	if (t->store)
		return;
	t->store = X509_STORE_new();
	in = BIO_new_mem_buf(buf_text(&t->pem), (int)t->pem.n);
	if (!t->store || !in)
		abort();
	while ((certificate = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL))) {
		X509_STORE_add_cert(t->store, certificate);
		X509_free(certificate);
	}
	ERR_clear_error();
	BIO_free(in);
	buf_fini(&t->pem);
}

/* ── what is wrong with a certificate ────────────────────────────────────────────────────────── */

static const struct {
	int code;
	enum http_wrong wrong;
} reasons[] = {
	{ X509_V_ERR_HOSTNAME_MISMATCH, HTTP_WRONG_NAME },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH, HTTP_WRONG_NAME },
	{ X509_V_ERR_CERT_HAS_EXPIRED, HTTP_WRONG_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, HTTP_WRONG_EARLY },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HTTP_WRONG_ISSUER },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HTTP_WRONG_ISSUER },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HTTP_WRONG_ISSUER },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HTTP_WRONG_ISSUER },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HTTP_WRONG_ISSUER },
	{ X509_V_ERR_CERT_UNTRUSTED, HTTP_WRONG_ISSUER },
};

static int seen_index(void);

/* Called for each thing that is wrong; 1: go on, and find the next one. */
static int look(int good, X509_STORE_CTX *chain)
{
	int code = X509_STORE_CTX_get_error(chain);
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct seen *seen = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), seen_index());

	if (good)
		return 1;
	for (size_t i = 0; i < ROWS(reasons); i++)
		if (reasons[i].code == code) {
			seen->wrong |= reasons[i].wrong;
			return 1;
		}
	seen->wrong |= HTTP_WRONG_OTHER;
	seen->other = X509_verify_cert_error_string(code);
	return 1;
}

static void free_seen(void *parent, void *seen, CRYPTO_EX_DATA *all, int index, long argl,
                      void *argp)
{
	free(seen);
}

static int seen_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_seen);
	return index;
}

int tls_watch(struct tls *t, SSL_CTX *context, const char *host)
{
	X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(context);
	struct seen *seen = xcalloc(1, sizeof *seen);
	unsigned char octets[16];
	bool address = inet_pton(AF_INET, host, octets) == 1 ||
	               inet_pton(AF_INET6, host, octets) == 1;

	fill_store(t);
	if (!SSL_CTX_set_ex_data(context, seen_index(), seen)) {
		free(seen);
		return -1;
	}
	SSL_CTX_set1_cert_store(context, t->store);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, look);
	X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(rules, host) ? 0 : -1;
	return X509_VERIFY_PARAM_set1_host(rules, host, 0) ? 0 : -1;
}

/* ── telling ─────────────────────────────────────────────────────────────────────────────────── */

static int64_t seconds_of(const ASN1_TIME *when)
{
	struct tm parts;

	return when && ASN1_TIME_to_tm(when, &parts) ? (int64_t)timegm(&parts) : 0;
}

static void add_name(struct http_certificate *c, const void *octets, size_t n)
{
	AUTO_BUF struct buf text = { 0 };

	if (c->names.n == HTTP_NAMES_MAX)
		return;
	buf_add_printable(&text,
	                  (struct span){ octets, n < NAME_SHOWN_MAX ? n : (size_t)NAME_SHOWN_MAX });
	strings_add(&c->names, buf_text(&text));
}

static void add_address(struct http_certificate *c, const ASN1_OCTET_STRING *octets)
{
	char text[INET6_ADDRSTRLEN];
	int n = ASN1_STRING_length(octets);

	if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET : AF_INET6,
	                                     ASN1_STRING_get0_data(octets), text, sizeof text))
		add_name(c, text, strlen(text));
}

static void read_names(X509 *from, struct http_certificate *c)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(from, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		if (name->type == GEN_DNS)
			add_name(c, ASN1_STRING_get0_data(name->d.dNSName),
			         (size_t)ASN1_STRING_length(name->d.dNSName));
		else if (name->type == GEN_IPADD)
			add_address(c, name->d.iPAddress);
	}
	GENERAL_NAMES_free(all);
	if (!c->names.n) {
		char name[NAME_SHOWN_MAX] = "";

		/* one of the old kind, that OpenSSL still takes */
		if (X509_NAME_get_text_by_NID(X509_get_subject_name(from), NID_commonName, name,
		                              sizeof name) > 0)
			add_name(c, name, strlen(name));
	}
}

static char *issuer_of(X509 *from)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL, *copy;
	long n;

	if (!out)
		abort();
	X509_NAME_print_ex(out, X509_get_issuer_name(from), 0, XN_FLAG_RFC2253);
	n = BIO_get_mem_data(out, &text);
	copy = xstrndup(text ? text : "", n < NAME_SHOWN_MAX ? (size_t)n : NAME_SHOWN_MAX);
	BIO_free(out);
	return copy;
}

static void PRINTF_LIKE(2, 3) say(struct buf *words, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	buf_addf(words, "%s%s", words->n ? "; " : "", text);
	free(text);
}

static const char *day(char out[32], int64_t seconds)
{
	struct tm parts;
	time_t at = (time_t)seconds;

	if (!gmtime_r(&at, &parts) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts))
		snprintf(out, 32, "?");
	return out;
}

static char *words_of(const struct http_certificate *c, const struct seen *seen)
{
	AUTO_BUF struct buf words = { 0 }, names = { 0 };
	bool over = c->until_s && c->until_s < (int64_t)time(NULL);
	char at[32];

	for (size_t i = 0; i < c->names.n && i < WORDS_NAMES_MAX; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", c->names.rows[i]);
	if (c->wrong & HTTP_WRONG_NAME)
		say(&words, "its certificate is for another name: %s%s",
		    names.n ? buf_text(&names) : "none",
		    c->names.n > WORDS_NAMES_MAX ? " ..." : "");
	if (c->wrong & HTTP_WRONG_EXPIRED)
		say(&words, "%s has expired%s%s", over ? "its certificate" : "one of its chain",
		    over ? ": " : "", over ? day(at, c->until_s) : "");
	if (c->wrong & HTTP_WRONG_EARLY)
		say(&words, "its certificate, or one of its chain, is not valid yet: from %s",
		    day(at, c->from_s));
	if (c->wrong & HTTP_WRONG_ISSUER)
		say(&words, "no authority that is known here stands behind its certificate: %s",
		    c->issuer);
	if (c->wrong & HTTP_WRONG_OTHER)
		say(&words, "its certificate: %s", seen && seen->other ? seen->other : "not seen");
	return xstrdup(buf_text(&words));
}

void tls_tell(SSL *ssl, struct http_certificate *out)
{
	const struct seen *seen = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), seen_index());
	X509 *certificate = SSL_get1_peer_certificate(ssl);

	out->shown = true;
	out->wrong = seen && certificate ? seen->wrong : HTTP_WRONG_OTHER;
	if (certificate) {
		read_names(certificate, out);
		out->issuer = issuer_of(certificate);
		out->from_s = seconds_of(X509_get0_notBefore(certificate));
		out->until_s = seconds_of(X509_get0_notAfter(certificate));
	}
	out->words = words_of(out, seen);
	X509_free(certificate);
}
