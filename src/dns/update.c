/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/update.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dns/exchange.h"
#include "dns/packet.h"
#include "dns/tsig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>

#define TIMEOUT_MS 5000
#define TRIES 3 /* when somebody else changes the same name at the same moment */
#define CLASS_NONE ((ldns_rr_class)254)

/* What is known about one change while it is made. */
struct attempt {
	const struct dns_change *change;
	struct dns_server server; /* borrowed strings */
	const char *key_file;     /* for hints; NULL: unsigned */
	enum dns_type type;
	char *from, *to, *zone; /* owned; addresses as inet_ntop(3) writes them */
	struct strings now;     /* the addresses that the name has */
};
#define AUTO_ATTEMPT __attribute__((cleanup(attempt_fini)))

static void attempt_fini(struct attempt *a)
{
	free(a->from);
	free(a->to);
	free(a->zone);
	strings_fini(&a->now);
}

/* One way of writing for each address, so that texts can be compared. */
static char *canonical(const char *text, enum dns_type *type)
{
	char out[INET6_ADDRSTRLEN];
	unsigned char octets[16];
	int family = AF_INET;

	if (inet_pton(AF_INET6, text, octets) == 1)
		family = AF_INET6;
	else if (inet_pton(AF_INET, text, octets) != 1)
		return NULL;
	*type = family == AF_INET ? DNS_A : DNS_AAAA;
	inet_ntop(family, octets, out, sizeof out);
	return xstrdup(out);
}

static int take_addresses(struct attempt *a, struct error *err)
{
	enum dns_type other;

	a->from = canonical(a->change->from, &a->type);
	a->to = canonical(a->change->to, &other);
	if (a->from && a->to && a->type == other)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "%s and %s are not two addresses of one family", a->change->from,
	                 a->change->to);
}

/* ── what is there now ───────────────────────────────────────────────────────────────────────── */

static int find_zone(struct attempt *a, struct error *err)
{
	struct dns_question q = { .name = a->change->name, .type = DNS_SOA };
	AUTO_ANSWER struct dns_answer answer = { 0 };

	if (a->change->zone) {
		a->zone = xstrdup(a->change->zone);
		return 0;
	}
	if (dns_ask(&a->server, &q, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < answer.answer.n && answer.authoritative && !a->zone; i++)
		if (answer.answer.rows[i].type == DNS_SOA)
			a->zone = xstrdup(answer.answer.rows[i].name);
	for (size_t i = 0; i < answer.authority.n && answer.authoritative && !a->zone; i++)
		if (answer.authority.rows[i].type == DNS_SOA)
			a->zone = xstrdup(answer.authority.rows[i].name);
	if (a->zone)
		return 0;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "name server %s has no zone for %s",
	          a->server.address, a->change->name);
	return error_hint(err, "dns.server in move.yaml must be the primary server of the zone");
}

static int read_addresses(struct attempt *a, struct error *err)
{
	struct dns_question q = { .name = a->change->name, .type = a->type };
	AUTO_ANSWER struct dns_answer answer = { 0 };

	if (dns_ask(&a->server, &q, &answer, err) < 0)
		return -1;
	strings_fini(&a->now);
	for (size_t i = 0; i < answer.answer.n; i++) {
		const struct dns_record *r = &answer.answer.rows[i];

		if (r->type == DNS_CNAME) {
			error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			          "%s is only another name for %s", a->change->name, r->data);
			return error_hint(err, "name %s in move.yaml instead", r->data);
		}
		if (r->type == (unsigned)a->type)
			strings_add(&a->now, r->data);
	}
	if (answer.authoritative && (answer.rcode == DNS_NOERROR || answer.rcode == DNS_NXDOMAIN))
		return 0;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "name server %s does not speak for %s (%s)", a->server.address, a->change->name,
	          dns_rcode_name(answer.rcode));
	return error_hint(err, "dns.server in move.yaml must be the primary server of the zone");
}

/* ── the message ─────────────────────────────────────────────────────────────────────────────── */

static ldns_rr *make_record(const struct attempt *a, const char *address, ldns_rr_class class,
                            uint32_t ttl)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(a->change->name);
	ldns_rdf *data = ldns_rdf_new_frm_str(
		a->type == DNS_A ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, address);
	ldns_rr *rr = ldns_rr_new();

	if (!owner || !data || !rr)
		abort(); /* both have been read before */
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, (ldns_rr_type)a->type);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, ttl);
	ldns_rr_push_rdf(rr, data);
	return rr;
}

static int build(const struct attempt *a, struct buf *out, struct error *err)
{
	ldns_rr_list *known = ldns_rr_list_new(), *changes = ldns_rr_list_new();
	ldns_rdf *zone = ldns_dname_new_frm_str(a->zone);
	ldns_pkt *packet = NULL;
	bool made;

	/* RFC 2136 sections 2.4.2 (TTL 0, class of the zone), 2.5.4 (class NONE), 2.5.1 */
	for (size_t i = 0; i < a->now.n; i++)
		ldns_rr_list_push_rr(known, make_record(a, a->now.rows[i], LDNS_RR_CLASS_IN, 0));
	ldns_rr_list_push_rr(changes, make_record(a, a->from, CLASS_NONE, 0));
	ldns_rr_list_push_rr(changes, make_record(a, a->to, LDNS_RR_CLASS_IN, a->change->ttl));
	if (zone)
		packet = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, known, changes, NULL);
	buf_reset(out);
	made = dns_packet_add(packet, out);
	ldns_rr_list_deep_free(known);
	ldns_rr_list_deep_free(changes);
	if (made)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "no update can be made for zone \"%s\"", a->zone);
}

/* ── what the server says ────────────────────────────────────────────────────────────────────── */

static const struct {
	unsigned rcode, tsig; /* tsig 0: none */
	enum error_retry retry;
	const char *what, *hint;
} refusals[] = {
	{ DNS_NOTAUTH, DNS_BADKEY, ERROR_RETRY_PERSON, "the server does not know this key (BADKEY)",
	  "compare the key's name and algorithm in the key file with the server's configuration" },
	{ DNS_NOTAUTH, DNS_BADSIG, ERROR_RETRY_PERSON,
	  "the server has another secret for this key (BADSIG)",
	  "compare the secret in the key file with the server's configuration" },
	{ DNS_NOTAUTH, DNS_BADTIME, ERROR_RETRY_PERSON,
	  "the server's clock and this host's are more than five minutes apart (BADTIME)",
	  "set the clocks; NTP on both" },
	{ DNS_NOTAUTH, 0, ERROR_RETRY_PERSON, "the server is not the primary of the zone (NOTAUTH)",
	  "dns.server in move.yaml must be the primary; look at zone as well" },
	{ DNS_NOTZONE, 0, ERROR_RETRY_PERSON, "the name is not in this zone (NOTZONE)",
	  "look at zone in move.yaml, or leave it out: then the server is asked" },
	{ DNS_REFUSED, 0, ERROR_RETRY_PERSON, "the server does not let us (REFUSED)",
	  "the key needs the right to change this name: BIND's update-policy or allow-update, "
	  "Knot's acl with action update" },
	{ DNS_NOTIMP, 0, ERROR_RETRY_PERSON, "the server takes no dynamic updates (NOTIMP)",
	  "use switch: manual" },
	{ DNS_SERVFAIL, 0, ERROR_RETRY_LATER, "the server failed (SERVFAIL)",
	  "look at its log: often it may not write its journal beside the zone file" },
};

static int refuse(const struct dns_updater *u, unsigned rcode, unsigned tsig, struct error *err)
{
	for (size_t i = 0; i < ROWS(refusals); i++) {
		if (refusals[i].rcode != rcode || (refusals[i].tsig && refusals[i].tsig != tsig))
			continue;
		error_set(err, ERROR_SCOPE_HOST, refusals[i].retry, 0, "name server %s: %s",
		          u->server.address, refusals[i].what);
		if (rcode == DNS_REFUSED && !u->key_file)
			return error_hint(err, "the update was not signed: name a dns.key_file");
		return error_hint(err, "%s", refusals[i].hint);
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "name server %s answers the update with %s (%u)", u->server.address,
	                 dns_rcode_name(rcode), rcode);
}

static int check_signature(const struct dns_updater *u, enum dns_tsig_verdict verdict,
                           struct error *err)
{
	if (verdict == DNS_TSIG_GOOD)
		return 0;
	if (verdict == DNS_TSIG_LATE)
		return refuse(u, DNS_NOTAUTH, DNS_BADTIME, err);
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "name server %s: its answer is not signed with our key, so it can't be trusted",
	          u->server.address);
	return error_hint(err, "does something between change the messages? The update may have "
	                       "been made: look, or run it again");
}

/* By TCP, so that no lost packet makes it twice; by UDP where TCP does not get through. */
static int exchange(const struct dns_updater *u, struct span query, struct buf *reply,
                    struct error *err)
{
	struct error by_tcp = { 0 };

	if (dns_exchange(&u->server, DNS_TCP, query, TIMEOUT_MS, reply, &by_tcp) == 0)
		return 0;
	return dns_exchange(&u->server, DNS_UDP, query, TIMEOUT_MS, reply, err);
}

int dns_update_send(const struct dns_updater *u, struct buf *query, struct error *err)
{
	AUTO_BUF struct buf reply = { 0 };
	enum dns_tsig_verdict verdict = DNS_TSIG_GOOD;
	unsigned rcode, tsig = 0;
	struct dns_mac mac;

	if (u->key && dns_tsig_sign(query, u->key, clock_wall_ms() / 1000, &mac, err) < 0)
		return -1;
	if (exchange(u, buf_span(query), &reply, err) < 0)
		return -1;
	rcode = (unsigned char)reply.p[3] & 0x0f;
	if (u->key)
		verdict = dns_tsig_verify(buf_span(&reply), u->key, &mac, clock_wall_ms() / 1000,
		                          &tsig);
	/* a refusal changes nothing here whoever sent it; all else must be signed */
	if (rcode == DNS_NOERROR || rcode == DNS_NXRRSET || rcode == DNS_NXDOMAIN ||
	    rcode == DNS_YXRRSET || rcode == DNS_YXDOMAIN) {
		if (check_signature(u, verdict, err) < 0)
			return -1;
		return rcode == DNS_NOERROR;
	}
	return refuse(u, rcode, tsig, err);
}

/* Sends one update. 1: done; 0: the prerequisite no longer holds; -1: error. */
static int send_update(const struct attempt *a, const struct dns_key *key, struct error *err)
{
	const struct dns_updater u = { .server = a->server, .key = key, .key_file = a->key_file };
	AUTO_BUF struct buf query = { 0 };

	if (build(a, &query, err) < 0)
		return -1;
	return dns_update_send(&u, &query, err);
}

static int replace(struct attempt *a, const struct dns_key *key, enum dns_change_result *out,
                   struct error *err)
{
	if (take_addresses(a, err) < 0 || find_zone(a, err) < 0)
		return -1;
	for (int i = 0; i < TRIES; i++) {
		int done;

		if (read_addresses(a, err) < 0)
			return -1;
		if (!strings_has(&a->now, a->from)) {
			if (strings_has(&a->now, a->to)) {
				/* a lost answer of ours counts as "now" to nobody */
				*out = DNS_CHANGED_BEFORE;
				return 0;
			}
			error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			          "it has neither the old address %s nor the new one %s", a->from,
			          a->to);
			return error_hint(err, "somebody has changed it: look at the zone, and at "
			                       "old and new under dns.records");
		}
		done = send_update(a, key, err);
		if (done < 0)
			return -1;
		if (done) {
			*out = DNS_CHANGED;
			return 0;
		}
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
	                 "it is being changed by somebody else at this moment");
}

int dns_replace_address(const struct config_dns *dns, const struct dns_change *change,
                        enum dns_change_result *out, struct error *err)
{
	AUTO_KEY struct dns_key key = { 0 };
	AUTO_ATTEMPT struct attempt a = {
		.change = change,
		.server = { .address = dns->server, .port = dns->port ? dns->port : 53 },
		.key_file = dns->key_file,
	};

	if (!dns->server)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "move.yaml names no dns.server to update");
	if (dns->key_file && dns_key_load(dns->key_file, &key, err) < 0)
		return -1;
	if (replace(&a, dns->key_file ? &key : NULL, out, err) < 0)
		return error_context(err, "change %s from %s to %s", change->name, change->from,
		                     change->to);
	return 0;
}
