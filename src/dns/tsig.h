/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * tsig -- signs a message with a shared secret, and checks the answer's signature (RFC 8945).
 * Inside the room.
 *
 * Our own, because ldns 1.8.3, as in Debian 12, spells "hmac-sha384" wrongly and so can't do it.
 */

#include "dns/update.h"

struct dns_mac {
	unsigned char octets[64];
	size_t n;
};

/* Appends the TSIG record to a whole message that has none; *mac is what the answer is checked
 * with. `now_s`: seconds since 1970 UTC. */
int dns_tsig_sign(struct buf *message, const struct dns_key *key, int64_t now_s,
                  struct dns_mac *mac, struct error *err) MUST_CHECK;

enum dns_tsig_verdict {
	DNS_TSIG_GOOD,
	DNS_TSIG_MISSING,  /* not signed at all */
	DNS_TSIG_UNSIGNED, /* a TSIG record with an empty MAC: how BADSIG and BADKEY are told */
	DNS_TSIG_WRONG,    /* signed by somebody else, or changed on its way */
	DNS_TSIG_LATE,     /* rightly signed, at another time than now */
};

/* RFC 8945 section 3. */
enum { DNS_BADSIG = 16, DNS_BADKEY = 17, DNS_BADTIME = 18 };

/* `*error_code` is what the server says in its TSIG record, 0 when there is none. */
enum dns_tsig_verdict dns_tsig_verify(struct span reply, const struct dns_key *key,
                                      const struct dns_mac *request, int64_t now_s,
                                      unsigned *error_code);

/* An answer of many messages (RFC 8945 section 5.3.1): each signature covers what came since the last. */
struct dns_tsig_stream {
	const struct dns_key *key; /* borrowed */
	struct dns_mac mac;        /* of the request, then of the last signed message */
	struct buf pending;        /* owned; messages that were not signed */
	size_t signed_n, unsigned_n;
};
#define AUTO_TSIG_STREAM __attribute__((cleanup(dns_tsig_stream_fini)))
void dns_tsig_stream_fini(struct dns_tsig_stream *s);
/* Takes the next message into account. GOOD also for one that a later signature has to cover: the whole
 * is good only when the last verdict was and s->unsigned_n is 0 at its end. */
enum dns_tsig_verdict dns_tsig_stream_add(struct dns_tsig_stream *s, struct span message,
                                          int64_t now_s, unsigned *error_code);
