/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "check/names.h"
#include "check/records.h"

#include <errno.h>
#include <string.h>

/* Two minutes of two answers are nothing; an hour is longer than a cut-over. */
#define TTL_LOWERED_S 600u
#define NEGATIVE_MOST_S 3600u
/* A name that is not there, to see how long that is remembered. */
#define ABSENT "mailhaul-check-absent-7f3a9c"

static void note(struct buf *seen, const char *words)
{
	buf_addf(seen, "%s%s", seen->n ? "; " : "", words);
}

/* ── MX ──────────────────────────────────────────────────────────────────────────────────────── */

static enum check_answer mx_of(const struct check_asking *a, const char *domain, struct buf *seen)
{
	AUTO_MAIL struct dns_mail mail = { 0 };
	enum check_answer answer = CHECK_YES;
	struct error err = { 0 };

	if (!a->site->resolvers.n ||
	    dns_find_mail(&a->site->resolvers.rows[0], domain, true, &mail, &err) < 0)
		return check_not_told(seen, &err);
	if (mail.implicit || mail.refused)
		return buf_addf(seen, "%s%s has no MX", seen->n ? "; " : "", domain), CHECK_NO;
	for (size_t i = 0; i < mail.n; i++) {
		AUTO_ADDRESSES struct dns_addresses found = { 0 };

		buf_addf(seen, "%s%s MX %u %s", seen->n ? "; " : "", domain,
		         mail.rows[i].preference, mail.rows[i].host);
		if (dns_find_addresses(&a->site->resolvers.rows[0], mail.rows[i].host, true, &found,
		                       &err) < 0) {
			note(seen, err.text);
			answer = answer == CHECK_NO ? CHECK_NO : CHECK_UNKNOWN;
		} else if (!found.exists) {
			buf_add_text(seen, ", which has no address");
			answer = CHECK_NO;
		}
	}
	return answer;
}

enum check_answer check_mx(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, mx_of, seen);
}

/* ── all servers alike ───────────────────────────────────────────────────────────────────────── */

static void add_words(struct strings *out, const struct dns_record *r)
{
	if (r->type == DNS_MX)
		strings_addf(out, "%u %s", r->preference, r->data);
	else
		strings_add(out, r->data);
}

/* What one server says, in one line that can be compared. False: it does not answer. */
static bool words_of(const struct dns_server *server, const char *name, enum dns_type type,
                     struct buf *out, struct error *err)
{
	const struct dns_question q = { .name = name, .type = type };
	AUTO_ANSWER struct dns_answer got = { 0 };
	AUTO_STRINGS struct strings rows = { 0 };

	if (dns_ask(server, &q, &got, err) < 0)
		return false;
	if (!got.authoritative || got.rcode > DNS_NXDOMAIN || got.rcode == DNS_SERVFAIL) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "%s is not its server (%s)",
		          server->address, dns_rcode_name(got.rcode));
		return false;
	}
	for (size_t i = 0; i < got.answer.n; i++)
		if (got.answer.rows[i].type == (unsigned)type)
			add_words(&rows, &got.answer.rows[i]);
	strings_sort(&rows);
	for (size_t i = 0; i < rows.n; i++)
		buf_addf(out, "%s%s", i ? ", " : "", rows.rows[i]);
	return true;
}

static enum check_answer agree_on(const struct dns_zone *zone, const char *name, enum dns_type type,
                                  struct buf *seen)
{
	AUTO_BUF struct buf first = { 0 };
	enum check_answer answer = CHECK_YES;
	const char *whose = NULL;

	for (size_t i = 0; i < zone->servers.n; i++) {
		const struct dns_server *server = &zone->servers.rows[i];
		AUTO_BUF struct buf words = { 0 };
		struct error err = { 0 };

		if (!words_of(server, name, type, &words, &err)) {
			/* no way there, as where IPv6 is missing, says nothing of the server */
			if (err.sys_errno == ENETUNREACH)
				continue;
			note(seen, err.text);
			answer = answer == CHECK_NO ? CHECK_NO : CHECK_UNKNOWN;
			continue;
		}
		if (!whose) {
			whose = server->address;
			buf_add_span(&first, buf_span(&words));
		} else if (!span_equal(buf_span(&first), buf_span(&words))) {
			buf_addf(seen, "%s%s %s: %s says \"%s\", %s says \"%s\"",
			         seen->n ? "; " : "", name, dns_type_name(type), whose,
			         buf_text(&first), server->address, buf_text(&words));
			answer = CHECK_NO;
		}
	}
	if (whose)
		return answer;
	note(seen, "none of its servers can be asked");
	return CHECK_UNKNOWN;
}

static enum check_answer agree_of(const struct check_asking *a, const char *domain,
                                  struct buf *seen)
{
	static const enum dns_type types[] = { DNS_NS, DNS_MX, DNS_TXT };
	enum check_answer all = CHECK_YES;
	AUTO_ZONE struct dns_zone zone = { 0 };
	struct error err = { 0 };

	if (dns_find_zone(&a->site->resolvers, domain, &zone, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < ROWS(types); i++) {
		enum check_answer answer = agree_on(&zone, domain, types[i], seen);

		if (answer == CHECK_NO || all == CHECK_YES)
			all = answer;
	}
	return all;
}

static enum check_answer agree_of_name(const struct check_asking *a, const char *name,
                                       struct buf *seen)
{
	AUTO_ZONE struct dns_zone zone = { 0 };
	struct error err = { 0 };
	enum check_answer four, six;

	if (dns_find_zone(&a->site->resolvers, name, &zone, &err) < 0)
		return check_not_told(seen, &err);
	four = agree_on(&zone, name, DNS_A, seen);
	six = agree_on(&zone, name, DNS_AAAA, seen);
	return four == CHECK_NO || six == CHECK_YES ? four : six;
}

enum check_answer check_agree(const struct check_asking *a, struct buf *seen)
{
	const struct config_dns *dns = &a->site->config->dns;
	enum check_answer all = names_each_domain(a, agree_of, seen);

	for (unsigned i = 0; i < dns->records_count; i++) {
		enum check_answer answer;

		if (i && !strcmp(dns->records[i].name, dns->records[i - 1].name))
			continue;
		answer = agree_of_name(a, dns->records[i].name, seen);
		if (answer == CHECK_NO || all == CHECK_YES)
			all = answer;
	}
	if (all == CHECK_YES)
		buf_addf(seen, "%zu domains, %u names", a->site->domains.n, dns->records_count);
	return all;
}

/* ── times ───────────────────────────────────────────────────────────────────────────────────── */

enum check_answer check_ttl(const struct check_asking *a, struct buf *seen)
{
	const struct config_dns *dns = &a->site->config->dns;
	uint32_t longest = 0;

	if (a->site->config->switch_by == CONFIG_SWITCH_ADDRESS || !dns->records_count)
		return CHECK_SKIPPED;
	for (unsigned i = 0; i < dns->records_count; i++) {
		bool six = strchr(dns->records[i].old_address, ':') != NULL;
		struct error err = { 0 };
		uint32_t ttl = 0;

		if (dns_longest_ttl(&a->site->resolvers, dns->records[i].name,
		                    six ? DNS_AAAA : DNS_A, &ttl, &err) < 0)
			return check_not_told(seen, &err);
		buf_addf(seen, "%s%s %s %u s", seen->n ? "; " : "", dns->records[i].name,
		         six ? "AAAA" : "A", ttl);
		longest = ttl > longest ? ttl : longest;
	}
	return longest <= TTL_LOWERED_S ? CHECK_YES : CHECK_NO;
}

/* RFC 2308 section 5: the SOA record of a negative answer has the time that it may be kept. */
static enum check_answer negative_of(const struct check_asking *a, const char *domain,
                                     struct buf *seen)
{
	AUTO_FREE char *absent = xasprintf(ABSENT ".%s", domain);
	const struct dns_question q = { .name = absent, .type = DNS_A };
	AUTO_ZONE struct dns_zone zone = { 0 };
	struct error err = { 0 };

	if (dns_find_zone(&a->site->resolvers, domain, &zone, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < zone.servers.n; i++) {
		AUTO_ANSWER struct dns_answer got = { 0 };

		if (dns_ask(&zone.servers.rows[i], &q, &got, &err) < 0)
			continue;
		for (size_t k = 0; k < got.authority.n; k++) {
			if (got.authority.rows[k].type != DNS_SOA)
				continue;
			buf_addf(seen, "%s%s: %u s", seen->n ? "; " : "", domain,
			         got.authority.rows[k].ttl);
			return got.authority.rows[k].ttl <= NEGATIVE_MOST_S ? CHECK_YES : CHECK_NO;
		}
		error_set(&err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		          "%s: a name that is not there has an answer, or one without its SOA",
		          domain);
	}
	return check_not_told(seen, &err);
}

enum check_answer check_negative(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, negative_of, seen);
}

/* ── IPv6, DMARC ─────────────────────────────────────────────────────────────────────────────── */

enum check_answer check_aaaa(const struct check_asking *a, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];

	if (!addresses->n) {
		buf_add_text(seen, "where its mail service is, is not known");
		return CHECK_UNKNOWN;
	}
	for (size_t i = 0; i < addresses->n; i++)
		if (strchr(addresses->rows[i], ':'))
			return buf_add_text(seen, addresses->rows[i]), CHECK_YES;
	buf_add_text(seen, "only IPv4");
	return CHECK_NO;
}

static enum check_answer dmarc_of(const struct check_asking *a, const char *domain,
                                  struct buf *seen)
{
	AUTO_FREE char *name = xasprintf("_dmarc.%s", domain);
	AUTO_STRINGS struct strings found = { 0 };
	struct error err = { 0 };

	if (records_txt(a->site, name, "v=DMARC1", &found, &err) < 0)
		return check_not_told(seen, &err);
	buf_addf(seen, "%s%s: %s", seen->n ? "; " : "", domain,
	         found.n == 1 ? found.rows[0]
	         : found.n    ? "several, which count as none"
	                      : "none");
	return found.n == 1 ? CHECK_YES : CHECK_NO;
}

enum check_answer check_dmarc(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, dmarc_of, seen);
}

/* ── PTR ─────────────────────────────────────────────────────────────────────────────────────── */

static enum check_answer ptr_of(const struct check_asking *a, const char *address, struct buf *seen)
{
	AUTO_STRINGS struct strings names = { 0 };
	struct error err = { 0 };

	if (records_ptr(a->site, address, &names, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_ADDRESSES struct dns_addresses back = { 0 };

		buf_addf(seen, "%s%s is %s", seen->n ? "; " : "", address, names.rows[i]);
		if (dns_find_addresses(&a->site->resolvers.rows[0], names.rows[i], true, &back,
		                       &err) < 0)
			return check_not_told(seen, &err);
		if (strings_has(&back.rows, address))
			return CHECK_YES;
		buf_add_text(seen, ", which does not lead back");
	}
	if (!names.n)
		buf_addf(seen, "%s%s has no name", seen->n ? "; " : "", address);
	return CHECK_NO;
}

enum check_answer check_ptr(const struct check_asking *a, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	enum check_answer all = addresses->n ? CHECK_YES : CHECK_UNKNOWN;

	if (!addresses->n)
		buf_add_text(seen, "where its mail service is, is not known");
	for (size_t i = 0; i < addresses->n; i++) {
		enum check_answer answer = ptr_of(a, addresses->rows[i], seen);

		if (answer == CHECK_NO || all == CHECK_YES)
			all = answer;
	}
	return all;
}
