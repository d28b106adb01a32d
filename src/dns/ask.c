/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

#include "base/memory.h"
#include "dns/exchange.h"
#include "dns/packet.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>

#define TIMEOUT_MS_DEFAULT 3000
#define EDNS_SIZE 1232 /* octets that pass everywhere unfragmented; DNS flag day 2020 */

static const struct {
	enum dns_type type;
	const char *name;
} type_names[] = {
	{ DNS_A, "A" },     { DNS_NS, "NS" },         { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" },
	{ DNS_PTR, "PTR" }, { DNS_MX, "MX" },         { DNS_TXT, "TXT" },     { DNS_AAAA, "AAAA" },
	{ DNS_DS, "DS" },   { DNS_DNSKEY, "DNSKEY" }, { DNS_TLSA, "TLSA" },
};

const char *dns_type_name(enum dns_type type)
{
	for (size_t i = 0; i < ROWS(type_names); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return "another type";
}

const char *dns_rcode_name(unsigned rcode)
{
	static const char *const names[] = {
		[DNS_NOERROR] = "NOERROR",   [DNS_FORMERR] = "FORMERR", [DNS_SERVFAIL] = "SERVFAIL",
		[DNS_NXDOMAIN] = "NXDOMAIN", [DNS_NOTIMP] = "NOTIMP",   [DNS_REFUSED] = "REFUSED",
		[DNS_YXDOMAIN] = "YXDOMAIN", [DNS_YXRRSET] = "YXRRSET", [DNS_NXRRSET] = "NXRRSET",
		[DNS_NOTAUTH] = "NOTAUTH",   [DNS_NOTZONE] = "NOTZONE",
	};

	return rcode < ROWS(names) ? names[rcode] : "an unknown code";
}

static void records_fini(struct dns_records *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rows[i].name);
		free(r->rows[i].data);
	}
	free(r->rows);
	*r = (struct dns_records){ 0 };
}

void dns_answer_fini(struct dns_answer *a)
{
	records_fini(&a->answer);
	records_fini(&a->authority);
	*a = (struct dns_answer){ 0 };
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static char *name_text(const ldns_rdf *rdf)
{
	char *text = ldns_rdf2str(rdf);
	size_t n;

	if (!text)
		abort();
	n = strlen(text);
	if (n && text[n - 1] == '.')
		text[n - 1] = '\0'; /* a dot of a label's own is written "\." and never last */
	for (char *p = text; *p; p++)
		*p = ascii_lower(*p);
	return text;
}

/* Which field of the record is its data; -1: all of them. */
static int data_field(ldns_rr_type type)
{
	if (type == LDNS_RR_TYPE_MX)
		return 1;
	if (type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA || type == LDNS_RR_TYPE_NS ||
	    type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_SOA)
		return 0;
	return -1;
}

static char *all_data(const ldns_rr *rr)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		AUTO_FREE char *text = ldns_rdf2str(ldns_rr_rdf(rr, i));

		buf_addf(&out, "%s%s", i ? " " : "", text ? text : "?");
	}
	return xstrdup(buf_text(&out));
}

static void add_record(struct dns_records *out, const ldns_rr *rr)
{
	ldns_rr_type type = ldns_rr_get_type(rr);
	struct dns_record r = { .type = (unsigned)type, .ttl = ldns_rr_ttl(rr) };
	size_t fields = ldns_rr_rd_count(rr);
	int field = data_field(type);

	/* records of an update have no data; a type that we ask for always has */
	if (field >= (int)fields || (type == LDNS_RR_TYPE_SOA && fields < 7))
		return;
	r.name = name_text(ldns_rr_owner(rr));
	if (type == LDNS_RR_TYPE_MX)
		r.preference = ldns_rdf2native_int16(ldns_rr_rdf(rr, 0));
	r.data = field < 0 ? all_data(rr) : name_text(ldns_rr_rdf(rr, (size_t)field));
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = r;
}

static void add_section(struct dns_records *out, const ldns_rr_list *section)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if (ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN)
			add_record(out, rr);
	}
}

static int parse(struct span message, struct dns_answer *out, bool *cut, struct error *err)
{
	ldns_pkt *packet = NULL;
	ldns_status status = ldns_wire2pkt(&packet, (const uint8_t *)(const void *)message.p,
	                                   message.n);

	if (status != LDNS_STATUS_OK)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "an answer that is no DNS message: %s",
		                 ldns_get_errorstr_by_id(status));
	dns_answer_fini(out);
	out->rcode = (unsigned)ldns_pkt_get_rcode(packet);
	out->authoritative = ldns_pkt_aa(packet);
	out->authentic = ldns_pkt_ad(packet);
	*cut = ldns_pkt_tc(packet);
	add_section(&out->answer, ldns_pkt_answer(packet));
	add_section(&out->authority, ldns_pkt_authority(packet));
	ldns_pkt_free(packet);
	return 0;
}

int dns_answer_parse(struct span message, struct dns_answer *out, struct error *err)
{
	bool cut;

	return parse(message, out, &cut, err);
}

/* ── asking ──────────────────────────────────────────────────────────────────────────────────── */

static int build(const struct dns_question *q, bool edns, struct buf *out, struct error *err)
{
	ldns_rdf *name = ldns_dname_new_frm_str(q->name);
	ldns_pkt *packet;

	if (!name || !*q->name)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is no domain name", q->name);
	packet = ldns_pkt_query_new(name, (ldns_rr_type)q->type, LDNS_RR_CLASS_IN,
	                            q->recurse ? LDNS_RD : 0);
	if (!packet)
		abort();
	/* RFC 6840 section 5.7: we understand AD, and want to be told */
	ldns_pkt_set_ad(packet, q->recurse);
	ldns_pkt_set_cd(packet, q->unchecked);
	if (edns)
		ldns_pkt_set_edns_udp_size(packet, EDNS_SIZE);
	buf_reset(out);
	if (!dns_packet_add(packet, out))
		abort();
	return 0;
}

static int ask(const struct dns_server *server, const struct dns_question *q, bool edns,
               struct dns_answer *out, struct error *err)
{
	AUTO_BUF struct buf query = { 0 }, reply = { 0 };
	int timeout_ms = q->timeout_ms ? q->timeout_ms : TIMEOUT_MS_DEFAULT;
	bool cut;

	if (build(q, edns, &query, err) < 0 ||
	    dns_exchange(server, DNS_UDP, buf_span(&query), timeout_ms, &reply, err) < 0 ||
	    parse(buf_span(&reply), out, &cut, err) < 0)
		return -1;
	if (!cut)
		return 0;
	if (dns_exchange(server, DNS_TCP, buf_span(&query), timeout_ms, &reply, err) < 0)
		return error_context(err, "by TCP, because the answer is long");
	return parse(buf_span(&reply), out, &cut, err);
}

int dns_ask(const struct dns_server *server, const struct dns_question *question,
            struct dns_answer *out, struct error *err)
{
	AUTO_ANSWER struct dns_answer made = { 0 };
	int result = ask(server, question, true, &made, err);

	/* RFC 6891 section 7: how a server without EDNS says so */
	if (result == 0 && (made.rcode == DNS_FORMERR || made.rcode == DNS_NOTIMP))
		result = ask(server, question, false, &made, err);
	if (result < 0)
		return error_context(err, "%s %s", question->name, dns_type_name(question->type));
	dns_answer_fini(out);
	*out = made;
	made = (struct dns_answer){ 0 };
	return 0;
}

int dns_resolve(const struct dns_servers *resolvers, const char *name, enum dns_type type,
                struct dns_answer *out, struct error *err)
{
	struct dns_question q = { .name = name, .type = type, .recurse = true };
	unsigned rcode = DNS_NOERROR;

	for (size_t i = 0; i < resolvers->n; i++) {
		if (dns_ask(&resolvers->rows[i], &q, out, err) < 0)
			continue;
		if (out->rcode == DNS_NOERROR || out->rcode == DNS_NXDOMAIN)
			return 0;
		rcode = out->rcode;
	}
	if (rcode == DNS_NOERROR && resolvers->n)
		return -1; /* none answered: the last one's error stands */
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "%s %s: the resolver says %s", name,
	          dns_type_name(type), dns_rcode_name(rcode));
	return -1;
}
