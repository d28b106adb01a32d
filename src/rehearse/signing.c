/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/signing.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mailauth/sign.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define SELECTOR "rehearsal"
#define KEY_BITS 2048    /* RFC 8301 section 3.2 */
#define STRING_MOST 255u /* octets of one string of a TXT record (RFC 1035 section 3.3) */
#define TTL 60u

void signing_fini(struct signing *s)
{
	if (s->key)
		OPENSSL_cleanse(s->key, strlen(s->key));
	free(s->key);
	*s = (struct signing){ 0 };
}

/* Base64 of what `encode` makes of the key. The caller's; NULL: OpenSSL can't. */
static char *encoded(const EVP_PKEY *key, int (*encode)(const EVP_PKEY *, unsigned char **))
{
	unsigned char *der = NULL;
	int n = encode(key, &der);
	char *text = n > 0 ? xcalloc(1, (size_t)n * 4 / 3 + 8) : NULL;

	if (text)
		EVP_EncodeBlock((unsigned char *)text, der, n);
	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	return text;
}

/* RFC 6376 section 3.6.1, in strings as a TXT record has them. */
static void publish(struct zonebook *b, const char *domain, const char *public)
{
	AUTO_FREE char *name = xasprintf(SELECTOR "._domainkey.%s", domain);
	AUTO_FREE char *record = xasprintf("v=DKIM1; k=rsa; p=%s", public);
	AUTO_BUF struct buf data = { 0 };

	for (size_t at = 0; at < strlen(record); at += STRING_MOST)
		buf_addf(&data, "%s\"%.*s\"", at ? " " : "", (int)STRING_MOST, record + at);
	zonebook_add(b, name, DNS_TXT, TTL, buf_text(&data));
}

int signing_make(struct signing *s, struct zonebook *b, struct error *err)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	AUTO_FREE char *public = key ? encoded(key, i2d_PUBKEY) : NULL;

	s->key = public ? encoded(key, i2d_PrivateKey) : NULL;
	EVP_PKEY_free(key);
	if (!s->key)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "OpenSSL makes no key");
	for (size_t i = 0; i < INTERNET_SENDERS; i++)
		publish(b, internet_senders[i].domain, public);
	return 0;
}

int signing_add(const struct signing *s, const struct internet_sender *sender, struct buf *message,
                struct error *err)
{
	const struct mailauth_signer by = { sender->domain, SELECTOR, s->key };
	AUTO_BUF struct buf whole = { 0 };

	if (mailauth_sign(&by, buf_span(message), &whole, err) < 0)
		return -1;
	buf_add_span(&whole, buf_span(message));
	buf_reset(message);
	buf_add_span(message, buf_span(&whole));
	return 0;
}
