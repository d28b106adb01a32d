/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * update -- changes an address in a zone by dynamic update (RFC 2136) signed with TSIG (RFC 8945).
 */

#include "config/config.h"
#include "dns/dns.h"

/* ── the key ─────────────────────────────────────────────────────────────────────────────────── */

#define DNS_SECRET_MAX 512u

struct dns_key {
	char *name;                           /* owned; lower case, no final dot */
	const char *algorithm;                /* static; "hmac-sha256" */
	unsigned char secret[DNS_SECRET_MAX]; /* never printed */
	size_t secret_size;
};
#define AUTO_KEY __attribute__((cleanup(dns_key_fini)))
void dns_key_fini(struct dns_key *k); /* wipes the secret */

/* Reads the first `key "NAME" { algorithm hmac-sha256; secret "BASE64"; };` of a file in BIND's
 * syntax; comments of all three kinds. hmac-sha256, -sha384, -sha512. Errors name the line and never
 * hold the secret. */
int dns_key_parse(struct span text, struct dns_key *out, struct error *err) MUST_CHECK;
int dns_key_load(const char *path, struct dns_key *out, struct error *err) MUST_CHECK;

/* ── the change ──────────────────────────────────────────────────────────────────────────────── */

struct dns_change {
	const char *name;      /* borrowed */
	const char *zone;      /* borrowed; NULL: the server is asked */
	const char *from, *to; /* borrowed; addresses of one family: A or AAAA follows from it */
	uint32_t ttl;          /* seconds; of the record written */
};

enum dns_change_result {
	DNS_CHANGED,        /* the server has done it now */
	DNS_CHANGED_BEFORE, /* `to` was there already, and `from` was not */
};

/*
 * Replaces one address of a name by another, if it is still what it is thought to be: the update
 * carries the whole set of addresses as it was read as its prerequisite (RFC 2136 section 2.4.2),
 * so that nobody else's change is overwritten. Other addresses of the name stay. Repeatable.
 *
 *   dns     borrowed; server, port, key_file (NULL: unsigned)
 *   errors  one sentence and a hint each: REFUSED, NOTAUTH with BADSIG, BADKEY or BADTIME, no
 *           answer, an answer that the key did not sign, neither `from` nor `to` in the zone.
 *           After ERROR_RETRY_REACH the change may have been made: call again
 */
int dns_replace_address(const struct config_dns *dns, const struct dns_change *change,
                        enum dns_change_result *out, struct error *err) MUST_CHECK;

/* ── inside the room ─────────────────────────────────────────────────────────────────────────── */

struct dns_updater {
	struct dns_server server;  /* borrowed strings */
	const struct dns_key *key; /* borrowed; NULL: unsigned */
	const char *key_file;      /* borrowed; for hints */
};

/*
 * Signs and sends a whole update message, and judges the answer.
 *
 *   returns  1: done; 0: its prerequisites do not hold, nothing was changed
 *   errors   as dns_replace_address()
 */
int dns_update_send(const struct dns_updater *u, struct buf *query, struct error *err) MUST_CHECK;
