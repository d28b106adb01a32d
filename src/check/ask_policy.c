/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_policy -- what a domain tells senders about TLS: MTA-STS (RFC 8461), TLS-RPT (RFC 8460). */

#include "check/check.h"

#include "base/memory.h"
#include "check/names.h"
#include "check/pages.h"
#include "check/policy.h"
#include "check/records.h"

#include <errno.h>
#include <string.h>

/* RFC 8461 section 3.3. */
#define POLICY_PATH "/.well-known/mta-sts.txt"

static void note(struct buf *seen, const char *domain, const char *what, const char *words)
{
	buf_addf(seen, "%s%s: %s%s%s", seen->n ? "; " : "", domain, what, *words ? " " : "", words);
}

/* ── MTA-STS ─────────────────────────────────────────────────────────────────────────────────── */

/* Fetches from the first address of the policy's host that answers. */
static int fetch(const struct check_asking *a, const char *host, struct http_answer *out,
                 struct error *err)
{
	AUTO_FREE char *url = xasprintf("https://%s" POLICY_PATH, host);
	AUTO_ADDRESSES struct dns_addresses found = { 0 };

	if (!a->site->resolvers.n ||
	    dns_find_addresses(&a->site->resolvers.rows[0], host, true, &found, err) < 0)
		return -1;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "%s has no address", host);
	return pages_get_at(a, url, found.rows.rows, found.rows.n, (unsigned)a->site->step_ms / 3,
	                    out, err);
}

/* Nothing that the policy's host has said: the way from here may be shut to us alone. */
static bool is_no_way(const struct error *err)
{
	return err->sys_errno == ETIMEDOUT || err->sys_errno == ENETUNREACH ||
	       err->sys_errno == EHOSTUNREACH;
}

/* All hosts that take the domain's mail, now and then, are named; else senders stay away from them. */
static enum check_answer covers(const struct check_asking *a, const char *domain,
                                const struct policy *p, struct buf *seen)
{
	AUTO_STRINGS struct strings hosts = { 0 };
	enum check_answer all = CHECK_YES;
	struct error err = { 0 };

	if (names_of_exchangers(a->site, domain, &hosts, &err) < 0)
		return check_not_told(seen, &err);
	for (size_t i = 0; i < hosts.n; i++) {
		if (policy_has(p, hosts.rows[i]))
			continue;
		note(seen, domain, "its policy does not name", hosts.rows[i]);
		all = CHECK_NO;
	}
	if (all == CHECK_YES)
		note(seen, domain, "mode", p->mode);
	return all;
}

static enum check_answer sts_of(const struct check_asking *a, const char *domain, struct buf *seen)
{
	AUTO_FREE char *name = xasprintf("_mta-sts.%s", domain);
	AUTO_FREE char *host = xasprintf("mta-sts.%s", domain);
	AUTO_HTTP_ANSWER struct http_answer page = { 0 };
	AUTO_STRINGS struct strings found = { 0 };
	AUTO_POLICY struct policy p = { 0 };
	struct error err = { 0 };
	const char *wrong;

	if (records_txt(a->site, name, "v=STSv1", &found, &err) < 0)
		return check_not_told(seen, &err);
	if (!found.n)
		return note(seen, domain, "has none", ""), CHECK_SKIPPED;
	if (found.n > 1)
		return note(seen, domain, "several records, which count as none", ""), CHECK_NO;
	if (!policy_id_is_good(span_of(found.rows[0])))
		return note(seen, domain, "its record has no id:", found.rows[0]), CHECK_NO;
	if (fetch(a, host, &page, &err) < 0) {
		note(seen, domain, err.text, "");
		return is_no_way(&err) ? CHECK_UNKNOWN : CHECK_NO;
	}
	if (page.certificate.wrong)
		return note(seen, host, page.certificate.words, ""), CHECK_NO;
	if (page.status != 200) {
		buf_addf(seen, "%s%s: its policy has status %u", seen->n ? "; " : "", domain,
		         page.status);
		return CHECK_NO;
	}
	wrong = policy_read(buf_span(&page.page), &p);
	if (wrong)
		return note(seen, domain, "its policy", wrong), CHECK_NO;
	return covers(a, domain, &p, seen);
}

enum check_answer check_mta_sts(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, sts_of, seen);
}

/* ── TLS-RPT ─────────────────────────────────────────────────────────────────────────────────── */

static enum check_answer rpt_of(const struct check_asking *a, const char *domain, struct buf *seen)
{
	AUTO_FREE char *name = xasprintf("_smtp._tls.%s", domain);
	AUTO_STRINGS struct strings found = { 0 };
	struct error err = { 0 };

	if (records_txt(a->site, name, "v=TLSRPTv1", &found, &err) < 0)
		return check_not_told(seen, &err);
	if (!found.n)
		return note(seen, domain, "none", ""), CHECK_NO;
	/* RFC 8460 section 3: mailto: or https:, one record */
	if (found.n > 1)
		return note(seen, domain, "several records, which count as none", ""), CHECK_NO;
	note(seen, domain, found.rows[0], "");
	return strstr(found.rows[0], "rua=mailto:") || strstr(found.rows[0], "rua=https://")
	               ? CHECK_YES
	               : CHECK_NO;
}

enum check_answer check_tls_rpt(const struct check_asking *a, struct buf *seen)
{
	return names_each_domain(a, rpt_of, seen);
}
