/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * edits -- a change of zones as a value: each set of records as it is, and as it shall be. Made from
 * move.yaml and what the servers say; shown as a diff; held against limits; kept as JSON.
 */

#include "config/config.h"
#include "dns/dns.h"
#include "dns/sets.h"

struct dns_edit {
	char *zone;                   /* owned */
	struct dns_set before, after; /* of the same name and type; without data: there is none */
};
struct dns_edit_zone {
	char *name;     /* owned */
	size_t records; /* in it; 0: not known, because it could not be read as a whole */
	char *why;      /* owned; why not */
};
struct dns_edits {
	struct dns_edit *rows; /* owned */
	size_t n, room;
	struct dns_edit_zone *zones; /* owned */
	size_t zones_n, zones_room;
	struct strings left; /* records that name an old address and are not changed */
};
#define AUTO_EDITS __attribute__((cleanup(dns_edits_fini)))
void dns_edits_fini(struct dns_edits *e);

/* The server that is asked what a zone holds: dns.server, else one that the resolvers lead to. The
 * caller ends *out. */
int dns_edits_server(const struct config *c, const char *name, struct dns_servers *out,
                     struct error *err) MUST_CHECK;

enum dns_part {
	DNS_PART_AHEAD = 1,  /* dns.changes */
	DNS_PART_SWITCH = 2, /* dns.records: what turns the world to the new host */
	DNS_PART_ALL = 3,
	/* Of records with a closed address the first of two steps: from the old address to the closed one.
	 * DNS_PART_SWITCH is the second, from there to the new one, and all of the others. */
	DNS_PART_AWAY = 4,
};
/* Which of the two steps comes next: DNS_PART_AWAY while one of the names leads to the old host, else
 * DNS_PART_SWITCH; without closed addresses always that. */
int dns_edits_step(const struct config *c, enum dns_part *out, struct error *err) MUST_CHECK;
/* What is still to be done of it; nothing: out->n is 0. A name that has neither the old nor the new
 * record is an error, ERROR_RETRY_PERSON; so is one whose first step was not made.
 *
 *   part  bits of enum dns_part */
int dns_edits_plan(const struct config *c, unsigned part, struct dns_edits *out, struct error *err)
	MUST_CHECK;
/* The first step, as one that was made before anybody looked: from the old addresses to what the names
 * have now; those that lead to the old host are left out. The old TTL is not known any more: it is told
 * as dns.ttl, or what the names have now if that is longer. */
int dns_edits_plan_closed(const struct config *c, struct dns_edits *out, struct error *err)
	MUST_CHECK;
/* Gives all of these names' sets a TTL of at most `ttl` seconds. */
int dns_edits_lower(const struct config *c, uint32_t ttl, struct dns_edits *out, struct error *err)
	MUST_CHECK;
/* Reads the zones as a whole, where that is allowed: how large they are, and what would be forgotten. */
void dns_edits_measure(const struct config *c, struct dns_edits *e);
/* Turned round: what takes them back. */
void dns_edits_reverse(struct dns_edits *e);

/* Records that go or come; one that only changes its TTL counts once. */
size_t dns_edits_count(const struct dns_edits *e, const char *zone); /* zone NULL: in all */
/* ERROR_RETRY_PERSON when it is more than dns.most_records, or than dns.most_share percent of a zone
 * that is known and has more than ten records; "--force" is the hint. */
int dns_edits_limit(const struct config *c, const struct dns_edits *e, struct error *err)
	MUST_CHECK;

/* Lines "- mail.example.org. 3600 IN A 203.0.113.10" and "+ ...", zone by zone, and notes. */
void dns_edits_add_diff(struct buf *out, const struct dns_edits *e);

/* {"edits": [{"zone", "name", "type", "before": {"ttl", "data": []}, "after": {...}}]}; one line. */
void dns_edits_add_json(struct buf *out, const struct dns_edits *e);
int dns_edits_read_json(const char *text, struct dns_edits *out, struct error *err) MUST_CHECK;
