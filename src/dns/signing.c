/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/signing.h"

#include "base/memory.h"
#include "dns/exchange.h"
#include "dns/packet.h"
#include "dns/sets.h"

#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 3000
#define EDNS_SIZE 1232

static void packet_free(ldns_pkt **p)
{
	if (*p)
		ldns_pkt_free(*p);
}
#define AUTO_PACKET __attribute__((cleanup(packet_free)))

static void list_free(ldns_rr_list **list)
{
	if (*list)
		ldns_rr_list_deep_free(*list);
}
#define AUTO_LIST __attribute__((cleanup(list_free)))

void dns_signing_fini(struct dns_signing *s)
{
	free(s->server.name);
	free(s->server.address);
	*s = (struct dns_signing){ 0 };
}

/* ── questions with signatures ───────────────────────────────────────────────────────────────── */

static int build(const char *name, unsigned type, bool recurse, struct buf *out, struct error *err)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_pkt *packet = NULL;

	if (owner) /* takes it over */
		packet = ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN,
		                            recurse ? LDNS_RD : 0);
	if (packet) {
		ldns_pkt_set_edns_udp_size(packet, EDNS_SIZE);
		ldns_pkt_set_edns_do(packet, true);
	}
	return dns_packet_add(packet, out) ? 0
	                                   : error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                                               "\"%s\" can't be asked for", name);
}

static int ask(const struct dns_server *server, const char *name, unsigned type, bool recurse,
               ldns_pkt **out, struct error *err)
{
	AUTO_BUF struct buf query = { 0 }, reply = { 0 };

	if (build(name, type, recurse, &query, err) < 0)
		return -1;
	for (int way = DNS_UDP; way <= DNS_TCP; way++) {
		packet_free(out);
		*out = NULL;
		buf_reset(&reply);
		if (dns_exchange(server, (enum dns_way)way, buf_span(&query), TIMEOUT_MS, &reply,
		                 err) < 0)
			return -1;
		if (ldns_wire2pkt(out, (const uint8_t *)reply.p, reply.n) != LDNS_STATUS_OK) {
			*out = NULL;
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
			                 "%s answers with what is no message", server->address);
		}
		if (!ldns_pkt_tc(*out))
			break;
	}
	return 0;
}

/* The set of this type in the answer, and the signatures of it; each empty rather than NULL. */
static void sort_out(const ldns_pkt *answer, unsigned type, ldns_rr_list **set,
                     ldns_rr_list **signatures)
{
	const ldns_rr_list *all = ldns_pkt_answer(answer);

	*set = ldns_rr_list_new();
	*signatures = ldns_rr_list_new();
	for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(all, i);
		const ldns_rdf *covered = ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG
		                                  ? ldns_rr_rrsig_typecovered(rr)
		                                  : NULL;

		if (ldns_rr_get_type(rr) == (ldns_rr_type)type)
			ldns_rr_list_push_rr(*set, ldns_rr_clone(rr));
		else if (covered && ldns_rdf2rr_type(covered) == (ldns_rr_type)type)
			ldns_rr_list_push_rr(*signatures, ldns_rr_clone(rr));
	}
}

/* ── who signs ───────────────────────────────────────────────────────────────────────────────── */

/* 1: it gives keys of the zone. */
static int gives_keys(const struct dns_server *server, const char *zone, struct error *err)
{
	AUTO_LIST ldns_rr_list *keys = NULL, *signatures = NULL;
	AUTO_PACKET ldns_pkt *answer = NULL;

	if (ask(server, zone, LDNS_RR_TYPE_DNSKEY, false, &answer, err) < 0)
		return -1;
	sort_out(answer, LDNS_RR_TYPE_DNSKEY, &keys, &signatures);
	return ldns_rr_list_rr_count(keys) > 0;
}

static void take(struct dns_signing *out, enum dns_signer by, const struct dns_server *server)
{
	out->by = by;
	out->server = (struct dns_server){ .name = server->name ? xstrdup(server->name) : NULL,
		                           .address = xstrdup(server->address),
		                           .port = server->port };
}

int dns_signing_find(const struct config *c, const char *zone, struct dns_signing *out,
                     struct error *err)
{
	AUTO_SERVERS struct dns_servers first = { 0 }, resolvers = { 0 };
	AUTO_ZONE struct dns_zone all = { 0 };
	struct error ignored;
	int gives = 0;

	dns_signing_fini(out);
	if (dns_edits_server(c, zone, &first, err) < 0)
		return -1;
	gives = gives_keys(&first.rows[0], zone, err);
	if (gives < 0)
		return -1;
	if (gives) {
		take(out, DNS_SIGNED_HERE, &first.rows[0]);
		return 0;
	}
	/* a server that does not answer has not said that it signs */
	if (dns_resolvers(&resolvers, (const char *const *)c->resolvers, c->resolvers_count,
	                  &ignored) < 0 ||
	    dns_find_zone(&resolvers, zone, &all, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < all.servers.n; i++)
		if (gives_keys(&all.servers.rows[i], zone, &ignored) == 1) {
			take(out, DNS_SIGNED_ELSEWHERE, &all.servers.rows[i]);
			return 0;
		}
	return 0;
}

/* ── the chain ───────────────────────────────────────────────────────────────────────────────── */

static int fails(struct buf *why, const char *format, ...) PRINTF_LIKE(2, 3);
static int fails(struct buf *why, const char *format, ...)
{
	char words[512];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	buf_add_text(why, words);
	return 0;
}

/* The DS records of the zone above, by the resolvers; an empty list when there is none, or none known. */
static ldns_rr_list *ask_above(const struct config *c, const char *zone)
{
	AUTO_SERVERS struct dns_servers resolvers = { 0 };
	struct error ignored;

	if (dns_resolvers(&resolvers, (const char *const *)c->resolvers, c->resolvers_count,
	                  &ignored) < 0)
		return ldns_rr_list_new();
	for (size_t i = 0; i < resolvers.n; i++) {
		AUTO_PACKET ldns_pkt *answer = NULL;
		AUTO_LIST ldns_rr_list *signatures = NULL;
		ldns_rr_list *set;

		if (ask(&resolvers.rows[i], zone, LDNS_RR_TYPE_DS, true, &answer, &ignored) < 0 ||
		    ldns_pkt_get_rcode(answer) != LDNS_RCODE_NOERROR)
			continue;
		sort_out(answer, LDNS_RR_TYPE_DS, &set, &signatures);
		return set;
	}
	return ldns_rr_list_new();
}

/* The keys that `above` names, borrowed from `keys`; all of them when it names none. */
static ldns_rr_list *trusted(const ldns_rr_list *keys, const ldns_rr_list *above)
{
	ldns_rr_list *out = ldns_rr_list_new();

	for (size_t i = 0; i < ldns_rr_list_rr_count(keys); i++) {
		ldns_rr *key = ldns_rr_list_rr(keys, i);
		bool named = !ldns_rr_list_rr_count(above);

		for (size_t k = 0; k < ldns_rr_list_rr_count(above); k++)
			named |= ldns_rr_compare_ds(key, ldns_rr_list_rr(above, k));
		if (named)
			ldns_rr_list_push_rr(out, key);
	}
	return out;
}

static bool verifies(ldns_rr_list *set, ldns_rr_list *signatures, const ldns_rr_list *keys,
                     const char **why)
{
	ldns_status status = LDNS_STATUS_CRYPTO_NO_RRSIG;

	if (ldns_rr_list_rr_count(signatures))
		status = ldns_verify(set, signatures, keys, NULL);
	*why = ldns_get_errorstr_by_id(status);
	return status == LDNS_STATUS_OK;
}

int dns_signing_holds(const struct config *c, const struct dns_signing *s, const char *zone,
                      const char *name, unsigned type, bool *above, struct buf *why,
                      struct error *err)
{
	AUTO_PACKET ldns_pkt *keys_answer = NULL, *answer = NULL;
	AUTO_LIST ldns_rr_list *keys = NULL, *key_signatures = NULL, *set = NULL,
			       *signatures = NULL;
	AUTO_LIST ldns_rr_list *ds = ask_above(c, zone);
	ldns_rr_list *named;
	const char *words;
	char text[16];
	bool good;

	*above = ldns_rr_list_rr_count(ds) > 0;
	if (ask(&s->server, zone, LDNS_RR_TYPE_DNSKEY, false, &keys_answer, err) < 0 ||
	    ask(&s->server, name, type, false, &answer, err) < 0)
		return -1;
	sort_out(keys_answer, LDNS_RR_TYPE_DNSKEY, &keys, &key_signatures);
	sort_out(answer, type, &set, &signatures);
	named = trusted(keys, ds);
	if (!ldns_rr_list_rr_count(named)) {
		ldns_rr_list_free(named); /* its records belong to `keys` */
		return fails(why, "no key of zone %s is the one that its parent's DS record names",
		             zone);
	}
	good = verifies(keys, key_signatures, named, &words);
	ldns_rr_list_free(named);
	if (!good)
		return fails(why, "the keys of zone %s are not signed: %s", zone, words);
	/* a set that was taken away has nothing to be signed */
	if (ldns_rr_list_rr_count(set) && !verifies(set, signatures, keys, &words))
		return fails(why, "%s %s is not signed, as its zone is: %s", name,
		             dns_type_text(text, type), words);
	return 1;
}
