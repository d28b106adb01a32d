/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "check/records.h"

#include <string.h>

/*
 * What can be told of SPF by reading records: that there is one, how many look-ups it costs, and
 * which addresses it names. Whether a mail would pass is for a receiver's library to say.
 */

#define LOOKUPS_MOST 10u /* RFC 7208 section 4.6.4 */
#define RECORDS_MOST 30u /* that are read, whatever they include */

static int record_of(const struct check_asking *a, const char *domain, struct strings *found,
                     struct error *err)
{
	AUTO_STRINGS struct strings all = { 0 };

	if (records_txt(a->site, domain, "v=spf1", &all, err) < 0)
		return -1;
	/* "v=spf10" is another version (RFC 7208 section 4.5) */
	for (size_t i = 0; i < all.n; i++)
		if (!all.rows[i][6] || all.rows[i][6] == ' ')
			strings_add(found, all.rows[i]);
	return 0;
}

static enum check_answer spf_of(const struct check_asking *a, const char *domain, struct buf *seen)
{
	AUTO_STRINGS struct strings found = { 0 };
	struct error err = { 0 };

	if (record_of(a, domain, &found, &err) < 0)
		return check_not_told(seen, &err);
	buf_addf(seen, "%s%s: %s", seen->n ? "; " : "", domain,
	         found.n == 1 ? found.rows[0]
	         : found.n    ? "several records, which is an error for every receiver"
	                      : "none");
	return found.n == 1 ? CHECK_YES : CHECK_NO;
}

/* Reads a domain's record and all that it includes. 1, 0: it has none, -1.
 *   by_mx  gets the domains whose mail hosts pass */
static int read_all(const struct check_asking *a, const char *domain, struct records_spf *out,
                    struct strings *by_mx, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	bool found = false;

	strings_add(&names, domain);
	for (size_t i = 0; i < names.n && i < RECORDS_MOST; i++) {
		AUTO_STRINGS struct strings records = { 0 };

		if (record_of(a, names.rows[i], &records, err) < 0)
			return error_context(err, "%s", names.rows[i]);
		if (records.n != 1)
			continue;
		found |= i == 0;
		out->mx = false;
		records_spf_count(span_of(records.rows[0]), out, &names);
		if (out->mx)
			strings_add(by_mx, names.rows[i]);
	}
	return found;
}

typedef enum check_answer spf_fn(const struct check_asking *a, const char *domain,
                                 const struct records_spf *spf, const struct strings *by_mx,
                                 struct buf *seen);

static enum check_answer each(const struct check_asking *a, spf_fn *one, struct buf *seen)
{
	enum check_answer all = CHECK_SKIPPED;

	for (size_t i = 0; i < a->site->domains.n; i++) {
		const char *domain = a->site->domains.rows[i];
		AUTO_SPF struct records_spf spf = { 0 };
		AUTO_STRINGS struct strings by_mx = { 0 };
		struct error err = { 0 };
		int found = read_all(a, domain, &spf, &by_mx, &err);
		enum check_answer answer;

		if (!found)
			continue;
		answer = found < 0 ? check_not_told(seen, &err)
		                   : one(a, domain, &spf, &by_mx, seen);
		if (answer == CHECK_NO || all == CHECK_YES || all == CHECK_SKIPPED)
			all = answer;
	}
	return all;
}

static enum check_answer lookups_of(const struct check_asking *a, const char *domain,
                                    const struct records_spf *spf, const struct strings *by_mx,
                                    struct buf *seen)
{
	buf_addf(seen, "%s%s: %u", seen->n ? "; " : "", domain, spf->lookups);
	return spf->lookups <= LOOKUPS_MOST ? CHECK_YES : CHECK_NO;
}

/* Whether the host has it now: an address that moves stays in the DNS. */
static bool has_now(const struct check_asking *a, const char *host, const char *address)
{
	AUTO_ADDRESSES struct dns_addresses now = { 0 };
	struct error err = { 0 };

	return dns_find_addresses(&a->site->resolvers.rows[0], host, true, &now, &err) == 0 &&
	       strings_has(&now.rows, address);
}

/* Whether a mail host of the domain will have this address when it has been switched. */
static bool leads_to(const struct check_asking *a, const char *domain, const char *address)
{
	const struct config_dns *dns = &a->site->config->dns;
	AUTO_MAIL struct dns_mail mail = { 0 };
	struct error err = { 0 };

	if (!a->site->resolvers.n ||
	    dns_find_mail(&a->site->resolvers.rows[0], domain, true, &mail, &err) < 0)
		return false;
	for (size_t k = 0; k < mail.n; k++) {
		for (unsigned i = 0; i < dns->records_count; i++)
			if (!strcmp(mail.rows[k].host, dns->records[i].name) &&
			    !strcmp(dns->records[i].new_address, address))
				return true;
		if (has_now(a, mail.rows[k].host, address))
			return true;
	}
	return false;
}

/* How an address is allowed; NULL: by nothing that is read here. */
static const char *way_of(const struct check_asking *a, const struct records_spf *spf,
                          const struct strings *by_mx, const char *address)
{
	for (size_t k = 0; k < spf->networks.n; k++)
		if (records_network_has(spf->networks.rows[k], address))
			return "is named";
	for (size_t k = 0; k < by_mx->n; k++)
		if (leads_to(a, by_mx->rows[k], address))
			return "by mx, once that leads there";
	return NULL;
}

static enum check_answer new_of(const struct check_asking *a, const char *domain,
                                const struct records_spf *spf, const struct strings *by_mx,
                                struct buf *seen)
{
	/* "mx" was looked at, the others were not */
	bool others = spf->named.n > by_mx->n;
	enum check_answer all = CHECK_YES;

	for (size_t i = 0; i < a->site->addresses[CHECK_NEW].n; i++) {
		const char *address = a->site->addresses[CHECK_NEW].rows[i];
		const char *way = way_of(a, spf, by_mx, address);

		buf_addf(seen, "%s%s: %s %s", seen->n ? "; " : "", domain, address,
		         way      ? way
		         : others ? "is not named; other terms have to be evaluated"
		                  : "is not named");
		if (!way)
			all = others && all != CHECK_NO ? CHECK_UNKNOWN : CHECK_NO;
	}
	return all;
}

enum check_answer check_spf(const struct check_asking *a, struct buf *seen)
{
	enum check_answer all = CHECK_YES;

	if (!a->site->domains.n) {
		buf_add_text(seen, "no domain is known: survey, or domains in move.yaml");
		return CHECK_UNKNOWN;
	}
	for (size_t i = 0; i < a->site->domains.n; i++) {
		enum check_answer answer = spf_of(a, a->site->domains.rows[i], seen);

		if (answer == CHECK_NO || all == CHECK_YES)
			all = answer;
	}
	return all;
}

enum check_answer check_spf_lookups(const struct check_asking *a, struct buf *seen)
{
	return each(a, lookups_of, seen);
}

enum check_answer check_spf_new(const struct check_asking *a, struct buf *seen)
{
	if (!a->site->addresses[CHECK_NEW].n) {
		buf_add_text(seen, "the new address is not known");
		return CHECK_UNKNOWN;
	}
	return each(a, new_of, seen);
}
