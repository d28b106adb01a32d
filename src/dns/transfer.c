/* SPDX-License-Identifier: BSD-2-Clause */

/* transfer -- reads a whole zone by AXFR (RFC 5936). */

#include "dns/sets.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dns/exchange.h"
#include "dns/packet.h"
#include "dns/sets_data.h"
#include "dns/tsig.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define RECORDS_MAX 500000u
#define TYPE_AXFR 252
#define TYPE_BIND_SIGNING 65534 /* BIND's own notes of how far it has signed */

struct transfer {
	const char *server, *zone; /* borrowed */
	struct dns_tsig_stream signature;
	struct dns_sets one; /* a set for each record, to be sorted */
	unsigned tops;       /* SOA records seen: the second ends it */
};

/* What signing makes of a zone is not its data. */
static bool is_of_signing(unsigned type)
{
	return type == LDNS_RR_TYPE_RRSIG || type == LDNS_RR_TYPE_NSEC ||
	       type == LDNS_RR_TYPE_NSEC3 || type == LDNS_RR_TYPE_NSEC3PARAM ||
	       type == LDNS_RR_TYPE_DNSKEY || type == LDNS_RR_TYPE_CDS ||
	       type == LDNS_RR_TYPE_CDNSKEY || type == TYPE_BIND_SIGNING;
}

static void take(struct transfer *t, const struct dns_record *r)
{
	AUTO_FREE char *data = NULL;
	struct dns_set *set;

	if (r->type == DNS_SOA) {
		t->tops++;
		return;
	}
	if (is_of_signing(r->type) || t->tops != 1)
		return;
	ARRAY_GROW(t->one.rows, t->one.n, t->one.room);
	set = &t->one.rows[t->one.n++];
	*set = (struct dns_set){ .name = xstrdup(r->name), .type = r->type, .ttl = r->ttl };
	data = dns_record_data(r);
	strings_add(&set->data, data);
}

static int refuse(const struct transfer *t, const char *why, struct error *err)
{
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "name server %s gives zone %s to nobody here: %s", t->server, t->zone, why);
	return error_hint(err, "allow-transfer (BIND) or an acl with action transfer (Knot) lets "
	                       "the key of dns.key_file read it");
}

static int visit(void *context, struct span message, struct error *err)
{
	struct transfer *t = context;
	AUTO_ANSWER struct dns_answer a = { 0 };
	unsigned error_code;

	if (dns_answer_parse(message, &a, err) < 0)
		return -1;
	if (a.rcode != DNS_NOERROR)
		return refuse(t, dns_rcode_name(a.rcode), err);
	if (t->signature.key && dns_tsig_stream_add(&t->signature, message, clock_wall_ms() / 1000,
	                                            &error_code) != DNS_TSIG_GOOD)
		return refuse(t, "its answer is not signed with our key", err);
	if (!a.answer.n && !t->tops)
		return refuse(t, "its answer is empty", err);
	for (size_t i = 0; i < a.answer.n; i++)
		take(t, &a.answer.rows[i]);
	if (t->one.n > RECORDS_MAX)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "zone %s has more than %u records", t->zone, RECORDS_MAX);
	return t->tops >= 2;
}

static int by_name_and_type(const void *a, const void *b)
{
	const struct dns_set *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order || x->type != y->type)
		return order ? order : x->type < y->type ? -1 : 1;
	return strcmp(x->data.rows[0], y->data.rows[0]);
}

static void gather(struct dns_sets *one, struct dns_sets *out)
{
	if (one->n)
		qsort(one->rows, one->n, sizeof *one->rows, by_name_and_type);
	for (size_t i = 0; i < one->n; i++) {
		struct dns_set *from = &one->rows[i];
		struct dns_set *last = out->n ? &out->rows[out->n - 1] : NULL;

		if (last && last->type == from->type && !strcmp(last->name, from->name)) {
			strings_add(&last->data, from->data.rows[0]);
			continue;
		}
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = *from;
		*from = (struct dns_set){ 0 };
	}
}

static int build(const char *zone, struct buf *out, struct error *err)
{
	ldns_rdf *name = ldns_dname_new_frm_str(zone);
	ldns_pkt *packet;

	if (!name)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is no name of a zone", zone);
	packet = ldns_pkt_query_new(name, (ldns_rr_type)TYPE_AXFR, LDNS_RR_CLASS_IN, 0);
	if (!dns_packet_add(packet, out))
		abort();
	return 0;
}

int dns_read_whole_zone(const struct dns_server *server, const char *zone,
                        const struct dns_key *key, struct dns_sets *out, struct error *err)
{
	struct transfer t = { .server = server->address,
		              .zone = zone,
		              .signature = { .key = key } };
	AUTO_BUF struct buf query = { 0 };
	AUTO_SETS struct dns_sets made = { 0 };
	int result;

	if (build(zone, &query, err) < 0)
		return -1;
	if (key && dns_tsig_sign(&query, key, clock_wall_ms() / 1000, &t.signature.mac, err) < 0)
		return -1;
	result = dns_exchange_stream(server, buf_span(&query), TIMEOUT_MS, visit, &t, err);
	if (result == 0 && t.signature.unsigned_n)
		result = refuse(&t, "the end of its answer is not signed", err);
	if (result == 0) {
		gather(&t.one, &made);
		dns_sets_fini(out);
		*out = made;
		made = (struct dns_sets){ 0 };
	}
	dns_sets_fini(&t.one);
	dns_tsig_stream_fini(&t.signature);
	return result;
}
