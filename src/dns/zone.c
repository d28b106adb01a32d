/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define PORT 53

void dns_zone_fini(struct dns_zone *z)
{
	free(z->name);
	dns_servers_fini(&z->servers);
	*z = (struct dns_zone){ 0 };
}

/* Whether `name` is `zone` or below it. */
static bool is_within(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	if (n && name[n - 1] == '.')
		n--;
	if (z == 0)
		return true;
	if (n < z || (n > z && name[n - z - 1] != '.'))
		return false;
	return span_is_nocase((struct span){ name + n - z, z }, zone);
}

/* The zone stands in the answer when the name is its top, else in the authority section (RFC 2308
 * section 2). One whose SOA is not above the name belongs to where a CNAME has led. */
static const struct dns_record *find_soa(const struct dns_answer *a, const char *name)
{
	const struct dns_records *sections[] = { &a->answer, &a->authority };

	for (size_t s = 0; s < ROWS(sections); s++)
		for (size_t i = 0; i < sections[s]->n; i++) {
			const struct dns_record *r = &sections[s]->rows[i];

			if (r->type == DNS_SOA && is_within(name, r->name))
				return r;
		}
	return NULL;
}

static int find_zone_name(const struct dns_servers *resolvers, const char *name, char **out,
                          struct error *err)
{
	const char *at = name;

	while (at && *at && strcmp(at, ".") != 0) {
		AUTO_ANSWER struct dns_answer answer = { 0 };
		const struct dns_record *soa;

		if (dns_resolve(resolvers, at, DNS_SOA, &answer, err) < 0)
			return -1;
		if (answer.rcode == DNS_NXDOMAIN) {
			error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			          "%s does not exist in DNS", at);
			return error_hint(err, "is the name right, and can the resolver see it?");
		}
		soa = find_soa(&answer, at);
		if (soa) {
			*out = xstrdup(soa->name);
			return 0;
		}
		at = strchr(at, '.');
		at = at ? at + 1 : NULL;
	}
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0, "no zone was found for %s",
	                 name);
}

static void add_addresses(const struct dns_servers *resolvers, const char *host,
                          struct dns_servers *out)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };

	for (size_t t = 0; t < ROWS(types); t++) {
		AUTO_ANSWER struct dns_answer answer = { 0 };
		struct error ignored;

		if (dns_resolve(resolvers, host, types[t], &answer, &ignored) < 0)
			continue; /* a zone lives with one server that has no address */
		for (size_t i = 0; i < answer.answer.n; i++)
			if (answer.answer.rows[i].type == types[t])
				dns_servers_add(out, host, answer.answer.rows[i].data, PORT);
	}
}

/* Servers rotate their answers; whoever shows them wants them to stand still. */
static int by_name(const void *a, const void *b)
{
	const struct dns_server *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->address, y->address);
}

int dns_find_zone(const struct dns_servers *resolvers, const char *name, struct dns_zone *out,
                  struct error *err)
{
	AUTO_ZONE struct dns_zone zone = { 0 };
	AUTO_ANSWER struct dns_answer answer = { 0 };

	if (find_zone_name(resolvers, name, &zone.name, err) < 0 ||
	    dns_resolve(resolvers, *zone.name ? zone.name : ".", DNS_NS, &answer, err) < 0)
		return -1;
	for (size_t i = 0; i < answer.answer.n; i++) {
		if (answer.answer.rows[i].type != DNS_NS)
			continue;
		zone.ttl = answer.answer.rows[i].ttl; /* of all of a set (RFC 2181 section 5.2) */
		add_addresses(resolvers, answer.answer.rows[i].data, &zone.servers);
	}
	if (zone.servers.n == 0)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
		                 "zone %s: no name server of it has an address", zone.name);
	qsort(zone.servers.rows, zone.servers.n, sizeof *zone.servers.rows, by_name);
	dns_zone_fini(out);
	*out = zone;
	zone = (struct dns_zone){ 0 };
	return 0;
}

int dns_longest_ttl(const struct dns_servers *resolvers, const char *name, enum dns_type type,
                    uint32_t *ttl, struct error *err)
{
	struct dns_question q = { .name = name, .type = type };
	AUTO_ZONE struct dns_zone zone = { 0 };
	struct error last = { 0 };
	uint32_t longest = 0;
	size_t answered = 0;

	if (dns_find_zone(resolvers, name, &zone, err) < 0)
		return -1;
	for (size_t i = 0; i < zone.servers.n; i++) {
		AUTO_ANSWER struct dns_answer a = { 0 };

		/* a CNAME on the way counts as well; a referral or REFUSED tells nothing */
		if (dns_ask(&zone.servers.rows[i], &q, &a, &last) < 0 || !a.authoritative)
			continue;
		answered++;
		for (size_t r = 0; r < a.answer.n; r++)
			if (a.answer.rows[r].ttl > longest)
				longest = a.answer.rows[r].ttl;
	}
	if (!answered)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
		                 "no authoritative server of %s answers%s%s", zone.name,
		                 *last.text ? ": " : "", last.text);
	*ttl = longest;
	return 0;
}
