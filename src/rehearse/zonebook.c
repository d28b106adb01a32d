/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/zonebook.h"

#include "rehearse/internet.h"
#include "rehearse/zonesign.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ldns/ldns.h>
#include <string.h>

#define ALIASES_MOST 8    /* CNAMEs that are followed */
#define RECORDS_MOST 256u /* of one answer */
#define QUERY_MOST 4096u  /* octets */
#define ANY 255u

void zonebook_fini(struct zonebook *b)
{
	strings_fini(&b->zones);
	strings_fini(&b->dnssec);
	zonesign_free(b->signer);
	dns_sets_fini(&b->sets);
	*b = (struct zonebook){ 0 };
}

static char *plain_name(const char *name)
{
	char *made = xstrdup(name);
	size_t n = strlen(made);

	if (n && made[n - 1] == '.')
		made[n - 1] = '\0';
	for (char *p = made; *p; p++)
		*p = ascii_lower(*p);
	return made;
}

void zonebook_add_zone(struct zonebook *b, const char *name)
{
	AUTO_FREE char *plain = plain_name(name);

	if (!strings_has(&b->zones, plain))
		strings_add(&b->zones, plain);
}

void zonebook_add_signed(struct zonebook *b, const char *name)
{
	AUTO_FREE char *plain = plain_name(name);

	zonebook_add_zone(b, name);
	if (!strings_has(&b->dnssec, plain))
		strings_add(&b->dnssec, plain);
}

static struct dns_set *set_of(const struct zonebook *b, const char *name, unsigned type)
{
	for (size_t i = 0; i < b->sets.n; i++)
		if (b->sets.rows[i].type == type && strcmp(b->sets.rows[i].name, name) == 0)
			return &b->sets.rows[i];
	return NULL;
}

static struct dns_set *set_made(struct zonebook *b, const char *name, unsigned type)
{
	AUTO_FREE char *plain = plain_name(name);
	struct dns_set *s = set_of(b, plain, type);

	if (s)
		return s;
	ARRAY_GROW(b->sets.rows, b->sets.n, b->sets.room);
	s = &b->sets.rows[b->sets.n++];
	*s = (struct dns_set){ .name = TAKE(plain), .type = type };
	return s;
}

void zonebook_add(struct zonebook *b, const char *name, unsigned type, uint32_t ttl,
                  const char *data)
{
	struct dns_set *s = set_made(b, name, type);

	s->ttl = ttl;
	if (!strings_has(&s->data, data))
		strings_add(&s->data, data);
}

void zonebook_put(struct zonebook *b, const struct dns_set *set)
{
	struct dns_set *s = set_made(b, set->name, set->type);

	strings_fini(&s->data);
	s->data = (struct strings){ 0 };
	s->ttl = set->ttl;
	for (size_t i = 0; i < set->data.n; i++)
		strings_add(&s->data, set->data.rows[i]);
}

const struct dns_set *zonebook_find(const struct zonebook *b, const char *name, unsigned type)
{
	AUTO_FREE char *plain = plain_name(name);
	const struct dns_set *s = set_of(b, plain, type);

	return s && s->data.n ? s : NULL;
}

char *zonebook_data(const struct ldns_struct_rr *rr)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *text = ldns_rdf2str(ldns_rr_rdf(rr, i));

		buf_addf(&out, "%s%s", i ? " " : "", text ? text : "");
		free(text);
	}
	return buf_take(&out);
}

/* ── looking up ──────────────────────────────────────────────────────────────────────────────── */

static bool is_below(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return n >= z && strcmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.');
}

static bool is_ours(const struct zonebook *b, const char *name)
{
	for (size_t i = 0; i < b->zones.n; i++)
		if (is_below(name, b->zones.rows[i]))
			return true;
	return false;
}

/* It has records, or a name below it has. */
static bool is_there(const struct zonebook *b, const char *name)
{
	for (size_t i = 0; i < b->sets.n; i++)
		if (b->sets.rows[i].data.n && is_below(b->sets.rows[i].name, name))
			return true;
	return false;
}

/* What "*" stands for, when nothing has that name (RFC 4592). */
static const char *wildcard_of(const struct zonebook *b, const char *name, char out[1024])
{
	const char *dot = name;

	while (!is_there(b, name) && (dot = strchr(dot, '.'))) {
		snprintf(out, 1024, "*%s", dot++);
		if (is_there(b, out))
			return out;
		if (is_there(b, dot))
			return NULL; /* the closest name that there is has no wildcard */
	}
	return NULL;
}

static void push(struct dns_sets *out, const char *name, const struct dns_set *set)
{
	struct dns_set copy = { 0 };

	dns_set_copy(&copy, set);
	free(copy.name);
	copy.name = xstrdup(name);
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = copy;
}

static enum dns_rcode look_up(const struct zonebook *b, const char *asked, unsigned type,
                              struct dns_sets *out)
{
	AUTO_FREE char *name = xstrdup(asked);

	if (b->signer && zonesign_find(b->signer, name, type, out))
		return DNS_NOERROR;
	for (int i = 0; i < ALIASES_MOST; i++) {
		const struct dns_set *set = set_of(b, name, type), *alias;
		const char *wild;
		char place[1024];

		if (!(set && set->data.n) && !is_ours(b, name))
			return internet_find(name, type, out) ? DNS_NOERROR : DNS_NXDOMAIN;
		wild = set ? NULL : wildcard_of(b, name, place);
		if (wild)
			set = set_of(b, wild, type);
		if (set && set->data.n) {
			push(out, name, set);
			return DNS_NOERROR;
		}
		alias = set_of(b, wild ? wild : name, DNS_CNAME);
		if (!alias || !alias->data.n)
			return wild || is_there(b, name) ? DNS_NOERROR : DNS_NXDOMAIN;
		push(out, name, alias);
		free(name);
		name = plain_name(alias->data.rows[0]);
	}
	return DNS_SERVFAIL;
}

/* ── messages ────────────────────────────────────────────────────────────────────────────────── */

static void add_records(ldns_pkt *reply, const struct dns_sets *sets)
{
	size_t n = 0;

	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->rows[i].data.n && n < RECORDS_MOST; k++, n++) {
			const struct dns_set *s = &sets->rows[i];
			char type[16];
			AUTO_FREE char *line = xasprintf("%s. %u IN %s %s", s->name, s->ttl,
			                                 dns_type_text(type, s->type),
			                                 s->data.rows[k]);
			ldns_rr *rr = NULL;

			if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) == LDNS_STATUS_OK)
				ldns_pkt_push_rr(reply, LDNS_SECTION_ANSWER, rr);
		}
}

/* So that a "no" is not kept for long. */
static void add_authority(ldns_pkt *reply, const struct zonebook *b, const char *name)
{
	const char *zone = "example";
	ldns_rr *rr = NULL;

	for (size_t i = 0; i < b->zones.n; i++)
		if (is_below(name, b->zones.rows[i]))
			zone = b->zones.rows[i];
	AUTO_FREE char *line = xasprintf("%s. 60 IN SOA " INTERNET_CATCHER
	                                 ". hostmaster." INTERNET_CATCHER ". 1 3600 600 86400 60",
	                                 zone);
	if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) == LDNS_STATUS_OK)
		ldns_pkt_push_rr(reply, LDNS_SECTION_AUTHORITY, rr);
}

static void answer_question(const struct zonebook *b, ldns_pkt *reply, const ldns_rr *question)
{
	AUTO_SETS struct dns_sets found = { 0 };
	char *text = ldns_rdf2str(ldns_rr_owner(question));
	AUTO_FREE char *name = plain_name(text ? text : "");
	unsigned type = ldns_rr_get_type(question);
	enum dns_rcode rcode = DNS_NOTIMP;

	free(text);
	if (type != ANY && ldns_rr_get_class(question) == LDNS_RR_CLASS_IN)
		rcode = look_up(b, name, type, &found);
	ldns_pkt_set_rcode(reply, (uint8_t)rcode);
	add_records(reply, &found);
	if (!ldns_pkt_ancount(reply))
		add_authority(reply, b, name);
}

static void add_message(ldns_pkt *reply, size_t most, struct buf *out)
{
	uint8_t *wire = NULL;
	size_t n = 0;

	if (ldns_pkt2wire(&wire, reply, &n) != LDNS_STATUS_OK)
		return;
	if (most && n > most) {
		/* cut off: it is asked again by TCP */
		LDNS_FREE(wire);
		ldns_pkt_set_tc(reply, true);
		ldns_rr_list_deep_free(ldns_pkt_answer(reply));
		ldns_pkt_set_answer(reply, ldns_rr_list_new());
		ldns_pkt_set_ancount(reply, 0);
		wire = NULL;
		if (ldns_pkt2wire(&wire, reply, &n) != LDNS_STATUS_OK)
			return;
	}
	buf_add(out, wire, n);
	LDNS_FREE(wire);
}

bool zonebook_answer(const struct zonebook *b, struct span query, size_t most, struct buf *out)
{
	ldns_pkt *asked = NULL, *reply;
	size_t before = out->n;

	if (query.n > QUERY_MOST ||
	    ldns_wire2pkt(&asked, (const uint8_t *)query.p, query.n) != LDNS_STATUS_OK)
		return false;
	if (ldns_pkt_qr(asked) || ldns_pkt_qdcount(asked) != 1 ||
	    ldns_pkt_get_opcode(asked) != LDNS_PACKET_QUERY) {
		ldns_pkt_free(asked);
		return false;
	}
	reply = ldns_pkt_new();
	if (!reply)
		abort();
	ldns_pkt_set_id(reply, ldns_pkt_id(asked));
	ldns_pkt_set_qr(reply, true);
	ldns_pkt_set_aa(reply, true);
	ldns_pkt_set_ra(reply, true);
	ldns_pkt_set_rd(reply, ldns_pkt_rd(asked));
	ldns_pkt_push_rr(reply, LDNS_SECTION_QUESTION,
	                 ldns_rr_clone(ldns_rr_list_rr(ldns_pkt_question(asked), 0)));
	answer_question(b, reply, ldns_rr_list_rr(ldns_pkt_question(asked), 0));
	if (b->signer)
		zonesign_reply(b->signer, asked, reply, b);
	if (most && ldns_pkt_edns(asked)) {
		if (ldns_pkt_edns_udp_size(asked) > most)
			most = ldns_pkt_edns_udp_size(asked);
		ldns_pkt_set_edns_udp_size(reply, 1232);
	}
	add_message(reply, most, out);
	ldns_pkt_free(asked);
	ldns_pkt_free(reply);
	return out->n > before;
}
