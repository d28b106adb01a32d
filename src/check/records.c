/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/records.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int records_txt(const struct check_site *site, const char *name, const char *start,
                struct strings *out, struct error *err)
{
	AUTO_ANSWER struct dns_answer got = { 0 };

	if (dns_resolve(&site->resolvers, name, DNS_TXT, &got, err) < 0)
		return -1;
	for (size_t i = 0; i < got.answer.n; i++) {
		AUTO_BUF struct buf text = { 0 }, printable = { 0 };

		if (got.answer.rows[i].type != DNS_TXT)
			continue;
		dns_texts_join(span_of(got.answer.rows[i].data), &text);
		if (!span_starts_nocase(buf_span(&text), start))
			continue;
		buf_add_printable(&printable, buf_span(&text));
		strings_add(out, buf_text(&printable));
	}
	return 0;
}

bool records_backwards(const char *address, struct buf *out)
{
	unsigned char octets[16];

	if (inet_pton(AF_INET, address, octets) == 1) {
		buf_addf(out, "%u.%u.%u.%u.", octets[3], octets[2], octets[1], octets[0]);
		return true;
	}
	if (inet_pton(AF_INET6, address, octets) != 1)
		return false;
	for (int i = 15; i >= 0; i--)
		buf_addf(out, "%x.%x.", octets[i] & 15u, octets[i] >> 4);
	return true;
}

bool records_reverse(const char *address, struct buf *out)
{
	if (!records_backwards(address, out))
		return false;
	buf_add_text(out, strchr(address, ':') ? "ip6.arpa" : "in-addr.arpa");
	return true;
}

int records_ptr(const struct check_site *site, const char *address, struct strings *out,
                struct error *err)
{
	AUTO_ANSWER struct dns_answer got = { 0 };
	AUTO_BUF struct buf name = { 0 };

	if (!records_reverse(address, &name))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s is no address",
		                 address);
	if (dns_resolve(&site->resolvers, buf_text(&name), DNS_PTR, &got, err) < 0)
		return -1;
	for (size_t i = 0; i < got.answer.n; i++) {
		struct span data = span_of(got.answer.rows[i].data);

		if (got.answer.rows[i].type != DNS_PTR)
			continue;
		if (span_ends(data, "."))
			data.n--;
		strings_add_span(out, data);
		for (char *p = out->rows[out->n - 1]; *p; p++)
			*p = ascii_lower(*p);
	}
	return 0;
}

/* ── SPF ─────────────────────────────────────────────────────────────────────────────────────── */

void records_spf_fini(struct records_spf *s)
{
	strings_fini(&s->networks);
	strings_fini(&s->named);
	*s = (struct records_spf){ 0 };
}

/* Terms that cost a look-up: RFC 7208 section 4.6.4. */
static const struct {
	const char *name;
	bool bare; /* may stand alone, or with ":" or "/" */
} lookups[] = {
	{ "a", true },        { "mx", true },        { "ptr", true },
	{ "exists:", false }, { "include:", false }, { "redirect=", false },
};

static bool costs_lookup(struct span term)
{
	for (size_t i = 0; i < ROWS(lookups); i++) {
		size_t n = strlen(lookups[i].name);

		if (!span_starts_nocase(term, lookups[i].name))
			continue;
		if (!lookups[i].bare || term.n == n || term.p[n] == ':' || term.p[n] == '/')
			return true;
	}
	return false;
}

void records_spf_count(struct span record, struct records_spf *out, struct strings *includes)
{
	struct span rest = record, term;

	span_next_word(&rest, &term); /* v=spf1 */
	while (span_next_word(&rest, &term)) {
		bool passes = true;

		if (term.n && strchr("+-~?", *term.p)) {
			passes = *term.p == '+';
			term = span_from(term, 1);
		}
		if (span_is_nocase(term, "all")) /* nothing behind it is looked at */
			break;
		if (span_starts_nocase(term, "ip4:") || span_starts_nocase(term, "ip6:")) {
			if (passes)
				strings_add_span(&out->networks, span_from(term, 4));
			continue;
		}
		if (!costs_lookup(term))
			continue;
		out->lookups++;
		if (span_starts_nocase(term, "include:"))
			strings_add_span(includes, span_from(term, 8));
		else if (span_starts_nocase(term, "redirect="))
			strings_add_span(includes, span_from(term, 9));
		else if (passes)
			strings_add_span(&out->named, term);
		out->mx |= passes && span_is_nocase(term, "mx");
	}
}

bool records_network_has(const char *network, const char *address)
{
	AUTO_FREE char *base = NULL;
	unsigned char a[16], b[16];
	const char *slash = strchr(network, '/');
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	uint64_t bits = family == AF_INET ? 32 : 128;

	base = slash ? xstrndup(network, (size_t)(slash - network)) : xstrdup(network);
	if (slash && (!text_parse_u64(slash + 1, &bits) || bits > (family == AF_INET ? 32 : 128)))
		return false;
	if (inet_pton(family, base, a) != 1 || inet_pton(family, address, b) != 1)
		return false;
	for (uint64_t i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}
