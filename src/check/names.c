/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/names.h"

#include "base/memory.h"

#include <string.h>

static void add_once(struct strings *out, struct span name)
{
	AUTO_FREE char *text = NULL;

	if (span_ends(name, "."))
		name.n--;
	text = span_dup(name);
	for (char *p = text; *p; p++)
		*p = ascii_lower(*p);
	if (*text && !strings_has(out, text))
		strings_add(out, text);
}

/* "10 mx.example.org." */
static void add_change(const struct config_change *change, struct strings *out)
{
	struct span rest = span_of(change->new_data ? change->new_data : ""), word, host;

	if (span_is_nocase(span_of(change->type), "MX") && span_next_word(&rest, &word) &&
	    span_next_word(&rest, &host))
		add_once(out, host);
}

int names_of_exchangers(const struct check_site *site, const char *domain, struct strings *out,
                        struct error *err)
{
	const struct config_dns *dns = &site->config->dns;
	AUTO_MAIL struct dns_mail mail = { 0 };

	if (!site->resolvers.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "no resolver");
	if (dns_find_mail(&site->resolvers.rows[0], domain, true, &mail, err) < 0)
		return -1;
	for (size_t i = 0; i < mail.n; i++)
		add_once(out, span_of(mail.rows[i].host));
	for (unsigned i = 0; i < dns->changes_count; i++)
		if (span_is_nocase(span_of(dns->changes[i].name), domain))
			add_change(&dns->changes[i], out);
	return 0;
}

static int add_if_here(const struct check_site *site, const char *host, struct strings *out,
                       struct error *err)
{
	const struct strings *here = &site->addresses[CHECK_OLD];
	AUTO_ADDRESSES struct dns_addresses found = { 0 };

	if (dns_find_addresses(&site->resolvers.rows[0], host, true, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < here->n; i++)
		if (strings_has(&found.rows, here->rows[i]))
			return add_once(out, span_of(host)), 0;
	return 0;
}

int names_of_service(const struct check_site *site, struct strings *out, struct error *err)
{
	const struct config_dns *dns = &site->config->dns;

	for (unsigned i = 0; i < dns->records_count; i++)
		add_once(out, span_of(dns->records[i].name));
	for (size_t i = 0; !dns->records_count && i < site->domains.n; i++) {
		AUTO_STRINGS struct strings hosts = { 0 };

		if (names_of_exchangers(site, site->domains.rows[i], &hosts, err) < 0)
			return -1;
		for (size_t k = 0; k < hosts.n; k++)
			if (add_if_here(site, hosts.rows[k], out, err) < 0)
				return -1;
	}
	return 0;
}

enum check_answer names_each_domain(const struct check_asking *a, domain_fn *one, struct buf *seen)
{
	enum check_answer all = CHECK_SKIPPED;

	if (!a->site->domains.n) {
		buf_add_text(seen, "no domain is known: survey, or domains in move.yaml");
		return CHECK_UNKNOWN;
	}
	for (size_t i = 0; i < a->site->domains.n; i++)
		all = check_worst(all, one(a, a->site->domains.rows[i], seen));
	return all;
}
