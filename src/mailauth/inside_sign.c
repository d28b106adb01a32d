/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/inside.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
/* it takes bool from above */
#include <opendkim/dkim.h>

#define PEM_LINE 64 /* RFC 7468 section 2 */
#define NAME "DKIM-Signature: "

/* The library takes PEM, or DER without a zero octet in it. */
static void add_pem(struct buf *out, const char *base64)
{
	size_t n = strlen(base64);

	buf_add_text(out, "-----BEGIN RSA PRIVATE KEY-----\n");
	for (size_t at = 0; at < n; at += PEM_LINE)
		buf_addf(out, "%.*s\n", PEM_LINE, base64 + at);
	buf_add_text(out, "-----END RSA PRIVATE KEY-----\n");
	buf_add_char(out, '\0');
}

static int refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0, "it can't be signed: %s",
	                 why ? why : "libopendkim tells no reason");
}

json_t *dkim_make_signature(const struct mailauth_request *r, struct error *err)
{
	static const unsigned char id[] = "mailauth";
	AUTO_BUF struct buf pem = { 0 };
	unsigned char *text = NULL;
	json_t *made = NULL;
	DKIM_STAT status;
	size_t n = 0;
	DKIM *dkim;

	add_pem(&pem, r->sign_key);
	dkim = dkim_sign(dkim_library(), id, NULL, (unsigned char *)pem.p,
	                 (const unsigned char *)r->sign_selector,
	                 (const unsigned char *)r->sign_domain, DKIM_CANON_RELAXED,
	                 DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
	if (!dkim) {
		refuse(err, dkim_getresultstr(status));
		return NULL;
	}
	status = dkim_set_margin(dkim, 0); /* one line */
	if (status == DKIM_STAT_OK)
		status = dkim_feed(dkim, r->message);
	if (status == DKIM_STAT_OK)
		status = dkim_getsighdr_d(dkim, strlen(NAME), &text, &n);
	if (status == DKIM_STAT_OK)
		made = json_pack("{s:o}", "signature", inside_text((const char *)text));
	else
		refuse(err, dkim_geterror(dkim) ? dkim_geterror(dkim) : dkim_getresultstr(status));
	dkim_free(dkim);
	OPENSSL_cleanse(pem.p, pem.n);
	return made;
}
