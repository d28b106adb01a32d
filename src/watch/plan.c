/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch/watch.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_DEFAULT_S 60

void watch_plan_fini(struct watch_plan *p)
{
	strings_fini(&p->domains);
	strings_fini(&p->hosts);
	strings_fini(&p->old_addresses);
	strings_fini(&p->new_addresses);
	strings_fini(&p->closed_addresses);
	strings_fini(&p->closed_hosts);
	dns_servers_fini(&p->resolvers);
	free(p->primary.address);
	*p = (struct watch_plan){ 0 };
}

static void add_once(struct strings *s, const char *text)
{
	if (!strings_has(s, text))
		strings_add(s, text);
}

/* In the one way of writing that answers are compared in. */
static void add_address(struct strings *s, const char *text)
{
	char out[INET6_ADDRSTRLEN];
	unsigned char octets[16];

	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		if (inet_pton(family, text, octets) == 1) {
			inet_ntop(family, octets, out, sizeof out);
			add_once(s, out);
		}
	}
}

/* The moving address stays the same in DNS: what points there is right already. */
static void take_moving_addresses(struct watch_plan *p, const struct config_address *a)
{
	for (unsigned i = 0; i < a->addresses_count; i++) {
		AUTO_FREE char *address = NULL;
		unsigned prefix;

		if (config_split_address(a->addresses[i], &address, &prefix))
			add_address(&p->new_addresses, address);
	}
}

static void take_records(struct watch_plan *p, const struct config_dns *dns, bool back)
{
	for (unsigned i = 0; i < dns->records_count; i++) {
		const struct config_record *r = &dns->records[i];

		add_once(&p->hosts, r->name);
		add_address(&p->old_addresses, back ? r->new_address : r->old_address);
		add_address(&p->new_addresses, back ? r->old_address : r->new_address);
		if (!r->closed_address)
			continue;
		add_once(&p->closed_hosts, r->name);
		add_address(&p->closed_addresses, r->closed_address);
	}
	if (dns->server) {
		p->primary.address = xstrdup(dns->server);
		p->primary.port = dns->port ? dns->port : 53;
	}
}

int watch_plan_make(struct watch_plan *out, const struct config *config,
                    const struct strings *domains, bool back, struct error *err)
{
	AUTO_WATCH_PLAN struct watch_plan p = { 0 };

	for (unsigned i = 0; i < config->domains_count; i++)
		add_once(&p.domains, config->domains[i]);
	for (size_t i = 0; domains && !config->domains_count && i < domains->n; i++)
		add_once(&p.domains, domains->rows[i]);
	take_records(&p, &config->dns, back);
	if (config->switch_by == CONFIG_SWITCH_ADDRESS)
		take_moving_addresses(&p, &config->address);
	if (!p.new_addresses.n) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "nothing says which address is old and which is new");
		return error_hint(err, "list the names that change under dns.records in %s",
		                  config->file ? config->file : "move.yaml");
	}
	if (dns_resolvers(&p.resolvers, (const char *const *)config->resolvers,
	                  config->resolvers_count, err) < 0)
		return -1;
	p.interval_s = config->watch_interval ? config->watch_interval : INTERVAL_DEFAULT_S;
	watch_plan_fini(out);
	*out = p;
	p = (struct watch_plan){ 0 };
	return 0;
}
