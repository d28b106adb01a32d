/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * lowered -- since when the world hears the small TTL, and until when a cache may hold what it heard
 * with the old one: the moment when all servers were first seen to give the small one, and the old TTL
 * from there. The same of the first step of a switch in two: since when nobody hears the old address.
 */

#include "config/config.h"
#include "state/state.h"

struct dns_lowered {
	size_t changes;   /* times that TTLs were lowered, and not taken back; 0: never */
	int64_t last_id;  /* names the last of them */
	bool everywhere;  /* every authoritative server gives what it shall */
	uint32_t old_ttl; /* seconds; the longest */
	int64_t until_ms; /* wall clock; when the old TTL has run out; 0 while !everywhere */
	char where[160];  /* the server and name that stand in the way, while !everywhere */
};

/* Asks the servers of those that were not yet seen everywhere; what it sees is kept. */
int dns_lowered_look(const struct config *c, struct state *s, struct dns_lowered *out,
                     struct error *err) MUST_CHECK;
/* The same of names that were led to their closed address: changes of kind DNS_KIND_AWAY. */
#define DNS_KIND_AWAY "away"
#define DNS_KIND_SWITCH "switch" /* what the cut-over has had made by dns.command */
int dns_away_look(const struct config *c, struct state *s, struct dns_lowered *out,
                  struct error *err) MUST_CHECK;
/* From what is kept alone; asks and writes nothing. */
int dns_lowered_read(struct state *s, struct dns_lowered *out, struct error *err) MUST_CHECK;

/* When a change that is not taken back last led a name of dns.records to its new address, or to its
 * closed one, and the longest TTL that it had before, seconds. *at_ms 0: none has. Of changes by
 * `mailhaul dns` and dns.command; what the cut-over changes by itself is a fact of its own. */
int dns_turned_read(const struct config *c, struct state *s, int64_t *at_ms, uint32_t *old_ttl,
                    struct error *err) MUST_CHECK;

/* A person has said that it is not to be waited for: until when that counts, and why. It counts for
 * this lowering only. The caller owns *reason, NULL when nobody has. */
int dns_waive(struct state *s, const struct dns_lowered *l, const char *reason, struct error *err)
	MUST_CHECK;
int dns_waived(struct state *s, const struct dns_lowered *l, char **reason, struct error *err)
	MUST_CHECK;
