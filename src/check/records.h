/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* records -- TXT and PTR records of a name, and what an SPF record names. Inside the room. */

#include "check/check.h"

/* The TXT records of a name that begin with `start`, joined; none is no error. */
int records_txt(const struct check_site *site, const char *name, const char *start,
                struct strings *out, struct error *err) MUST_CHECK;
/* Names of an address. */
int records_ptr(const struct check_site *site, const char *address, struct strings *out,
                struct error *err) MUST_CHECK;
/* "203.0.113.20" -> "20.113.0.203."; an IPv6 address by its nibbles (RFC 3596 section 2.5, RFC 5782
 * section 2.4). False: that is no address. */
bool records_backwards(const char *address, struct buf *out);
/* "20.113.0.203.in-addr.arpa". */
bool records_reverse(const char *address, struct buf *out);

struct records_spf {
	unsigned lookups;        /* terms that make a receiver ask: RFC 7208 section 4.6.4 */
	struct strings networks; /* of ip4: and ip6: terms that pass */
	struct strings named;    /* terms that can't be judged without evaluating: "mx", "a:..." */
	bool mx;                 /* a plain "mx" is among them, by which mail passes */
};
void records_spf_fini(struct records_spf *s);
#define AUTO_SPF __attribute__((cleanup(records_spf_fini)))
/* Counts the terms of one record; `includes` gets the domains of include: and redirect=. */
void records_spf_count(struct span record, struct records_spf *out, struct strings *includes);
/* Whether an address is in "203.0.113.0/24". */
bool records_network_has(const char *network, const char *address);
