/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/sets.h"

#include "base/memory.h"
#include "dns/sets_data.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

void dns_set_fini(struct dns_set *s)
{
	free(s->name);
	strings_fini(&s->data);
	*s = (struct dns_set){ 0 };
}

void dns_sets_fini(struct dns_sets *s)
{
	for (size_t i = 0; i < s->n; i++)
		dns_set_fini(&s->rows[i]);
	free(s->rows);
	*s = (struct dns_sets){ 0 };
}

void dns_set_copy(struct dns_set *to, const struct dns_set *from)
{
	struct dns_set made = { .name = xstrdup(from->name), .type = from->type, .ttl = from->ttl };

	for (size_t i = 0; i < from->data.n; i++)
		strings_add(&made.data, from->data.rows[i]);
	dns_set_fini(to);
	*to = made;
}

bool dns_set_equal(const struct dns_set *a, const struct dns_set *b)
{
	return dns_set_same_data(a, b) && (!a->data.n || a->ttl == b->ttl);
}

bool dns_set_same_data(const struct dns_set *a, const struct dns_set *b)
{
	if (a->data.n != b->data.n)
		return false;
	for (size_t i = 0; i < a->data.n; i++)
		if (!strings_has(&b->data, a->data.rows[i]))
			return false;
	return true;
}

unsigned dns_type_number(const char *name)
{
	return (unsigned)ldns_get_rr_type_by_name(name);
}

const char *dns_type_text(char out[16], unsigned type)
{
	char *text = ldns_rr_type2str((ldns_rr_type)type);

	snprintf(out, 16, "%s", text ? text : "?");
	free(text);
	return out;
}

char *dns_record_data(const struct dns_record *r)
{
	switch (r->type) {
	case DNS_MX:
		return xasprintf("%u %s.", r->preference, r->data);
	case DNS_NS:
	case DNS_CNAME:
		return xasprintf("%s.", r->data);
	default:
		return xstrdup(r->data);
	}
}

/* Through the wire form and back, as if a server had said it. */
int dns_data_canonical(unsigned type, const char *data, char **out, struct error *err)
{
	char word[16];
	AUTO_FREE char *line = xasprintf("x.example. 0 IN %s %s", dns_type_text(word, type), data);
	AUTO_ANSWER struct dns_answer a = { 0 };
	ldns_status status;
	ldns_rr *rr = NULL;
	ldns_pkt *packet;
	uint8_t *wire = NULL;
	size_t size = 0;

	status = ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL);
	if (status != LDNS_STATUS_OK)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is no data of a record of type %s: %s", data, word,
		                 ldns_get_errorstr_by_id(status));
	packet = ldns_pkt_new();
	if (!packet || !ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, rr))
		abort();
	status = ldns_pkt2wire(&wire, packet, &size);
	ldns_pkt_free(packet);
	if (status != LDNS_STATUS_OK)
		abort();
	int result = dns_answer_parse((struct span){ (const char *)wire, size }, &a, err);
	free(wire);
	if (result < 0 || a.answer.n != 1)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" can't be written into a record of type %s", data, word);
	*out = dns_record_data(&a.answer.rows[0]);
	return 0;
}

static int refuse(const struct dns_server *server, const char *name, const struct dns_answer *a,
                  struct error *err)
{
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "name server %s does not speak for %s (%s)", server->address, name,
	          dns_rcode_name(a->rcode));
	return error_hint(err, "dns.server in move.yaml must be the primary server of the zone");
}

int dns_read_zone_name(const struct dns_server *server, const char *name, char **zone,
                       struct error *err)
{
	struct dns_question q = { .name = name, .type = DNS_SOA };
	AUTO_ANSWER struct dns_answer a = { 0 };
	const struct dns_records *sections[] = { &a.answer, &a.authority };

	if (dns_ask(server, &q, &a, err) < 0)
		return -1;
	for (size_t s = 0; s < ROWS(sections) && a.authoritative; s++)
		for (size_t i = 0; i < sections[s]->n; i++)
			if (sections[s]->rows[i].type == DNS_SOA) {
				*zone = xstrdup(sections[s]->rows[i].name);
				return 0;
			}
	return refuse(server, name, &a, err);
}

int dns_read_set(const struct dns_server *server, const char *name, unsigned type,
                 struct dns_set *out, struct error *err)
{
	struct dns_question q = { .name = name, .type = (enum dns_type)type };
	AUTO_ANSWER struct dns_answer a = { 0 };
	AUTO_SET struct dns_set made = { .name = xstrdup(name), .type = type };

	if (dns_ask(server, &q, &a, err) < 0)
		return -1;
	if (!a.authoritative || (a.rcode != DNS_NOERROR && a.rcode != DNS_NXDOMAIN))
		return refuse(server, name, &a, err);
	for (size_t i = 0; i < a.answer.n; i++) {
		const struct dns_record *r = &a.answer.rows[i];

		if (r->type == DNS_CNAME && type != DNS_CNAME) {
			error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
			          "%s is only another name for %s", name, r->data);
			return error_hint(err, "name %s in move.yaml instead", r->data);
		}
		if (r->type != type)
			continue;
		AUTO_FREE char *data = dns_record_data(r);
		strings_add(&made.data, data);
		made.ttl = r->ttl;
	}
	strings_sort(&made.data);
	dns_set_fini(out);
	*out = made;
	made = (struct dns_set){ 0 };
	return 0;
}
