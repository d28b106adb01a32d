/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/inside.h"

#include "base/memory.h"

#include <string.h>
/* it wants types that it does not include itself */
#include <opendmarc/dmarc.h>
#include <sys/types.h>

#define SUFFIXES "/usr/share/publicsuffix/public_suffix_list.dat"

/* In the library, but not in its header (libopendmarc/opendmarc_internal.h). */
int opendmarc_get_tld(unsigned char *domain, unsigned char *tld, size_t size);

static bool has_suffixes;

void dmarc_prepare(void)
{
	has_suffixes = opendmarc_tld_read_file((char[]){ SUFFIXES }, (char[]){ "//" },
	                                       (char[]){ "*." }, (char[]){ "!" }) == 0;
}

/* The library takes u_char * for what it only reads. */
static unsigned char *octets(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

static const char *last_labels(const char *domain)
{
	unsigned dots = 0;

	for (const char *p = domain + strlen(domain); p > domain; p--)
		if (p[-1] == '.' && ++dots == 2)
			return p;
	return domain;
}

/* RFC 7489 section 3.2, by the list of public suffixes; without it, or for a suffix that it lacks,
 * the last two labels. */
static char *organizational(const char *domain)
{
	unsigned char found[512] = "";

	if (!has_suffixes || strlen(domain) > 255 ||
	    opendmarc_get_tld(octets(domain), found, sizeof found) != 0 || !*found)
		return xstrdup(last_labels(domain));
	return xstrdup((char *)found);
}

static void settle(struct mailauth_dmarc *out, enum mailauth_result result, const char *why)
{
	free(out->why);
	out->result = result;
	out->why = xstrdup(why);
}

static void set(char **place, const char *text)
{
	free(*place);
	*place = xstrdup(text);
}

/* ── the record ──────────────────────────────────────────────────────────────────────────────── */

/* "v=DMARC1", with blanks about "=", then ";" or the end (RFC 7489 section 6.4) */
static bool is_record(struct span text)
{
	struct span rest = text, part, key;

	if (!span_next_part(&rest, ';', &part) || !span_next_part(&part, '=', &key))
		return false;
	return span_is(span_trim(key), "v") && part.p && span_is(span_trim(part), "DMARC1");
}

/* Section 6.6.3. 1: *record is taken; 0: there is none, or several; -1: DNS did not say. */
static int find_record(struct asker *a, const char *domain, char **record, bool *several)
{
	AUTO_FREE char *name = xasprintf("_dmarc.%s", domain);
	AUTO_STRINGS struct strings texts = { 0 };
	unsigned n = 0;

	if (ask_texts(a, name, &texts) == ASKED_FAILED)
		return -1;
	for (size_t i = 0; i < texts.n; i++) {
		if (!is_record(span_of(texts.rows[i])))
			continue;
		set(record, texts.rows[i]);
		n++;
	}
	*several = n > 1;
	return n == 1;
}

/* A tag's value; false when the record has none. */
static bool find_tag(const char *record, const char *name, struct span *value)
{
	struct span rest = span_of(record), part, key;

	while (span_next_part(&rest, ';', &part)) {
		struct span whole = part;

		if (!span_next_part(&part, '=', &key) || !part.p ||
		    !span_is_nocase(span_trim(key), name))
			continue;
		*value = span_trim(span_from(whole, key.n + 1));
		return true;
	}
	return false;
}

static bool is_policy(struct span value)
{
	return span_is_nocase(value, "none") || span_is_nocase(value, "quarantine") ||
	       span_is_nocase(value, "reject");
}

/*
 * The library takes the beginning of a word for it ("p=rej"), and refuses a record without a p that
 * is valid. Section 6.6.3, step 6: such a one, or one whose sp is not valid, is as "p=none" when it
 * wants reports, else as none.
 */
static int mend_record(char **record)
{
	struct span p = { 0 }, sp = { 0 }, rua = { 0 };
	bool has_p = find_tag(*record, "p", &p), has_sp = find_tag(*record, "sp", &sp);

	if (has_p && is_policy(p) && (!has_sp || is_policy(sp)))
		return 1;
	if (!find_tag(*record, "rua", &rua) || span_find(rua, ':') < 1)
		return 0;
	set(record, "v=DMARC1; p=none");
	return 1;
}

/* ── the library ─────────────────────────────────────────────────────────────────────────────── */

static const struct {
	int code;
	const char *name;
} policies[] = {
	{ DMARC_RECORD_P_NONE, "none" },           { DMARC_RECORD_P_QUARANTINE, "quarantine" },
	{ DMARC_RECORD_P_REJECT, "reject" },       { DMARC_POLICY_NONE, "none" },
	{ DMARC_POLICY_QUARANTINE, "quarantine" }, { DMARC_POLICY_REJECT, "reject" },
};

static const char *policy_name(int code)
{
	for (size_t i = 0; i < ROWS(policies); i++)
		if (policies[i].code == code)
			return policies[i].name;
	return "";
}

/*
 * What has passed is told the library, and only for a domain that is aligned: 1.4.2 takes a public
 * suffix for aligned with all below it (d=org), "strict" for relaxed where From's domain is an
 * organizational one, and forgets a signature that has passed when another one of From's own domain
 * fails.
 */
static bool is_aligned(const char *domain, const char *from, int mode)
{
	AUTO_FREE char *a = organizational(domain);
	AUTO_FREE char *b = organizational(from);

	if (mode == DMARC_RECORD_A_STRICT)
		return span_is_nocase(span_of(domain), from);
	return span_is_nocase(span_of(a), b);
}

static void store_passed(DMARC_POLICY_T *p, const struct mailauth_verdict *v, const char *from)
{
	bool helo = v->spf.identity && !strcmp(v->spf.identity, "helo");
	int adkim = 0, aspf = 0;

	(void)opendmarc_policy_fetch_adkim(p, &adkim);
	(void)opendmarc_policy_fetch_aspf(p, &aspf);
	if (v->spf.result == MAILAUTH_PASS && is_aligned(v->spf.domain, from, aspf))
		(void)opendmarc_policy_store_spf(
			p, octets(v->spf.domain), DMARC_POLICY_SPF_OUTCOME_PASS,
			helo ? DMARC_POLICY_SPF_ORIGIN_HELO : DMARC_POLICY_SPF_ORIGIN_MAILFROM,
			NULL);
	for (size_t i = 0; i < v->signatures_n; i++)
		if (v->signatures[i].result == MAILAUTH_PASS &&
		    is_aligned(v->signatures[i].domain, from, adkim))
			(void)opendmarc_policy_store_dkim(p, octets(v->signatures[i].domain),
			                                  octets(v->signatures[i].selector),
			                                  DMARC_POLICY_DKIM_OUTCOME_PASS, NULL);
}

static void take_policy(DMARC_POLICY_T *p, bool of_subdomain, struct mailauth_dmarc *out)
{
	int code = opendmarc_get_policy_to_enforce(p), dkim = 0, spf = 0, pct = 100, own = 0,
	    sub = 0;

	(void)opendmarc_policy_fetch_alignment(p, &dkim, &spf);
	(void)opendmarc_policy_fetch_pct(p, &pct);
	(void)opendmarc_policy_fetch_p(p, &own);
	(void)opendmarc_policy_fetch_sp(p, &sub);
	out->dkim_aligned = dkim == DMARC_POLICY_DKIM_ALIGNMENT_PASS;
	out->spf_aligned = spf == DMARC_POLICY_SPF_ALIGNMENT_PASS;
	out->pct = (unsigned)pct;
	set(&out->policy, policy_name(of_subdomain && sub ? sub : own));
	set(&out->disposition, code == DMARC_POLICY_PASS ? "none" : policy_name(code));
	settle(out, code == DMARC_POLICY_PASS ? MAILAUTH_PASS : MAILAUTH_FAIL, "");
}

/* `organization` is NULL when the record is From's own. */
static void enforce(const struct mailauth_request *r, const struct mailauth_verdict *v,
                    const char *record, const char *organization, struct mailauth_dmarc *out)
{
	const char *client = r->client ? r->client : "0.0.0.0";
	DMARC_POLICY_T *p = opendmarc_policy_connect_init(octets(client),
	                                                  strchr(client, ':') != NULL);
	int status;

	if (!p || opendmarc_policy_store_from_domain(p, octets(out->domain)) != DMARC_PARSE_OKAY)
		abort();
	status = opendmarc_policy_store_dmarc(p, octets(record), octets(out->domain),
	                                      octets(organization));
	if (status == DMARC_PARSE_OKAY) {
		store_passed(p, v, out->domain);
		take_policy(p, organization != NULL, out);
	} else {
		settle(out, MAILAUTH_PERMERROR, opendmarc_policy_status_to_str(status));
	}
	(void)opendmarc_policy_connect_shutdown(p);
}

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

static void no_record(struct mailauth_dmarc *out, int found, bool several, const struct asker *a)
{
	if (found < 0)
		settle(out, MAILAUTH_TEMPERROR, a->said);
	else
		settle(out, MAILAUTH_NONE,
		       several ? "several records, so none counts (RFC 7489 section 6.6.3)" : "");
}

static void judge_domain(const struct mailauth_request *r, struct asker *a,
                         const struct mailauth_verdict *v, struct mailauth_dmarc *out)
{
	AUTO_FREE char *organization = organizational(out->domain);
	AUTO_FREE char *record = NULL;
	bool several = false, above = false;
	int found = find_record(a, out->domain, &record, &several);

	if (found == 0 && !several && strcmp(organization, out->domain) != 0) {
		above = true;
		found = find_record(a, organization, &record, &several);
	}
	if (found > 0) {
		free(out->found_at);
		out->found_at = xasprintf("_dmarc.%s", above ? organization : out->domain);
		if (mend_record(&record))
			enforce(r, v, record, above ? organization : NULL, out);
		else
			settle(out, MAILAUTH_PERMERROR,
			       "a record without a valid p, or with an sp that is not");
		return;
	}
	no_record(out, found, several, a);
}

void dmarc_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_verdict *v)
{
	struct mailauth_dmarc *out = &v->dmarc;
	const struct strings *from = &v->form.from;

	out->pct = 100;
	set(&out->domain, "");
	set(&out->found_at, "");
	set(&out->policy, "");
	set(&out->disposition, "none");
	for (size_t i = 1; i < from->n; i++)
		if (strcmp(from->rows[i], from->rows[0]) != 0) {
			settle(out, MAILAUTH_PERMERROR, "From names several domains");
			return;
		}
	if (!from->n || !*from->rows[0] || strlen(from->rows[0]) > 253) {
		settle(out, MAILAUTH_PERMERROR, "From names no domain");
		return;
	}
	set(&out->domain, from->rows[0]);
	judge_domain(r, a, v, out);
}
