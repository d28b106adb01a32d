/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/address.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *address_parse(const char *text, struct address *out)
{
	struct address a = { 0 };
	struct span rest = span_of(text), host;
	char plain[INET6_ADDRSTRLEN];
	uint64_t prefix;
	ssize_t slash = span_find(rest, '/');

	if (slash < 0)
		return "the prefix length is missing (as in 203.0.113.10/24)";
	host = (struct span){ text, (size_t)slash };
	if (host.n >= sizeof plain)
		return "not an IP address";
	memcpy(plain, host.p, host.n);
	plain[host.n] = 0;
	a.family = strchr(plain, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, plain, a.bytes) != 1)
		return "not an IP address";
	if (!span_parse_u64(span_from(rest, (size_t)slash + 1), &prefix) ||
	    prefix > (a.family == AF_INET ? 32u : 128u))
		return "not a prefix length";
	a.prefix = (unsigned)prefix;
	inet_ntop(a.family, a.bytes, a.text, sizeof a.text);
	*out = a;
	return NULL;
}

bool address_in_network(const struct address *a, const struct address *net)
{
	unsigned whole = net->prefix / 8, bits = net->prefix % 8;
	unsigned char mask = (unsigned char)(0xff00u >> bits);

	if (a->family != net->family || memcmp(a->bytes, net->bytes, whole) != 0)
		return false;
	return bits == 0 || (a->bytes[whole] & mask) == (net->bytes[whole] & mask);
}

bool address_is_same(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

void address_link_layer(const struct address *a, char out[18])
{
	const unsigned char *last = a->bytes + (a->family == AF_INET ? 0 : 12);

	snprintf(out, 18, "02:%02x:%02x:%02x:%02x:%02x", a->family == AF_INET ? 0 : 1, last[0],
	         last[1], last[2], last[3]);
}
