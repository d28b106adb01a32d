/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/gather.h"

#include "rehearse/internet.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "dns/edits.h"
#include "dns/signing.h"

#include <string.h>

#define PTR 12u
#define SRV 33u
#define TLSA 52u

/* What mail asks for in front of a domain. */
static const struct {
	const char *front;
	unsigned type;
} asked_of_domains[] = {
	{ "", DNS_MX },
	{ "", DNS_TXT },
	{ "", DNS_A },
	{ "", DNS_AAAA },
	{ "_dmarc.", DNS_TXT },
	{ "_mta-sts.", DNS_TXT },
	{ "_smtp._tls.", DNS_TXT },
	{ "_submission._tcp.", SRV },
	{ "_imaps._tcp.", SRV },
};

struct gathering {
	struct zonebook *book;
	const struct config *config;
	struct dns_servers resolvers;
	struct dns_key key;
	bool has_key;
	struct strings whole; /* zones that were read as a whole */
	struct strings *notes;
};

/* What a resolver says, CNAMEs on the way included. */
static void ask(struct gathering *g, const char *name, unsigned type)
{
	AUTO_ANSWER struct dns_answer a = { 0 };
	struct error err = { 0 };

	if (dns_resolve(&g->resolvers, name, (enum dns_type)type, &a, &err) < 0) {
		strings_addf(g->notes, "DNS: %s: %s", name, err.text);
		return;
	}
	for (size_t i = 0; i < a.answer.n; i++) {
		const struct dns_record *r = &a.answer.rows[i];
		AUTO_FREE char *data = NULL;

		if (r->type != type && r->type != DNS_CNAME)
			continue;
		data = r->type == DNS_MX      ? xasprintf("%u %s.", r->preference, r->data)
		       : r->type == DNS_CNAME ? xasprintf("%s.", r->data)
		                              : xstrdup(r->data);
		zonebook_add(g->book, r->name, r->type, r->ttl, data);
	}
}

static void look_for_keys(struct gathering *g, const char *zone)
{
	AUTO_SIGNING struct dns_signing found = { 0 };
	struct error err = { 0 };

	if (dns_signing_find(g->config, zone, &found, &err) < 0)
		strings_addf(g->notes, "DNS: whether %s is signed could not be learnt: %s", zone,
		             err.text);
	else if (found.by != DNS_UNSIGNED)
		zonebook_add_signed(g->book, zone);
}

/* The zone that a name is in becomes one of those that move. Returns true when all of it is known. */
static bool take_zone(struct gathering *g, const char *name)
{
	AUTO_SERVERS struct dns_servers servers = { 0 };
	AUTO_SETS struct dns_sets all = { 0 };
	AUTO_FREE char *zone = NULL;
	struct error err = { 0 };

	if (dns_edits_server(g->config, name, &servers, &err) < 0 ||
	    dns_read_zone_name(&servers.rows[0], name, &zone, &err) < 0) {
		zonebook_add_zone(g->book, name);
		return false;
	}
	if (strings_has(&g->whole, zone))
		return true;
	if (!strings_has(&g->book->zones, zone))
		look_for_keys(g, zone);
	zonebook_add_zone(g->book, zone);
	if (dns_read_whole_zone(&servers.rows[0], zone, g->has_key ? &g->key : NULL, &all, &err) <
	    0)
		return false;
	for (size_t i = 0; i < all.n; i++)
		zonebook_put(g->book, &all.rows[i]);
	strings_add(&g->whole, zone);
	return true;
}

static void take_host(struct gathering *g, const char *name)
{
	if (take_zone(g, name))
		return;
	ask(g, name, DNS_A);
	ask(g, name, DNS_AAAA);
	AUTO_FREE char *tlsa = xasprintf("_25._tcp.%s", name);
	ask(g, tlsa, TLSA);
}

static void take_domain(struct gathering *g, const char *domain)
{
	const struct dns_set *mx;
	AUTO_STRINGS struct strings hosts = { 0 };

	if (!take_zone(g, domain))
		for (size_t i = 0; i < ROWS(asked_of_domains); i++) {
			AUTO_FREE char *name = xasprintf("%s%s", asked_of_domains[i].front, domain);

			ask(g, name, asked_of_domains[i].type);
		}
	mx = zonebook_find(g->book, domain, DNS_MX);
	for (size_t i = 0; mx && i < mx->data.n; i++) {
		const char *blank = strchr(mx->data.rows[i], ' ');

		if (blank && strcmp(blank, " .") != 0)
			strings_add_span(&hosts, (struct span){ blank + 1, strlen(blank + 1) - 1 });
	}
	for (size_t i = 0; i < hosts.n; i++)
		take_host(g, hosts.rows[i]);
}

/* What move.yaml will change. When the servers can't be asked, its records are taken at their word. */
static void take_plan(struct gathering *g)
{
	const struct config *c = g->config;
	bool by_address = c->switch_by == CONFIG_SWITCH_ADDRESS;
	AUTO_EDITS struct dns_edits edits = { 0 };
	struct error err = { 0 };

	if (dns_edits_plan(c, by_address ? DNS_PART_AHEAD : DNS_PART_ALL, &edits, &err) == 0) {
		for (size_t i = 0; i < edits.n; i++)
			zonebook_put(g->book, &edits.rows[i].after);
		return;
	}
	strings_addf(g->notes, "DNS: the plan can't be held against the zones: %s", err.text);
	for (unsigned i = 0; !by_address && i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];
		unsigned type = strchr(r->new_address, ':') ? DNS_AAAA : DNS_A;
		struct dns_set set = { .name = r->name, .type = type, .ttl = c->dns.ttl };

		strings_add(&set.data, r->new_address);
		zonebook_put(g->book, &set);
		strings_fini(&set.data);
	}
}

/* What a move asks of zones and could not be learnt here, so that it can be rehearsed: who serves them, and
 * where names lead that the plan says lead to the old host. */
static void complete(struct zonebook *now, const struct config *c)
{
	for (size_t i = 0; i < now->zones.n; i++)
		if (!zonebook_find(now, now->zones.rows[i], DNS_NS))
			zonebook_add(now, now->zones.rows[i], DNS_NS, 60, INTERNET_CATCHER ".");
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];
		unsigned type = strchr(r->old_address, ':') ? DNS_AAAA : DNS_A;

		if (!zonebook_find(now, r->name, type))
			zonebook_add(now, r->name, type, c->dns.ttl, r->old_address);
	}
}

void gather_zones(struct zonebook *out, const struct config *c, const struct strings *domains,
                  const struct strings *hosts, const struct strings *addresses,
                  struct zonebook *now, struct strings *notes)
{
	struct gathering g = { .book = out, .config = c, .notes = notes };
	struct error err = { 0 };

	g.has_key = c->dns.key_file && dns_key_load(c->dns.key_file, &g.key, &err) == 0;
	if (dns_resolvers(&g.resolvers, (const char *const *)c->resolvers, c->resolvers_count,
	                  &err) < 0)
		strings_addf(notes, "DNS: %s", err.text);
	for (size_t i = 0; i < domains->n; i++)
		take_domain(&g, domains->rows[i]);
	for (size_t i = 0; i < hosts->n; i++)
		take_host(&g, hosts->rows[i]);
	for (unsigned i = 0; i < c->dns.records_count; i++)
		take_host(&g, c->dns.records[i].name);
	for (size_t i = 0; i < addresses->n; i++) {
		AUTO_FREE char *reverse = internet_reverse_name(addresses->rows[i]);

		if (reverse)
			ask(&g, reverse, PTR);
	}
	zonebook_copy(now, out);
	complete(now, c);
	take_plan(&g);
	dns_servers_fini(&g.resolvers);
	strings_fini(&g.whole);
	if (g.has_key)
		dns_key_fini(&g.key);
}
