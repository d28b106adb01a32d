/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * zonebook -- what the name servers of the pretended internet say: the zones that move as they will
 * be after the switch, and for every other name something that leads back to the pretended internet.
 *
 * Names of other domains: each has an MX, and up to three labels an address, which is the catcher's
 * (rehearse/internet.h). Longer names have no address, because that is what block lists are asked for,
 * and who has one there is listed. Of addresses, only those of the pretended senders lead to names.
 */

#include "base/error.h"
#include "base/text.h"
#include "dns/sets.h"

#include <stdbool.h>

struct zonesign;
struct ldns_struct_rr;

struct zonebook {
	struct strings zones;    /* that move */
	struct strings dnssec;   /* those of them that are signed in the real world */
	struct zonesign *signer; /* owned; NULL: nothing is signed (rehearse/zonesign.h) */
	struct dns_sets sets;    /* owned; what they hold, but also PTR records of our addresses */
};
#define AUTO_ZONEBOOK __attribute__((cleanup(zonebook_fini)))
void zonebook_fini(struct zonebook *b);

/* In lower case, without a final dot; once each. */
void zonebook_add_zone(struct zonebook *b, const char *name);
/* Such a zone, which is signed. */
void zonebook_add_signed(struct zonebook *b, const char *name);
/* Adds one record; data in presentation form, as sets have it. */
void zonebook_add(struct zonebook *b, const char *name, unsigned type, uint32_t ttl,
                  const char *data);
/* In place of what there was of that name and type; without data: nothing. */
void zonebook_put(struct zonebook *b, const struct dns_set *set);
/* Borrowed; NULL: none. */
const struct dns_set *zonebook_find(const struct zonebook *b, const char *name, unsigned type);

/*
 * Answers a question as an authoritative server that can also be asked to recurse.
 *
 *   query  as it came; hostile
 *   most   octets of an answer by UDP without EDNS (512); 0: by TCP
 *   out    the answer is appended
 *   returns false when there is nothing to be answered
 */
bool zonebook_answer(const struct zonebook *b, struct span query, size_t most, struct buf *out);
/* The same, of who also takes updates of its zones (RFC 2136), unsigned ones. */
bool zonebook_serve(struct zonebook *b, struct span query, size_t most, struct buf *out);

/* What a set has of a record of ldns: its data in presentation form. The caller owns it. */
char *zonebook_data(const struct ldns_struct_rr *record);

/* Adds all of `from` to `to`; sets that both have become those of `from`. */
void zonebook_copy(struct zonebook *to, const struct zonebook *from);
