/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * zonesign -- signs what the pretended name servers say (DNSSEC), so that a resolver in a rehearsal's copy
 * that validates takes it: the zones that are signed in the real world, and all above them up to a root with
 * a key of its own. Every other domain is proven to be unsigned. Keys are made for one rehearsal, and are
 * in memory alone.
 *
 * Answers are signed when they are given. That a name or a type is not there is told by one NSEC record for
 * just that name, as servers that sign so do (RFC 9824): rcode NOERROR, and type NXNAME for a name that is
 * not there.
 */

#include "base/error.h"
#include "base/text.h"
#include "dns/sets.h"

#include <ldns/ldns.h>
#include <stdbool.h>

struct zonesign;
struct zonebook;

/*   zones   those that are signed; in lower case, without a final dot
 *   errors  ldns makes no key */
int zonesign_make(struct zonesign **out, const struct strings *zones, struct error *err) MUST_CHECK;
void zonesign_free(struct zonesign *z); /* NULL is allowed */

/* The root's key as a line of a zone file: what unbound takes as its trust anchor. */
void zonesign_anchor(const struct zonesign *z, struct buf *out);
/* The same as `trust-anchors` of named.conf(5). */
void zonesign_anchor_named(const struct zonesign *z, struct buf *out);

/* The keys of a zone, what the zone above says of them, and its beginning: DNSKEY, DS and SOA, and the NS of
 * zones that are there for these alone. False: there is nothing of that kind. Pure. */
bool zonesign_find(const struct zonesign *z, const char *name, unsigned type, struct dns_sets *out);

/*
 * Adds signatures to a reply whose answer stands, or the proof that there is none, where who asks wants them
 * (DO); and says that it is authentic (AD) where all of it is signed.
 *
 *   b  borrowed; tells which types a name has, for the proof
 */
void zonesign_reply(const struct zonesign *z, const ldns_pkt *asked, ldns_pkt *reply,
                    const struct zonebook *b);
