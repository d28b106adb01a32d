/* SPDX-License-Identifier: BSD-2-Clause */

/* switch -- turns the world to the new host, and back: by DNS, by address, by a person. */

#include "move/move.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dns/apply.h"
#include "dns/lowered.h"
#include "dns/update.h"
#include "fence/fence.h"
#include "move/gate.h"
#include "move/interface.h"
#include "move/ports.h"
#include "state/evidence.h"

#include <errno.h>
#include <string.h>

#define LOOK_EVERY_MS 500

/* Where a name leads when the switch begins: a first step may have led it to its closed address. */
static const char *origin(const struct config_record *r)
{
	return r->closed_address ? r->closed_address : r->old_address;
}

/* ── by dynamic update ───────────────────────────────────────────────────────────────────────── */

static int update_records(struct move *m, bool back, struct error *err)
{
	const struct config_dns *dns = &m->config->dns;

	for (unsigned i = 0; i < dns->records_count; i++) {
		const struct config_record *r = &dns->records[i];
		struct dns_change change = {
			.name = r->name,
			.zone = r->zone,
			.from = back ? r->new_address : origin(r),
			.to = back ? origin(r) : r->new_address,
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

/* ── by the command of move.yaml ─────────────────────────────────────────────────────────────── */

static int waits(struct move *m, struct error *err)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
	          "%s has ended well, and the name server does not show the change yet",
	          m->config->dns.command[0]);
	return error_hint(err, "give the same command again; `mailhaul dns diff` shows what lacks");
}

/* The change that the switch has made, taken back as `mailhaul dns undo` would, so that this has nothing
 * left to take back. *found false: there is none. */
static int take_back(struct move *m, bool *found, struct error *err)
{
	AUTO_EDITS struct dns_edits edits = { 0 };
	enum dns_apply_end end;
	int64_t id;

	if (dns_undo_find(m->state, DNS_KIND_SWITCH, &id, &edits, err) < 0)
		return -1;
	*found = id != 0;
	if (!id)
		return 0;
	if (dns_undo(m->config, m->state, id, &edits, DNS_BY_COMMAND, &end, err) < 0)
		return -1;
	return end == DNS_APPLY_DONE ? 0 : waits(m, err);
}

/* What is so already is not asked for again, so this may be repeated, either way. */
static int command_records(struct move *m, bool back, struct error *err)
{
	unsigned n = m->config->dns.records_count;
	AUTO_FREE struct config_record *records = xcalloc(n + 1, sizeof *records);
	AUTO_EDITS struct dns_edits edits = { 0 };
	struct config config = *m->config;
	enum dns_apply_end end;
	bool found = false;

	if (back && take_back(m, &found, err) < 0)
		return -1;
	if (found)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		records[i] = m->config->dns.records[i];
		if (back) {
			const char *to = origin(&records[i]);

			records[i].old_address = m->config->dns.records[i].new_address;
			records[i].new_address = (char *)(uintptr_t)to;
			records[i].closed_address = NULL;
		}
	}
	config.dns.records = records;
	if (dns_edits_plan(&config, DNS_PART_SWITCH, &edits, err) < 0)
		return -1;
	if (!edits.n)
		return 0;
	if (dns_apply(&config, m->state, DNS_KIND_SWITCH, &edits, DNS_BY_COMMAND, &end, err) < 0)
		return -1;
	for (size_t i = 0; i < edits.n; i++)
		move_say(m, "%s: changed by %s", edits.rows[i].after.name, config.dns.command[0]);
	return end == DNS_APPLY_DONE ? 0 : waits(m, err);
}

static int change_records(struct move *m, bool back, struct error *err)
{
	return m->config->dns.command_count ? command_records(m, back, err)
	                                    : update_records(m, back, err);
}

/* ── by address ──────────────────────────────────────────────────────────────────────────────── */

static char *routes_name(struct host *h, const char *address)
{
	return xasprintf("routes.%s.%s", host_name(h), address);
}

/* On record before the address goes. Of one that has gone already, what is there stays. */
static int keep_routes(struct move *m, struct host *h, const char *address, struct error *err)
{
	AUTO_FREE char *name = routes_name(h, address);
	AUTO_BUF struct buf lines = { 0 };

	if (interface_routes(h, address, &lines, err) < 0)
		return -1;
	return lines.n ? state_put(m->state, name, buf_text(&lines), err) : 0;
}

/* Those that it had when the address went from here; none where it never was. */
static int put_routes(struct move *m, struct host *h, const char *address, struct error *err)
{
	AUTO_FREE char *name = routes_name(h, address);
	AUTO_FREE char *lines = NULL;

	if (state_get(m->state, name, &lines, err) < 0)
		return -1;
	return lines ? interface_put_routes(h, span_of(lines), err) : 0;
}

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
	if (keep_routes(m, from, address, err) < 0 ||
	    interface_drop(from, address, prefix, from_interface, err) < 0 ||
	    interface_add(to, address, prefix, to_interface, &interface, err) < 0 ||
	    put_routes(m, to, address, err) < 0)
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
	size_t told = 0;

	if (dns_resolvers(&resolvers, (const char *const *)m->config->resolvers,
	                  m->config->resolvers_count, err) < 0 ||
	    dns_find_zone(&resolvers, r->name, &zone, err) < 0)
		return -1;
	*out = true;
	for (size_t i = 0; i < zone.servers.n; i++) {
		AUTO_ADDRESSES struct dns_addresses found = { 0 };
		bool asked = dns_find_addresses(&zone.servers.rows[i], r->name, false, &found,
		                                err) == 0;

		if (!asked && (err->sys_errno == ENETUNREACH || err->sys_errno == EADDRNOTAVAIL))
			continue; /* no IPv6 here, say: it can't be asked, today or ever */
		if (!asked || !strings_has(&found.rows, want))
			*out = false;
		told += asked;
	}
	*out &= told > 0;
	return 0;
}

static int wait_for_person(struct move *m, bool back, struct error *err)
{
	const struct config_dns *dns = &m->config->dns;
	int64_t end = clock_monotonic_ms() + (int64_t)m->config->window.budget * 1000;
	struct error last = { 0 };

	for (unsigned i = 0; i < dns->records_count; i++)
		move_say(m, "NOW CHANGE: %s from %s to %s, TTL %u", dns->records[i].name,
		         back ? dns->records[i].new_address : origin(&dns->records[i]),
		         back ? origin(&dns->records[i]) : dns->records[i].new_address, dns->ttl);
	for (unsigned i = 0; i < dns->records_count;) {
		const struct config_record *r = &dns->records[i];
		bool done = false;

		/* a name server that is being restarted does not answer: look again */
		if (all_give(m, r, back ? origin(r) : r->new_address, &done, &last) == 0 && done) {
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

/* A session that is open at the gate would be cut when its address goes: new ones get no answer, which their
 * clients ask for again in a moment, on the new host; and those that are there may end. */
static int move_addresses_from_gate(struct move *m, struct error *err)
{
	const uint16_t door = m->config->gate.port;
	struct error ignored;

	if (fence_hush(m->old, &door, 1, err) < 0)
		return -1;
	if (gate_await_quiet(m, err) < 0 || move_addresses(m, m->old, m->new, err) < 0) {
		(void)!fence_open(m->old, &door, 1, &ignored);
		return -1;
	}
	return fence_open(m->old, &door, 1, err);
}

static bool has_gate(const struct move *m)
{
	return m->config->close == CONFIG_CLOSE_SPOOL || m->config->close == CONFIG_CLOSE_RELAY;
}

/* ── the step ────────────────────────────────────────────────────────────────────────────────── */

int step_switch(struct move *m, struct error *err)
{
	/* from now on senders come to the new doors, which open in a moment: nobody is refused there; a
	 * gate that relays waits as they do. With close: spool they have been hushed all along. */
	if (m->config->close == CONFIG_CLOSE_RELAY &&
	    fence_hush(m->new, ports_smtp, ROWS(ports_smtp), err) < 0)
		return -1;
	switch (m->config->switch_by) {
	case CONFIG_SWITCH_DNS:
		if (change_records(m, false, err) < 0)
			return -1;
		break;
	case CONFIG_SWITCH_ADDRESS:
		if ((has_gate(m) ? move_addresses_from_gate(m, err)
		                 : move_addresses(m, m->old, m->new, err)) < 0)
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
		return change_records(m, true, err);
	case CONFIG_SWITCH_ADDRESS:
		return move_addresses(m, m->new, m->old, err);
	case CONFIG_SWITCH_MANUAL:
		return wait_for_person(m, true, err);
	}
	return 0;
}
