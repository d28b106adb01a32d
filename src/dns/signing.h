/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * signing -- who signs a zone (DNSSEC), and whether what a server gives of a set after a change is signed
 * so that those who validate take it. RFC 4035.
 */

#include "config/config.h"
#include "dns/dns.h"
#include "dns/edits.h"

enum dns_signer {
	DNS_UNSIGNED,
	DNS_SIGNED_HERE, /* the server that is asked for what a zone holds, dns_edits_server() */
	DNS_SIGNED_ELSEWHERE, /* another one, which takes the zone from there and signs it */
};
struct dns_signing {
	enum dns_signer by;
	struct dns_server server; /* owned; gives the keys; address NULL while DNS_UNSIGNED */
};
#define AUTO_SIGNING __attribute__((cleanup(dns_signing_fini)))
void dns_signing_fini(struct dns_signing *s);

/* Asks dns.server, and then the zone's own servers, for the zone's keys. */
int dns_signing_find(const struct config *c, const char *zone, struct dns_signing *out,
                     struct error *err) MUST_CHECK;

/*
 * Whether the chain holds: a DS record of the zone above names a key, that key has signed the zone's keys,
 * and one of these the set as the server gives it now. Where nobody can be asked for the DS record, or
 * there is none, *above is false and the rest counts.
 *
 *   returns  1: it holds; 0: it does not, and `why` says what; -1: nobody said
 */
int dns_signing_holds(const struct config *c, const struct dns_signing *s, const char *zone,
                      const char *name, unsigned type, bool *above, struct buf *why,
                      struct error *err) MUST_CHECK;
