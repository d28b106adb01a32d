/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_signed -- DNSSEC, as a resolver that validates sees it; and names that are to be there before
 * anybody asks for them. */

#include "check/check.h"

#include "base/memory.h"
#include "check/names.h"

#include <string.h>

static void note(struct buf *seen, const char *name, const char *words)
{
	buf_addf(seen, "%s%s: %s", seen->n ? "; " : "", name, words);
}

/* ── the chain ───────────────────────────────────────────────────────────────────────────────── */

static bool has(const struct dns_answer *answer, enum dns_type type)
{
	for (size_t i = 0; i < answer->answer.n; i++)
		if (answer->answer.rows[i].type == (unsigned)type)
			return true;
	return false;
}

/* -1: nobody could say. */
static int ask(const struct check_asking *a, const char *name, enum dns_type type, bool unchecked,
               struct dns_answer *out, struct error *err)
{
	const struct dns_question q = {
		.name = name, .type = type, .recurse = true, .unchecked = unchecked
	};

	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "no resolver");
	for (size_t i = 0; i < a->site->resolvers.n; i++)
		if (dns_ask(&a->site->resolvers.rows[i], &q, out, err) == 0)
			return 0;
	return -1;
}

/* Not proven, and not known to be forged: is it signed at all? */
static enum check_answer unproven(const struct check_asking *a, const char *domain,
                                  struct buf *seen)
{
	AUTO_ANSWER struct dns_answer above = { 0 }, keys = { 0 };
	struct error err = { 0 };

	if (ask(a, domain, DNS_DS, false, &above, &err) < 0 ||
	    ask(a, domain, DNS_DNSKEY, false, &keys, &err) < 0)
		return check_not_told(seen, &err);
	if (has(&above, DNS_DS)) {
		note(seen, domain,
		     "its parent says that it is signed, and the resolver does not "
		     "tell whether that holds: name one that validates");
		return CHECK_UNKNOWN;
	}
	if (!has(&keys, DNS_DNSKEY))
		return note(seen, domain, "not signed"), CHECK_SKIPPED;
	note(seen, domain, "signed, but nothing leads there: its parent has no DS record");
	return CHECK_NO;
}

static enum check_answer chain_of(const struct check_asking *a, const char *domain,
                                  struct buf *seen)
{
	AUTO_ANSWER struct dns_answer got = { 0 }, all = { 0 };
	struct error err = { 0 };

	if (ask(a, domain, DNS_SOA, false, &got, &err) < 0)
		return check_not_told(seen, &err);
	if (got.rcode == DNS_NOERROR && got.authentic)
		return note(seen, domain, "proven"), CHECK_YES;
	if (got.rcode == DNS_NOERROR)
		return unproven(a, domain, seen);
	/* RFC 4035 section 5.5: what is forged is SERVFAIL, unless one says that one does not care */
	if (got.rcode == DNS_SERVFAIL && ask(a, domain, DNS_SOA, true, &all, &err) == 0 &&
	    all.rcode == DNS_NOERROR && has(&all, DNS_SOA)) {
		note(seen, domain, "its signatures do not hold: who validates sees no such domain");
		return CHECK_NO;
	}
	note(seen, domain, dns_rcode_name(got.rcode));
	return CHECK_UNKNOWN;
}

enum check_answer check_dnssec(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, chain_of, seen);
}

/* ── names that come ─────────────────────────────────────────────────────────────────────────── */

/* Asks the zone's own servers alone: a resolver would remember that there is nothing. The reason of an
 * answer that tells nothing is in *err; 1 it is there, 0 it is not. */
static int is_there(const struct dns_zone *zone, const char *name, enum dns_type type,
                    uint32_t *forgotten_s, struct error *err)
{
	const struct dns_question q = { .name = name, .type = type };

	for (size_t i = 0; i < zone->servers.n; i++) {
		AUTO_ANSWER struct dns_answer got = { 0 };

		if (dns_ask(&zone->servers.rows[i], &q, &got, err) < 0)
			continue;
		if (has(&got, type) || has(&got, DNS_CNAME))
			return 1;
		for (size_t k = 0; k < got.authority.n; k++)
			if (got.authority.rows[k].type == DNS_SOA) {
				*forgotten_s = got.authority.rows[k].ttl;
				return 0;
			}
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "%s: %s tells nothing of it",
		          name, zone->servers.rows[i].address);
	}
	return -1;
}

static const struct {
	const char *word;
	enum dns_type type;
} types[] = {
	{ "A", DNS_A },   { "AAAA", DNS_AAAA }, { "CNAME", DNS_CNAME },
	{ "MX", DNS_MX }, { "TXT", DNS_TXT },   { "TLSA", DNS_TLSA },
};

static enum check_answer change_of(const struct check_asking *a, const struct config_change *change,
                                   struct buf *seen)
{
	AUTO_ZONE struct dns_zone zone = { 0 };
	/* the name itself need not be there yet, but what is above it is */
	const char *above = change->zone ? change->zone : strchr(change->name, '.');
	struct error err = { 0 };
	uint32_t forgotten_s = 0;
	size_t t = 0;
	int there;

	while (t < ROWS(types) && !span_is_nocase(span_of(change->type), types[t].word))
		t++;
	if (t == ROWS(types) || !above)
		return CHECK_SKIPPED;
	if (dns_find_zone(&a->site->resolvers, above + (*above == '.'), &zone, &err) < 0)
		return check_not_told(seen, &err);
	there = is_there(&zone, change->name, types[t].type, &forgotten_s, &err);
	if (there < 0)
		return check_not_told(seen, &err);
	buf_addf(seen, "%s%s %s is ", seen->n ? "; " : "", change->name, change->type);
	if (there)
		return buf_add_text(seen, "there"), CHECK_YES;
	buf_addf(seen, "not there: who asks for it now remembers that for %u s", forgotten_s);
	return CHECK_NO;
}

enum check_answer check_early(const struct check_asking *a, struct buf *seen)
{
	const struct config_dns *dns = &a->site->config->dns;
	enum check_answer all = CHECK_SKIPPED;

	for (unsigned i = 0; i < dns->changes_count; i++) {
		/* what is replaced is there */
		if (!dns->changes[i].old_data && dns->changes[i].new_data)
			all = check_worst(all, change_of(a, &dns->changes[i], seen));
	}
	if (all == CHECK_SKIPPED)
		buf_add_text(seen, "no name is to come: dns.changes in move.yaml");
	return all;
}
