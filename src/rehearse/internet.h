/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * internet -- who there is outside of a rehearsal: two domains that send mail, with their own SPF and
 * DMARC, one host that takes all mail for all domains, and one for a domain that has no TLS. Their addresses
 * are those which RFC 2544 and RFC 5180 keep for benchmarks: nobody has them, and no filter takes them for
 * private ones.
 */

#include "dns/sets.h"

struct internet_sender {
	const char *domain, *host, *v4, *v6;
};
#define INTERNET_SENDERS 2
extern const struct internet_sender internet_senders[INTERNET_SENDERS];

#define INTERNET_CATCHER "mx.outside.example"
#define INTERNET_CATCHER_V4 "198.18.0.25"
#define INTERNET_CATCHER_V6 "2001:2::25"
/* One that takes mail too, and has no TLS. */
#define INTERNET_PLAIN_DOMAIN "plain.outside.example"
#define INTERNET_PLAIN "mx." INTERNET_PLAIN_DOMAIN
#define INTERNET_PLAIN_V4 "198.18.0.26"
#define INTERNET_PLAIN_V6 "2001:2::26"
#define INTERNET_RESOLVER "198.18.0.53"

/* Adds the records that answer a question about a name outside. Returns false when there is no such
 * name; true without a record: nothing of that type. `name` in lower case without a final dot. Pure. */
bool internet_find(const char *name, unsigned type, struct dns_sets *out);

/* "11.0.18.198.in-addr.arpa" of "198.18.0.11", and the same in ip6.arpa. The caller owns it; NULL: no
 * address. Pure. */
char *internet_reverse_name(const char *address);
