/* SPDX-License-Identifier: BSD-2-Clause */

/* switch -- turns the world to the new host, and back: by DNS, by address, by a person. */

#include "move/move.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dns/update.h"
#include "move/interface.h"
#include "state/evidence.h"

#include <errno.h>
#include <string.h>

#define LOOK_EVERY_MS 500

/* ── by dynamic update ───────────────────────────────────────────────────────────────────────── */

static int update_records(struct move *m, bool back, struct error *err)
{
	const struct config_dns *dns = &m->config->dns;

	for (unsigned i = 0; i < dns->records_count; i++) {
		const struct config_record *r = &dns->records[i];
		struct dns_change change = {
			.name = r->name,
			.zone = r->zone,
			.from = back ? r->new_address : r->old_address,
			.to = back ? r->old_address : r->new_address,
			.ttl = dns->ttl,
		};
		enum dns_change_result result;

		if (dns_replace_address(dns, &change, &result, err) < 0)
			return error_context(err, "%s", r->name);
		move_say(m, "%s: %s -> %s%s", r->name, change.from, change.to,
		         result == DNS_CHANGED_BEFORE ? " (was done before)" : "");
	}
	return 0;
}

/* ── by address ──────────────────────────────────────────────────────────────────────────────── */

static int move_address(struct move *m, const char *text, struct host *from, struct host *to,
                        struct error *err)
{
	const struct config_address *a = &m->config->address;
	const char *from_interface = from == m->old ? a->old_interface : a->new_interface;
	const char *to_interface = to == m->old ? a->old_interface : a->new_interface;
	AUTO_FREE char *address = NULL, *interface = NULL;
	unsigned prefix;

	if (!config_split_address(text, &address, &prefix))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "bad address %s",
		                 text);
	/* taken off first: two hosts that answer for one address are worse than none */
	if (interface_drop(from, address, prefix, from_interface, err) < 0 ||
	    interface_add(to, address, prefix, to_interface, &interface, err) < 0)
		return -1;
	if (host_announce(to, interface, address, err) < 0)
		return -1;
	move_say(m, "%s is at %s of the %s host now", address, interface, host_name(to));
	return 0;
}

static int move_addresses(struct move *m, struct host *from, struct host *to, struct error *err)
{
	for (unsigned i = 0; i < m->config->address.addresses_count; i++)
		if (move_address(m, m->config->address.addresses[i], from, to, err) < 0)
			return -1;
	return 0;
}

/* ── by a person ─────────────────────────────────────────────────────────────────────────────── */

/* Whether the zone's own servers all give `want` for the name. */
static int all_give(struct move *m, const struct config_record *r, const char *want, bool *out,
                    struct error *err)
{
	__attribute__((cleanup(dns_servers_fini))) struct dns_servers resolvers = { 0 };
	AUTO_ZONE struct dns_zone zone = { 0 };

	if (dns_resolvers(&resolvers, (const char *const *)m->config->resolvers,
	                  m->config->resolvers_count, err) < 0 ||
	    dns_find_zone(&resolvers, r->name, &zone, err) < 0)
		return -1;
	*out = zone.servers.n > 0;
	for (size_t i = 0; i < zone.servers.n; i++) {
		AUTO_ADDRESSES struct dns_addresses found = { 0 };

		if (dns_find_addresses(&zone.servers.rows[i], r->name, false, &found, err) < 0 ||
		    !strings_has(&found.rows, want))
			*out = false;
	}
	return 0;
}

static int wait_for_person(struct move *m, bool back, struct error *err)
{
	const struct config_dns *dns = &m->config->dns;
	int64_t end = clock_monotonic_ms() + (int64_t)m->config->window.budget * 1000;
	struct error last = { 0 };

	for (unsigned i = 0; i < dns->records_count; i++)
		move_say(m, "NOW CHANGE: %s from %s to %s, TTL %u", dns->records[i].name,
		         back ? dns->records[i].new_address : dns->records[i].old_address,
		         back ? dns->records[i].old_address : dns->records[i].new_address,
		         dns->ttl);
	for (unsigned i = 0; i < dns->records_count;) {
		const struct config_record *r = &dns->records[i];
		bool done = false;

		/* a name server that is being restarted does not answer: look again */
		if (all_give(m, r, back ? r->old_address : r->new_address, &done, &last) == 0 &&
		    done) {
			i++;
			continue;
		}
		if (clock_monotonic_ms() >= end) {
			error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			          "%s has not been changed on all its name servers%s%s", r->name,
			          last.text[0] ? ": " : "", last.text);
			return error_hint(err, "change it, then give the same command again");
		}
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	return 0;
}

/* ── the step ────────────────────────────────────────────────────────────────────────────────── */

int step_switch(struct move *m, struct error *err)
{
	switch (m->config->switch_by) {
	case CONFIG_SWITCH_DNS:
		if (update_records(m, false, err) < 0)
			return -1;
		break;
	case CONFIG_SWITCH_ADDRESS:
		if (move_addresses(m, m->old, m->new, err) < 0)
			return -1;
		break;
	case CONFIG_SWITCH_MANUAL:
		if (wait_for_person(m, false, err) < 0)
			return -1;
		break;
	}
	return state_put_i64(m->state, "switch.at_ms", clock_wall_ms(), err);
}

int undo_switch(struct move *m, struct error *err)
{
	switch (m->config->switch_by) {
	case CONFIG_SWITCH_DNS:
		return update_records(m, true, err);
	case CONFIG_SWITCH_ADDRESS:
		return move_addresses(m, m->new, m->old, err);
	case CONFIG_SWITCH_MANUAL:
		return wait_for_person(m, true, err);
	}
	return 0;
}
