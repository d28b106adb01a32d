/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sets -- all records of one name and type, as a zone file writes them: what a change of a zone is
 * made of. Read from one server by asking, or a whole zone by AXFR (RFC 5936).
 */

#include "config/config.h"
#include "dns/dns.h"
#include "dns/update.h"

struct dns_set {
	char *name;          /* owned; no final dot */
	unsigned type;       /* any type's number */
	uint32_t ttl;        /* seconds; 0 while there is no record */
	struct strings data; /* sorted; "10 mail.example.org.", "203.0.113.10" */
};
struct dns_sets {
	struct dns_set *rows; /* owned */
	size_t n, room;
};
#define AUTO_SET __attribute__((cleanup(dns_set_fini)))
#define AUTO_SETS __attribute__((cleanup(dns_sets_fini)))
void dns_set_fini(struct dns_set *s);
void dns_sets_fini(struct dns_sets *s);
void dns_set_copy(struct dns_set *to, const struct dns_set *from);
/* Same records and, where there are any, same TTL. */
bool dns_set_equal(const struct dns_set *a, const struct dns_set *b);
bool dns_set_same_data(const struct dns_set *a, const struct dns_set *b); /* whatever its TTL is */

/* "MX" -> 15; "TYPE65" as well; 0: there is no such type. */
unsigned dns_type_number(const char *name);
/* 15 -> "MX". Returns `out`. */
const char *dns_type_text(char out[16], unsigned type);

/* `data` in the one way of writing that sets have: what ldns makes of it ("10 Mail.Example.org." ->
 * "10 mail.example.org."). The caller owns *out. */
int dns_data_canonical(unsigned type, const char *data, char **out, struct error *err) MUST_CHECK;

/* The zone that `name` is in, as the server that has it says. The caller owns *zone. */
int dns_read_zone_name(const struct dns_server *server, const char *name, char **zone,
                       struct error *err) MUST_CHECK;
/* The set of an authoritative server; one without records when there is none. */
int dns_read_set(const struct dns_server *server, const char *name, unsigned type,
                 struct dns_set *out, struct error *err) MUST_CHECK;

/* The whole zone but its SOA and what signing makes.
 *   key     borrowed; NULL: unsigned
 *   errors  ERROR_RETRY_PERSON: the server does not let us */
int dns_read_whole_zone(const struct dns_server *server, const char *zone,
                        const struct dns_key *key, struct dns_sets *out, struct error *err)
	MUST_CHECK;
