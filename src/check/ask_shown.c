/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_shown -- the hosts under whose names pages are shown: their certificates, by name and date, and their
 * addresses. */

#include "check/listed.h"
#include "check/pages.h"
#include "check/sessions.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400
#define DAYS_LEAST 14 /* those that renew themselves do it a month before */
#define NAMES_TOLD 5u

typedef void host_fn(struct pages *p, const struct http_url *url, const char *page);

/* Each host and port once, with a page of it.
 *   plain  http:// too */
static void visit(struct pages *p, const struct strings *all, bool plain, host_fn *one)
{
	AUTO_STRINGS struct strings seen = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		AUTO_HTTP_URL struct http_url url = { 0 };
		AUTO_FREE char *host = NULL;

		if (!http_url_read(span_of(all->rows[i]), &url) || (!url.tls && !plain))
			continue;
		host = plain ? xstrdup(url.host) : xasprintf("%s:%u", url.host, url.port);
		if (strings_has(&seen, host))
			continue;
		strings_add(&seen, host);
		one(p, &url, all->rows[i]);
	}
}

static int collect(const struct check_asking *a, struct strings *out, struct error *err)
{
	const struct config_check *c = &a->site->config->check;
	const struct listed_all *lists = NULL;
	AUTO_BUF struct buf none = { 0 };
	int found = listed_read(a, &lists, &none, err);

	for (unsigned i = 0; i < c->pages_count; i++)
		strings_add(out, c->pages[i]);
	for (unsigned i = 0; i < c->redirects_count; i++)
		strings_add(out, c->redirects[i].from);
	for (size_t i = 0; found > 0 && i < lists->n; i++)
		if (*lists->rows[i].pages)
			strings_addf(out, "%slistinfo%s", lists->rows[i].pages, lists->ending);
	return found < 0 ? -1 : 0;
}

static enum check_answer each_host(const struct check_asking *a, bool plain, host_fn *one,
                                   struct buf *seen)
{
	AUTO_STRINGS struct strings all = { 0 };
	struct pages p = pages_of(a, seen);
	struct error err = { 0 };

	if (collect(a, &all, &err) < 0)
		pages_tell_unknown(&p, "%s", err.text);
	visit(&p, &all, plain, one);
	if (!all.n && !p.unknown)
		buf_add_text(seen, "no page is known: check.pages in move.yaml, or lists");
	return pages_end(&p);
}

/* ── certificates ────────────────────────────────────────────────────────────────────────────── */

static void tell_good(struct pages *p, const char *host, const struct http_certificate *c)
{
	AUTO_BUF struct buf names = { 0 };
	char until[32];

	for (size_t i = 0; i < c->names.n && i < NAMES_TOLD; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", c->names.rows[i]);
	pages_tell_good(p, "%s: until %.10s, for %s%s", host, clock_text(until, c->until_s * 1000),
	                buf_text(&names), c->names.n > NAMES_TOLD ? " ..." : "");
}

static void certificate_of(struct pages *p, const struct http_url *url, const char *page)
{
	AUTO_HTTP_ANSWER struct http_answer answer = { 0 };
	const struct http_certificate *c = &answer.certificate;
	int64_t left_s;
	char until[32];

	if (!pages_fetch(p, page, &answer))
		return;
	left_s = c->until_s - clock_wall_ms() / 1000;
	if (c->wrong)
		pages_tell_no(p, "%s: %s", url->host, c->words);
	else if (left_s < (int64_t)DAYS_LEAST * DAY_S)
		pages_tell_no(p, "%s: its certificate ends in %lld days: %.10s", url->host,
		              (long long)(left_s / DAY_S), clock_text(until, c->until_s * 1000));
	else
		tell_good(p, url->host, c);
}

enum check_answer check_certificates(const struct check_asking *a, struct buf *seen)
{
	return each_host(a, false, certificate_of, seen);
}

/* ── addresses ───────────────────────────────────────────────────────────────────────────────── */

static void addresses_of(struct pages *p, const struct http_url *url, const char *page)
{
	const struct dns_servers *resolvers = &p->a->site->resolvers;
	AUTO_ADDRESSES struct dns_addresses found = { 0 };
	bool four = false, six = false;
	struct error err = { 0 };

	if (!resolvers->n)
		return pages_tell_unknown(p, "no resolver");
	if (dns_find_addresses(&resolvers->rows[0], url->host, true, &found, &err) < 0)
		return pages_tell_unknown(p, "%s: %s", url->host, err.text);
	for (size_t i = 0; i < found.rows.n; i++) {
		six |= strchr(found.rows.rows[i], ':') != NULL;
		four |= !strchr(found.rows.rows[i], ':');
	}
	if (four && six)
		pages_tell_good(p, "%s: both", url->host);
	else
		pages_tell_no(p, "%s: %s", url->host,
		              four  ? "only IPv4"
		              : six ? "only IPv6"
		                    : "has no address");
}

enum check_answer check_web_addresses(const struct check_asking *a, struct buf *seen)
{
	return each_host(a, true, addresses_of, seen);
}
