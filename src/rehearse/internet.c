/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/internet.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <string.h>

#define TTL 60u
#define PTR 12u
#define LABELS_WITH_ADDRESS 3

const struct internet_sender internet_senders[INTERNET_SENDERS] = {
	{ "one.outside.example", "mx.one.outside.example", "198.18.0.11", "2001:2::11" },
	{ "two.outside.example", "mx.two.outside.example", "198.18.0.12", "2001:2::12" },
};

static void add(struct dns_sets *out, const char *name, unsigned type, const char *data)
{
	struct dns_set s = { .name = xstrdup(name), .type = type, .ttl = TTL };

	strings_add(&s.data, data);
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = s;
}

static void add_addresses(struct dns_sets *out, const char *name, unsigned type, const char *v4,
                          const char *v6)
{
	if (type == DNS_A)
		add(out, name, type, v4);
	if (type == DNS_AAAA)
		add(out, name, type, v6);
}

static void add_mx(struct dns_sets *out, const char *name, const char *host)
{
	AUTO_FREE char *data = xasprintf("10 %s.", host);

	add(out, name, DNS_MX, data);
}

char *internet_reverse_name(const char *address)
{
	unsigned char b[16];
	AUTO_BUF struct buf out = { 0 };

	if (inet_pton(AF_INET, address, b) == 1)
		return xasprintf("%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
	if (inet_pton(AF_INET6, address, b) != 1)
		return NULL;
	for (int i = 15; i >= 0; i--)
		buf_addf(&out, "%x.%x.", b[i] & 15u, (unsigned)b[i] >> 4);
	buf_add_text(&out, "ip6.arpa");
	return buf_take(&out);
}

static bool is_reverse_of(const char *name, const char *address)
{
	AUTO_FREE char *reverse = internet_reverse_name(address);

	return reverse && strcmp(name, reverse) == 0;
}

static bool find_reverse(const char *name, unsigned type, struct dns_sets *out)
{
	const struct {
		const char *host, *v4, *v6;
	} rows[] = {
		{ internet_senders[0].host, internet_senders[0].v4, internet_senders[0].v6 },
		{ internet_senders[1].host, internet_senders[1].v4, internet_senders[1].v6 },
		{ INTERNET_CATCHER, INTERNET_CATCHER_V4, INTERNET_CATCHER_V6 },
		{ INTERNET_PLAIN, INTERNET_PLAIN_V4, INTERNET_PLAIN_V6 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_FREE char *data = xasprintf("%s.", rows[i].host);

		if (!is_reverse_of(name, rows[i].v4) && !is_reverse_of(name, rows[i].v6))
			continue;
		if (type == PTR)
			add(out, name, type, data);
		return true;
	}
	return false;
}

static bool find_sender(const struct internet_sender *s, const char *name, unsigned type,
                        struct dns_sets *out)
{
	AUTO_FREE char *spf = xasprintf("\"v=spf1 ip4:%s ip6:%s -all\"", s->v4, s->v6);
	AUTO_FREE char *dmarc = xasprintf("_dmarc.%s", s->domain);

	if (strcmp(name, dmarc) == 0) {
		if (type == DNS_TXT)
			add(out, name, type, "\"v=DMARC1; p=reject\"");
		return true;
	}
	if (strcmp(name, s->domain) != 0 && strcmp(name, s->host) != 0)
		return false;
	if (type == DNS_TXT)
		add(out, name, type, spf);
	if (type == DNS_MX)
		add_mx(out, name, s->host);
	add_addresses(out, name, type, s->v4, s->v6);
	return true;
}

static bool find_plain(const char *name, unsigned type, struct dns_sets *out)
{
	bool is_host = strcmp(name, INTERNET_PLAIN) == 0;

	if (!is_host && strcmp(name, INTERNET_PLAIN_DOMAIN) != 0)
		return false;
	if (type == DNS_MX)
		add_mx(out, name, INTERNET_PLAIN);
	if (is_host)
		add_addresses(out, name, type, INTERNET_PLAIN_V4, INTERNET_PLAIN_V6);
	return true;
}

bool internet_find(const char *name, unsigned type, struct dns_sets *out)
{
	size_t labels = 1;

	for (const char *p = name; *p; p++)
		labels += *p == '.';
	if (span_ends(span_of(name), ".arpa"))
		return find_reverse(name, type, out);
	for (size_t i = 0; i < ROWS(internet_senders); i++)
		if (find_sender(&internet_senders[i], name, type, out))
			return true;
	if (find_plain(name, type, out))
		return true;
	if (labels < 2)
		return !*name; /* the root is there */
	if (type == DNS_MX)
		add_mx(out, name, INTERNET_CATCHER);
	if (labels <= LABELS_WITH_ADDRESS)
		add_addresses(out, name, type, INTERNET_CATCHER_V4, INTERNET_CATCHER_V6);
	return true;
}
