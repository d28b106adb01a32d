/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/inside.h"

#include "base/memory.h"
#include "mail/header.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
/* it takes bool from above */
#include <opendkim/dkim.h>

#define SIGNATURES_MAX 50u

static DKIM_LIB *library;
/* dkim_set_key_lookup() hands its function nothing of ours. */
static struct asker *key_asker;

int dkim_prepare(struct error *err)
{
	/* signatures that can't be read are listed, too; a key that can't be had is no reason to
	 * end at the header */
	unsigned flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC;

	/* no openssl.cnf: it may name modules to load */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	library = dkim_init(NULL, NULL);
	if (!library || dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags,
	                             sizeof flags) != DKIM_STAT_OK)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "libopendkim does not start");
	return 0;
}

DKIM_LIB *dkim_library(void)
{
	return library;
}

/* ── keys ────────────────────────────────────────────────────────────────────────────────────── */

static DKIM_CBSTAT look_up_key(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *room, size_t size)
{
	AUTO_STRINGS struct strings texts = { 0 };
	AUTO_FREE char *name = xasprintf("%s._domainkey.%s", (char *)dkim_sig_getselector(sig),
	                                 (char *)dkim_sig_getdomain(sig));
	enum asked asked = ask_texts(key_asker, name, &texts);

	(void)dkim;
	if (asked == ASKED_FAILED)
		return DKIM_CBSTAT_TRYAGAIN;
	if (asked == ASKED_NONE || !texts.n)
		return DKIM_CBSTAT_NOTFOUND;
	/* RFC 6376 section 3.6.2.2: of more than one record the results are undefined */
	if (texts.n > 1 || strlen(texts.rows[0]) >= size) {
		dkim_sig_seterror(sig,
		                  texts.n > 1 ? DKIM_SIGERROR_MULTIREPLY : DKIM_SIGERROR_DNSSYNTAX);
		return DKIM_CBSTAT_ERROR;
	}
	snprintf((char *)room, size, "%s", texts.rows[0]);
	return DKIM_CBSTAT_CONTINUE;
}

/* ── results ─────────────────────────────────────────────────────────────────────────────────── */

/* RFC 8601 section 2.7.1; a word that stays; a sentence where the library's is too short. */
static const struct {
	int error;
	enum mailauth_result result;
	const char *reason, *why;
} reasons[] = {
	{ DKIM_SIGERROR_BADSIG, MAILAUTH_FAIL, "signature",
	  "the signature does not fit the header, or the key" },
	{ DKIM_SIGERROR_EXPIRED, MAILAUTH_FAIL, "expired", "x= is over" },
	{ DKIM_SIGERROR_FUTURE, MAILAUTH_FAIL, "future", "t= is in the future" },
	{ DKIM_SIGERROR_TOOLARGE_L, MAILAUTH_FAIL, "body-length", "l= is more than the body has" },
	{ DKIM_SIGERROR_NOKEY, MAILAUTH_PERMERROR, "key-missing", "there is no key in DNS" },
	{ DKIM_SIGERROR_KEYREVOKED, MAILAUTH_PERMERROR, "key-revoked", "the key was revoked" },
	{ DKIM_SIGERROR_KEYTOOSMALL, MAILAUTH_PERMERROR, "key-small",
	  "a key of less than 1024 bits (RFC 8301 section 3.2)" },
	{ DKIM_SIGERROR_MULTIREPLY, MAILAUTH_PERMERROR, "key-several",
	  "several TXT records where one key has to be" },
	{ DKIM_SIGERROR_KEYFAIL, MAILAUTH_TEMPERROR, "key-unreachable", NULL },
	{ DKIM_SIGERROR_DNSSYNTAX, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYVERSION, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYUNKNOWNHASH, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYTYPEMISSING, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYTYPEUNKNOWN, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYDECODE, MAILAUTH_PERMERROR, "key-syntax", NULL },
	{ DKIM_SIGERROR_KEYHASHMISMATCH, MAILAUTH_PERMERROR, "key-use",
	  "the key's h= does not allow this algorithm" },
	{ DKIM_SIGERROR_NOTEMAILKEY, MAILAUTH_PERMERROR, "key-use",
	  "the key's s= does not allow mail" },
	{ DKIM_SIGERROR_SUBDOMAIN, MAILAUTH_PERMERROR, "domain",
	  "the key's t=s does not allow i= of a subdomain" },
	{ DKIM_SIGERROR_DOMAIN, MAILAUTH_PERMERROR, "domain", "i= is not of d=" },
};

static void settle(struct mailauth_signature *s, enum mailauth_result result, const char *reason,
                   const char *why)
{
	s->result = result;
	s->reason = xstrdup(reason);
	s->why = xstrdup(why);
}

static void take_error(int error, struct mailauth_signature *s)
{
	const char *said = dkim_sig_geterrorstr(error);

	for (size_t i = 0; i < ROWS(reasons); i++)
		if (reasons[i].error == error) {
			settle(s, reasons[i].result, reasons[i].reason,
			       reasons[i].why ? reasons[i].why
			       : said         ? said
			                      : "");
			return;
		}
	settle(s, MAILAUTH_PERMERROR, "syntax", said ? said : "the signature can't be read");
}

static void take_result(DKIM_SIGINFO *sig, struct mailauth_signature *s)
{
	unsigned flags = dkim_sig_getflags(sig);
	int error = dkim_sig_geterror(sig);

	if (dkim_sig_getbh(sig) == DKIM_SIGBH_MISMATCH && error == DKIM_SIGERROR_BADSIG)
		settle(s, MAILAUTH_FAIL, "body-hash", "the body was changed: bh= does not fit");
	else if (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_UNKNOWN)
		take_error(error, s);
	else if ((flags & DKIM_SIGFLAG_PASSED) && dkim_sig_getbh(sig) == DKIM_SIGBH_MATCH)
		settle(s, MAILAUTH_PASS, "", "");
	else if (!(flags & DKIM_SIGFLAG_PROCESSED))
		settle(s, MAILAUTH_TEMPERROR, "key-unreachable", key_asker->said);
	else
		take_error(error, s);
}

static char *tag(DKIM_SIGINFO *sig, const char *name)
{
	unsigned char key[4] = { 0 };
	unsigned char *value;

	snprintf((char *)key, sizeof key, "%s", name);
	value = dkim_sig_gettagvalue(sig, false, key);
	return xstrdup(value ? (const char *)value : "");
}

/* dkim_sig_hdrsigned() takes the beginning of a name for it: List-Unsubscribe for -Post. */
static bool covers(DKIM_SIGINFO *sig, const char *name)
{
	AUTO_FREE char *names = tag(sig, "h");
	struct span rest = span_of(names), one;

	while (span_next_part(&rest, ':', &one))
		if (span_is_nocase(span_trim(one), name))
			return true;
	return false;
}

static void take_signature(DKIM *dkim, DKIM_SIGINFO *sig, struct mailauth_verdict *v)
{
	struct mailauth_signature s = { .whole = true };
	ssize_t all = 0, canonical = 0, covered = 0;

	s.domain = tag(sig, "d");
	s.selector = tag(sig, "s");
	s.algorithm = tag(sig, "a");
	take_result(sig, &s);
	s.test = dkim_sig_getflags(sig) & DKIM_SIGFLAG_TESTKEY;
	if (dkim_sig_getkeysize(sig, &s.key_bits) != DKIM_STAT_OK)
		s.key_bits = 0;
	if (!s.key_bits && s.result == MAILAUTH_PASS && !strcmp(s.algorithm, "ed25519-sha256"))
		s.key_bits = 256; /* they have no other size, and the library tells none */
	if (dkim_sig_getcanonlen(dkim, sig, &all, &canonical, &covered) == DKIM_STAT_OK)
		s.whole = covered < 0 || covered >= all;
	s.covers_unsubscribe = covers(sig, "List-Unsubscribe") &&
	                       covers(sig, "List-Unsubscribe-Post");
	ARRAY_GROW(v->signatures, v->signatures_n, v->signatures_room);
	v->signatures[v->signatures_n++] = s;
}

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

static enum mailauth_result result_of_all(const struct mailauth_verdict *v)
{
	/* the best of them counts; RFC 6376 section 6.1 */
	static const enum mailauth_result order[] = { MAILAUTH_PASS, MAILAUTH_TEMPERROR,
		                                      MAILAUTH_FAIL, MAILAUTH_PERMERROR };

	for (size_t i = 0; i < ROWS(order); i++)
		for (size_t k = 0; k < v->signatures_n; k++)
			if (v->signatures[k].result == order[i])
				return order[i];
	return MAILAUTH_NONE;
}

/* The library takes u_char * and changes nothing. */
DKIM_STAT dkim_feed(DKIM *dkim, struct span message)
{
	DKIM_STAT status = dkim_chunk(dkim, (unsigned char *)(uintptr_t)message.p, message.n);

	if (status == DKIM_STAT_OK || status == DKIM_STAT_NOSIG)
		status = dkim_chunk(dkim, NULL, 0);
	return status == DKIM_STAT_OK || status == DKIM_STAT_NOSIG ? dkim_eom(dkim, NULL) : status;
}

void dkim_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_verdict *v)
{
	static const unsigned char id[] = "mailauth";
	DKIM_STAT status;
	DKIM_SIGINFO **list = NULL;
	struct span signature;
	int n = 0;
	DKIM *dkim = dkim_verify(library, id, NULL, &status);

	if (!dkim)
		abort();
	key_asker = a;
	dkim_set_key_lookup(library, look_up_key);
	status = dkim_feed(dkim, r->message);
	if (dkim_getsiglist(dkim, &list, &n) != DKIM_STAT_OK)
		n = 0;
	for (int i = 0; i < n && (unsigned)i < SIGNATURES_MAX; i++)
		take_signature(dkim, list[i], v);
	v->dkim = result_of_all(v);
	free(v->dkim_why);
	v->dkim_why = NULL;
	/* the library also refuses a message without From that nobody has signed */
	if (!n && status != DKIM_STAT_NOSIG && status != DKIM_STAT_OK &&
	    header_find(r->message, DKIM_SIGNHEADER, &signature)) {
		const char *said = dkim_geterror(dkim);

		v->dkim = MAILAUTH_PERMERROR;
		v->dkim_why = xstrdup(said ? said : dkim_getresultstr(status));
	}
	dkim_free(dkim);
}
