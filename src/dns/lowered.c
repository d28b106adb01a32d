/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/lowered.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dns/edits.h"
#include "state/evidence.h"
#include "state/zones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND "lower-ttl"
#define FACT_LAST "dns.waived_last"
#define FACT_REASON "dns.waived_reason"

/* All servers that the world asks, and the primary, which may be hidden. */
static int find_servers(const struct config *c, const char *name, struct dns_servers *out,
                        struct error *err)
{
	AUTO_SERVERS struct dns_servers resolvers = { 0 };
	AUTO_ZONE struct dns_zone zone = { 0 };

	if (dns_resolvers(&resolvers, (const char *const *)c->resolvers, c->resolvers_count, err) <
	            0 ||
	    dns_find_zone(&resolvers, name, &zone, err) < 0)
		return -1;
	if (c->dns.server)
		dns_servers_add(out, "primary", c->dns.server, c->dns.port ? c->dns.port : 53);
	for (size_t i = 0; i < zone.servers.n; i++)
		dns_servers_add(out, zone.servers.rows[i].name, zone.servers.rows[i].address,
		                zone.servers.rows[i].port);
	return 0;
}

/* Whether this server still says what was to go. */
static bool is_behind(const struct dns_edit *e, const struct dns_set *now,
                      const struct dns_server *server, char where[160])
{
	for (size_t i = 0; i < e->before.data.n; i++) {
		const char *data = e->before.data.rows[i];

		if (strings_has(&e->after.data, data) || !strings_has(&now->data, data))
			continue;
		snprintf(where, 160, "%.40s still gives %.40s for %.60s", server->address, data,
		         e->after.name);
		return true;
	}
	if (!dns_set_same_data(&e->before, &e->after) || !now->data.n || now->ttl <= e->after.ttl)
		return false;
	snprintf(where, 160, "%.40s still gives TTL %u for %.80s", server->address, now->ttl,
	         e->after.name);
	return true;
}

/* A server that does not answer may come back with the old zone, so it stands in the way. */
static int is_done(const struct config *c, const struct dns_edit *e, bool *done, char where[160],
                   struct error *err)
{
	AUTO_SERVERS struct dns_servers servers = { 0 };

	*done = true;
	if (find_servers(c, e->after.name, &servers, err) < 0)
		return -1;
	for (size_t i = 0; i < servers.n && *done; i++) {
		const struct dns_server *server = &servers.rows[i];
		AUTO_SET struct dns_set now = { 0 };
		struct error why = { 0 };

		if (dns_read_set(server, e->after.name, e->after.type, &now, &why) < 0) {
			if (why.sys_errno == ENETUNREACH || why.sys_errno == EADDRNOTAVAIL)
				continue; /* no way there from here */
			snprintf(where, 160, "%.150s", why.text);
			*done = false;
		} else {
			*done = !is_behind(e, &now, server, where);
		}
	}
	return 0;
}

/* Of a change that leads names elsewhere only addresses count: what else was changed with them, ahead,
 * keeps nobody at the old host. */
static uint32_t longest(const struct dns_edits *e, bool addresses)
{
	uint32_t ttl = 0;

	for (size_t i = 0; i < e->n; i++) {
		const struct dns_set *before = &e->rows[i].before;

		if (addresses && before->type != DNS_A && before->type != DNS_AAAA)
			continue;
		ttl = before->ttl > ttl ? before->ttl : ttl;
	}
	return ttl;
}

static int look_everywhere(const struct config *c, struct state *s, const struct dns_edits *edits,
                           struct zone_change *change, char where[160], struct error *err)
{
	bool done = true;
	int64_t now_ms;

	for (size_t i = 0; i < edits->n && done; i++)
		if (is_done(c, &edits->rows[i], &done, where, err) < 0)
			return -1;
	if (!done)
		return 0;
	now_ms = clock_wall_ms();
	/* made by hand, perhaps: then nobody has said so yet */
	if (zone_change_mark(s, change->id, ZONE_DONE, now_ms, err) < 0 ||
	    zone_change_mark(s, change->id, ZONE_SEEN, now_ms, err) < 0)
		return -1;
	change->seen_ms = now_ms;
	return 0;
}

static int look(const struct config *c, struct state *s, const char *kind, struct dns_lowered *out,
                struct error *err)
{
	AUTO_ZONE_CHANGES struct zone_changes all = { 0 };

	*out = (struct dns_lowered){ .everywhere = true };
	if (zone_changes_load(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct zone_change *change = &all.rows[i];
		AUTO_EDITS struct dns_edits edits = { 0 };
		int64_t until;
		uint32_t ttl;

		if (strcmp(change->kind, kind) != 0 || change->undone_ms)
			continue;
		if (dns_edits_read_json(change->edits, &edits, err) < 0)
			return -1;
		out->changes++;
		out->last_id = change->id;
		ttl = longest(&edits, strcmp(kind, DNS_KIND_AWAY) == 0);
		out->old_ttl = ttl > out->old_ttl ? ttl : out->old_ttl;
		if (!change->seen_ms && c &&
		    look_everywhere(c, s, &edits, change, out->where, err) < 0)
			return -1;
		out->everywhere &= change->seen_ms != 0;
		until = change->seen_ms + (int64_t)ttl * 1000;
		if (change->seen_ms && until > out->until_ms)
			out->until_ms = until;
	}
	if (!out->everywhere)
		out->until_ms = 0;
	return 0;
}

int dns_lowered_look(const struct config *c, struct state *s, struct dns_lowered *out,
                     struct error *err)
{
	return look(c, s, KIND, out, err);
}

int dns_away_look(const struct config *c, struct state *s, struct dns_lowered *out,
                  struct error *err)
{
	return look(c, s, DNS_KIND_AWAY, out, err);
}

int dns_lowered_read(struct state *s, struct dns_lowered *out, struct error *err)
{
	return look(NULL, s, KIND, out, err);
}

static bool has_address(const struct dns_set *after, const char *address)
{
	AUTO_FREE char *data = NULL;
	struct error ignored;

	return address &&
	       dns_data_canonical(strchr(address, ':') ? DNS_AAAA : DNS_A, address, &data,
	                          &ignored) == 0 &&
	       strings_has(&after->data, data);
}

static bool leads_elsewhere(const struct config *c, const struct dns_set *after)
{
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];

		if (span_is_nocase(span_of(after->name), r->name) &&
		    (has_address(after, r->new_address) || has_address(after, r->closed_address)))
			return true;
	}
	return false;
}

int dns_turned_read(const struct config *c, struct state *s, int64_t *at_ms, uint32_t *old_ttl,
                    struct error *err)
{
	AUTO_ZONE_CHANGES struct zone_changes all = { 0 };

	*at_ms = 0;
	*old_ttl = 0;
	if (zone_changes_load(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct zone_change *change = &all.rows[i];
		AUTO_EDITS struct dns_edits edits = { 0 };

		if ((strcmp(change->kind, "apply") != 0 &&
		     strcmp(change->kind, DNS_KIND_AWAY) != 0 &&
		     strcmp(change->kind, DNS_KIND_SWITCH) != 0) ||
		    !change->done_ms || change->undone_ms)
			continue;
		if (dns_edits_read_json(change->edits, &edits, err) < 0)
			return -1;
		for (size_t k = 0; k < edits.n; k++) {
			if (!leads_elsewhere(c, &edits.rows[k].after))
				continue;
			*at_ms = change->done_ms;
			*old_ttl = longest(&edits, true);
		}
	}
	return 0;
}

int dns_waive(struct state *s, const struct dns_lowered *l, const char *reason, struct error *err)
{
	char when[32];
	AUTO_FREE char *sentence = xasprintf(
		"a person switches before the old TTL of %u s has run out (%s): %s", l->old_ttl,
		l->everywhere ? clock_text(when, l->until_ms) : "not lowered everywhere", reason);

	if (state_put(s, FACT_REASON, reason, err) < 0 ||
	    state_put_i64(s, FACT_LAST, l->last_id, err) < 0)
		return -1;
	return evidence_put(s, "dns", sentence, NULL, err);
}

int dns_waived(struct state *s, const struct dns_lowered *l, char **reason, struct error *err)
{
	int64_t last_id;

	*reason = NULL;
	if (state_get_i64(s, FACT_LAST, 0, &last_id, err) < 0)
		return -1;
	if (last_id != l->last_id || !last_id)
		return 0;
	return state_get(s, FACT_REASON, reason, err);
}
