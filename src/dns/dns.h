/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * dns -- asks one name server one question; finds the servers of a zone and the hosts that take a
 * domain's mail; changes an address by dynamic update.
 *
 * Messages are built and read by ldns. What comes from a server is hostile: names are told in
 * presentation form (RFC 1035 section 5.1, octets outside of printable ASCII as \DDD), in lower
 * case and without the final dot; "" is the root.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_DS = 43,
	DNS_DNSKEY = 48,
	DNS_TLSA = 52,
};
const char *dns_type_name(enum dns_type type); /* "AAAA"; "TYPE65" style for others */

/* RFC 1035 section 4.1.1, RFC 2136 section 2.2, RFC 8945 section 3. */
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_YXDOMAIN = 6,
	DNS_YXRRSET = 7,
	DNS_NXRRSET = 8,
	DNS_NOTAUTH = 9,
	DNS_NOTZONE = 10,
};
const char *dns_rcode_name(unsigned rcode); /* "REFUSED" */

/* ── servers ─────────────────────────────────────────────────────────────────────────────────── */

struct dns_server {
	char *name;    /* owned; of an authoritative server, else NULL */
	char *address; /* owned */
	uint16_t port;
};
struct dns_servers {
	struct dns_server *rows; /* owned */
	size_t n, room;
};
#define AUTO_SERVERS __attribute__((cleanup(dns_servers_fini)))
void dns_servers_fini(struct dns_servers *s);
void dns_servers_add(struct dns_servers *s, const char *name, const char *address, uint16_t port);

/* "192.0.2.53", "192.0.2.53#5353", "2001:db8::53" -> one more row. */
int dns_servers_add_text(struct dns_servers *s, const char *text, struct error *err) MUST_CHECK;

/* The resolvers to ask: those of `list` (move.yaml `resolvers`), or, when n is 0, the "nameserver"
 * lines of /etc/resolv.conf. None at all is an error. */
int dns_resolvers(struct dns_servers *out, const char *const *list, size_t n, struct error *err)
	MUST_CHECK;

/* ── one question to one server ──────────────────────────────────────────────────────────────── */

struct dns_record {
	char *name;    /* owned; whose record this is */
	unsigned type; /* enum dns_type, or any other number */
	uint32_t ttl;  /* seconds */
	char *data; /* owned; an address, a name (NS, CNAME, MX, SOA's primary), or as ldns prints it */
	unsigned preference; /* of MX */
};
struct dns_records {
	struct dns_record *rows; /* owned */
	size_t n, room;
};

struct dns_answer {
	unsigned rcode;
	bool authoritative;
	bool authentic; /* AD: the resolver has followed signatures to it (RFC 4035 section 3.2.3) */
	struct dns_records answer, authority;
};
#define AUTO_ANSWER __attribute__((cleanup(dns_answer_fini)))
void dns_answer_fini(struct dns_answer *a);

/* Appends the strings of a TXT record's data, joined: "\"v=spf1 \" \"m\120\"" is v=spf1 mx (RFC 1035 section
 * 5.1, RFC 7208 section 3.3). May be any octets. */
void dns_texts_join(struct span data, struct buf *out);

struct dns_question {
	const char *name; /* borrowed; with or without its final dot */
	enum dns_type type;
	bool recurse;   /* the server may ask others: for resolvers */
	bool unchecked; /* CD: also what the resolver knows to be forged */
	int timeout_ms; /* in all, repetitions included; 0: 3000 */
};

/*
 * Asks by UDP, sent again after a third of the time; by TCP when the answer was cut off. Without
 * EDNS when the server can't take it. An answer counts only when it comes from that address and
 * repeats the question.
 *
 *   returns 0 with any answer, also REFUSED or NXDOMAIN: look at out->rcode
 *   errors  ERROR_RETRY_REACH: no answer in time (sys_errno ETIMEDOUT), nobody there (ECONNREFUSED),
 *           or no way there (ENETUNREACH: no IPv6 here, say); ERROR_RETRY_NEVER: nonsense
 */
int dns_ask(const struct dns_server *server, const struct dns_question *question,
            struct dns_answer *out, struct error *err) MUST_CHECK;

/* The same, asking one resolver after the other until one gives NOERROR or NXDOMAIN. */
int dns_resolve(const struct dns_servers *resolvers, const char *name, enum dns_type type,
                struct dns_answer *out, struct error *err) MUST_CHECK;

/* Reads a message as it came; for tests and fuzzing. */
int dns_answer_parse(struct span message, struct dns_answer *out, struct error *err) MUST_CHECK;

/* ── zones and mail ──────────────────────────────────────────────────────────────────────────── */

struct dns_zone {
	char *name;                 /* owned; of the zone that the asked name is in */
	struct dns_servers servers; /* all addresses of all its NS, sorted by name */
	uint32_t
		ttl; /* seconds; for so long may the resolver that was asked keep the set of its NS */
};
#define AUTO_ZONE __attribute__((cleanup(dns_zone_fini)))
void dns_zone_fini(struct dns_zone *z);

/* Finds the zone of `name` and its authoritative servers. A name that does not exist
 * (ERROR_RETRY_PERSON) has none. NS names without an address are left out; none at all is an
 * error. */
int dns_find_zone(const struct dns_servers *resolvers, const char *name, struct dns_zone *out,
                  struct error *err) MUST_CHECK;

struct dns_exchanger {
	unsigned preference;
	char *host;   /* owned */
	uint32_t ttl; /* seconds; of the MX record */
};
struct dns_mail {
	struct dns_exchanger *rows; /* owned; sorted by preference, then host */
	size_t n, room;
	bool implicit; /* no MX: the domain itself is the host (RFC 5321 section 5.1) */
	bool refused;  /* "MX 0 .": takes no mail (RFC 7505) */
	bool authoritative;
};
#define AUTO_MAIL __attribute__((cleanup(dns_mail_fini)))
void dns_mail_fini(struct dns_mail *m);

/* The mail hosts of `domain` as this one server tells them. A server that will not say (REFUSED,
 * SERVFAIL, a referral) is an error, ERROR_RETRY_LATER. */
int dns_find_mail(const struct dns_server *server, const char *domain, bool recurse,
                  struct dns_mail *out, struct error *err) MUST_CHECK;

struct dns_addresses {
	struct strings rows; /* sorted; A and AAAA */
	uint32_t ttl;        /* seconds; the longest of them, the CNAMEs on the way included */
	bool authoritative;  /* all of it */
	bool exists;         /* false: NXDOMAIN, or neither A nor AAAA */
};
#define AUTO_ADDRESSES __attribute__((cleanup(dns_addresses_fini)))
void dns_addresses_fini(struct dns_addresses *a);

/* A and AAAA of `host` as this one server tells them. One that knows nothing of the name (REFUSED,
 * SERVFAIL, a referral, a CNAME that leads to where it has no say): ERROR_RETRY_LATER. */
int dns_find_addresses(const struct dns_server *server, const char *host, bool recurse,
                       struct dns_addresses *out, struct error *err) MUST_CHECK;

/* The longest TTL in seconds that any authoritative server of `name` gives with its `type` records:
 * as long may a resolver keep what it heard last. 0 when there is none. */
int dns_longest_ttl(const struct dns_servers *resolvers, const char *name, enum dns_type type,
                    uint32_t *ttl, struct error *err) MUST_CHECK;
