/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_dane -- whether the TLSA records of the mail service fit the certificate that a side shows, or
 * will show (RFC 7672, RFC 7671). */

#include "check/sessions.h"

#include "base/memory.h"
#include "check/names.h"
#include "mta/mta.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define FILE_MOST 262144u
#define CHAIN_MOST 10

/* RFC 6698 section 2.1, RFC 7218. */
enum usage { USAGE_PKIX_TA, USAGE_PKIX_EE, USAGE_DANE_TA, USAGE_DANE_EE };
enum selector { SELECTOR_CERTIFICATE, SELECTOR_KEY };
enum matching { MATCHING_FULL, MATCHING_SHA256, MATCHING_SHA512 };

struct tlsa {
	uint64_t usage, selector, matching;
	struct span data; /* hexadecimal */
};

/* "3 1 1 0B9F..." */
static bool tlsa_read(const char *text, struct tlsa *out)
{
	struct span rest = span_of(text), word;
	uint64_t *const numbers[] = { &out->usage, &out->selector, &out->matching };

	for (size_t i = 0; i < ROWS(numbers); i++)
		if (!span_next_word(&rest, &word) || !span_parse_u64(word, numbers[i]))
			return false;
	return span_next_word(&rest, &out->data);
}

/* What a record would have to say of this certificate; false: no record of that kind can. */
static bool digest_of(X509 *certificate, uint64_t selector, uint64_t matching, struct buf *hex)
{
	const EVP_MD *md = matching == MATCHING_SHA256 ? EVP_sha256() : EVP_sha512();
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	int n;

	if (selector > SELECTOR_KEY || matching > MATCHING_SHA512)
		return false;
	n = selector == SELECTOR_KEY ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der)
	                             : i2d_X509(certificate, &der);
	if (n <= 0)
		return false;
	if (matching == MATCHING_FULL)
		buf_add_hex(hex, der, (size_t)n);
	else if (EVP_Digest(der, (size_t)n, digest, &size, md, NULL))
		buf_add_hex(hex, digest, size);
	OPENSSL_free(der);
	return hex->n > 0;
}

/* RFC 7671 section 5: the host's own certificate, or one of those above it. */
static bool fits(const struct tlsa *t, STACK_OF(X509) * chain)
{
	int from = t->usage == USAGE_DANE_TA, to = t->usage == USAGE_DANE_EE ? 1 : CHAIN_MOST;

	for (int i = from; i < to && i < sk_X509_num(chain); i++) {
		AUTO_BUF struct buf hex = { 0 };

		if (digest_of(sk_X509_value(chain, i), t->selector, t->matching, &hex) &&
		    span_is_nocase(t->data, buf_text(&hex)))
			return true;
	}
	return false;
}

static enum check_answer judge(const struct dns_records *records, const char *name,
                               STACK_OF(X509) * chain, const char *whose, struct buf *seen)
{
	AUTO_BUF struct buf hex = { 0 };
	bool strange = false;

	for (size_t i = 0; i < records->n; i++) {
		struct tlsa t = { 0 };

		if (records->rows[i].type != DNS_TLSA || !tlsa_read(records->rows[i].data, &t))
			continue;
		/* RFC 7672 section 3.1.3: by SMTP, such a record counts as if it were not there */
		strange |= t.usage < USAGE_DANE_TA;
		if (t.usage >= USAGE_DANE_TA && t.usage <= USAGE_DANE_EE && fits(&t, chain)) {
			sessions_note(seen, "%s: %s fits %llu %llu %llu", whose, name,
			              (unsigned long long)t.usage, (unsigned long long)t.selector,
			              (unsigned long long)t.matching);
			return CHECK_YES;
		}
	}
	if (digest_of(sk_X509_value(chain, 0), SELECTOR_KEY, MATCHING_SHA256, &hex))
		sessions_note(seen, "%s: no record of %s fits%s; its own would be 3 1 1 %s", whose,
		              name, strange ? " (usage 0 and 1 are not for SMTP)" : "",
		              buf_text(&hex));
	return CHECK_NO;
}

/* ── the certificate ─────────────────────────────────────────────────────────────────────────── */

/* That which the MTA is set up to show, where it is not there to be asked. */
static STACK_OF(X509) * chain_of_file(const struct check_asking *a, struct buf *seen)
{
	AUTO_RECEPTION struct mta_reception r = { 0 };
	AUTO_BUF struct buf text = { 0 };
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct error err = { 0 };
	X509 *one;
	BIO *in;

	if (!chain || mta_reception(a->host, NULL, &r, &err) < 0 ||
	    (r.certificate && host_read(a->host, r.certificate, FILE_MOST, &text, &err) < 0))
		sessions_note(seen, "%s", err.text);
	in = BIO_new_mem_buf(text.n ? text.p : "", (int)text.n);
	while (in && sk_X509_num(chain) < CHAIN_MOST &&
	       (one = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		sk_X509_push(chain, one);
	BIO_free(in);
	return chain;
}

static void chain_free(STACK_OF(X509) * chain)
{
	sk_X509_pop_free(chain, X509_free);
}

/* What this address shows. Empty: it shows nothing; then *why has the reason. */
static STACK_OF(X509) *
	chain_of_session(const struct check_asking *a, const char *address, struct error *why)
{
	AUTO_TALK struct talk t = { 0 };
	STACK_OF(X509) *shown = NULL;

	if (talk_open(&t, address, a->site->port, SMTP_TLS_MAY, a->site->ca_file,
	              a->site->step_ms / 4, why) < 0)
		return NULL;
	shown = t.link.ssl ? SSL_get_peer_cert_chain(t.link.ssl) : NULL;
	if (!shown)
		error_set(why, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "%s offers no STARTTLS",
		          address);
	return shown ? X509_chain_up_ref(shown) : NULL;
}

/* ── the question ────────────────────────────────────────────────────────────────────────────── */

static enum check_answer address_of(const struct check_asking *a, const char *address,
                                    const char *name, const struct dns_records *records,
                                    struct buf *seen)
{
	struct error why = { 0 };
	STACK_OF(X509) *chain = chain_of_session(a, address, &why);
	enum check_answer answer;
	const char *whose = address;

	if (!chain && why.sys_errno == ECONNREFUSED) {
		chain = chain_of_file(a, seen);
		whose = "its certificate file";
	}
	if (!chain || !sk_X509_num(chain)) {
		sessions_note(seen, "%s", *why.text ? why.text : "it has no certificate");
		chain_free(chain);
		return why.retry == ERROR_RETRY_PERSON ? CHECK_NO : CHECK_UNKNOWN;
	}
	answer = judge(records, name, chain, whose, seen);
	chain_free(chain);
	return answer;
}

static enum check_answer name_of(const struct check_asking *a, const char *name, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	AUTO_FREE char *place = xasprintf("_%u._tcp.%s", a->site->port, name);
	AUTO_ANSWER struct dns_answer got = { 0 };
	enum check_answer all = CHECK_SKIPPED;
	struct error err = { 0 };
	bool any = false;

	if (dns_resolve(&a->site->resolvers, place, DNS_TLSA, &got, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < got.answer.n; i++)
		any |= got.answer.rows[i].type == DNS_TLSA;
	if (!any)
		return sessions_note(seen, "%s has none", place), CHECK_SKIPPED;
	if (!got.authentic)
		sessions_note(seen, "%s: not proven by DNSSEC, so that senders take no notice",
		              place);
	for (size_t i = 0; i < addresses->n; i++)
		all = check_worst(all, address_of(a, addresses->rows[i], name, &got.answer, seen));
	return all;
}

enum check_answer check_tlsa(const struct check_asking *a, struct buf *seen)
{
	AUTO_STRINGS struct strings names = { 0 };
	enum check_answer all = CHECK_SKIPPED;
	struct error err = { 0 };

	if (!a->site->addresses[a->of].n)
		return sessions_nowhere(seen);
	if (names_of_service(a->site, &names, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < names.n; i++)
		all = check_worst(all, name_of(a, names.rows[i], seen));
	return all;
}
