/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/apply.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "dns/packet.h"
#include "dns/update.h"
#include "state/evidence.h"
#include "state/zones.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_NONE ((ldns_rr_class)254)
#define COMMAND_MS 120000
#define SEEN_TRIES 30 /* a provider's server may take a moment */
#define SEEN_EVERY_MS 500
#define TRIES 3

static const char *const words[] = {
	[DNS_BY_UPDATE] = "update",
	[DNS_BY_COMMAND] = "command",
	[DNS_BY_HAND] = "hand",
};

enum dns_by dns_by_default(const struct config *c)
{
	if (c->dns.command_count)
		return DNS_BY_COMMAND;
	return c->dns.server && c->dns.key_file ? DNS_BY_UPDATE : DNS_BY_HAND;
}

bool dns_by_parse(const char *word, enum dns_by *out)
{
	for (size_t i = 0; i < ROWS(words); i++)
		if (!strcmp(words[i], word)) {
			*out = (enum dns_by)i;
			return true;
		}
	return false;
}

/* ── what is so already ──────────────────────────────────────────────────────────────────────── */

enum standing { IS_BEFORE, IS_AFTER };

/* A provider's panel may not offer every TTL: by hand, other records will do. */
static bool is_so(const struct dns_set *now, const struct dns_set *want, const struct dns_edit *e,
                  enum dns_by by)
{
	if (by == DNS_BY_HAND && !dns_set_same_data(&e->before, &e->after))
		return dns_set_same_data(now, want);
	return dns_set_equal(now, want);
}

static int look(const struct config *c, const struct dns_edit *e, enum dns_by by,
                enum standing *out, struct error *err)
{
	AUTO_SERVERS struct dns_servers servers = { 0 };
	AUTO_SET struct dns_set now = { 0 };
	AUTO_BUF struct buf said = { 0 };
	char type[16];
	size_t i = 0;

	if (dns_edits_server(c, e->before.name, &servers, err) < 0)
		return -1;
	while (dns_read_set(&servers.rows[i], e->before.name, e->before.type, &now, err) < 0)
		if (++i == servers.n)
			return -1;
	*out = is_so(&now, &e->after, e, by) ? IS_AFTER : IS_BEFORE;
	if (*out == IS_AFTER || is_so(&now, &e->before, e, by))
		return 0;
	for (i = 0; i < now.data.n; i++)
		buf_addf(&said, "%s%s", i ? ", " : "", now.data.rows[i]);
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "%s %s is neither as it was before the change nor as it is after it: TTL %u, %s",
	          e->before.name, dns_type_text(type, e->before.type), now.ttl,
	          said.n ? buf_text(&said) : "no record");
	return error_hint(err, "somebody else has changed it; nothing of this zone was sent");
}

/* Whether all are as they shall be. */
static int all_after(const struct config *c, const struct dns_edits *e, enum dns_by by, bool *out,
                     struct error *err)
{
	*out = true;
	for (size_t i = 0; i < e->n; i++) {
		enum standing standing;

		if (look(c, &e->rows[i], by, &standing, err) < 0)
			return -1;
		*out &= standing == IS_AFTER;
	}
	return 0;
}

/* ── by update ───────────────────────────────────────────────────────────────────────────────── */

static ldns_rr *bare(const struct dns_set *s, ldns_rr_class class)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(s->name);
	ldns_rr *rr = ldns_rr_new();

	if (!owner || !rr)
		abort(); /* it has been asked for before */
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, (ldns_rr_type)s->type);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, 0);
	return rr;
}

static int push(ldns_rr_list *to, const struct dns_set *s, uint32_t ttl, struct error *err)
{
	char type[16];

	for (size_t i = 0; i < s->data.n; i++) {
		AUTO_FREE char *line = xasprintf("%s. %u IN %s %s", s->name, ttl,
		                                 dns_type_text(type, s->type), s->data.rows[i]);
		ldns_rr *rr = NULL;

		if (ldns_rr_new_frm_str(&rr, line, ttl, NULL, NULL) != LDNS_STATUS_OK)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "\"%s\" can't be written into an update", line);
		ldns_rr_set_ttl(rr, ttl);
		ldns_rr_list_push_rr(to, rr);
	}
	return 0;
}

/* RFC 2136 sections 2.4.2 (the whole set as it is), 2.4.3 (there is none), 2.5.2, 2.5.1. */
static int push_edit(ldns_rr_list *known, ldns_rr_list *changes, const struct dns_edit *e,
                     struct error *err)
{
	if (!e->before.data.n)
		ldns_rr_list_push_rr(known, bare(&e->before, CLASS_NONE));
	else
		ldns_rr_list_push_rr(changes, bare(&e->before, LDNS_RR_CLASS_ANY));
	if (push(known, &e->before, 0, err) < 0)
		return -1;
	return push(changes, &e->after, e->after.ttl, err);
}

static int build(const char *zone, ldns_rr_list *known, ldns_rr_list *changes, struct buf *out,
                 struct error *err)
{
	ldns_rdf *name = ldns_dname_new_frm_str(zone);
	ldns_pkt *packet = NULL;

	if (name)
		packet = ldns_update_pkt_new(name, LDNS_RR_CLASS_IN, known, changes, NULL);
	return dns_packet_add(packet, out)
	               ? 0
	               : error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                           "no update can be made for zone \"%s\"", zone);
}

/* One message a zone: all of it or nothing. 1: done or nothing to do; 0: it was changed meanwhile. */
static int update_zone(const struct config *c, const struct dns_updater *u, const char *zone,
                       const struct dns_edits *e, struct error *err)
{
	ldns_rr_list *known = ldns_rr_list_new(), *changes = ldns_rr_list_new();
	AUTO_BUF struct buf query = { 0 };
	int result = 0;

	for (size_t i = 0; i < e->n && result == 0; i++) {
		enum standing standing;

		if (strcmp(e->rows[i].zone, zone) != 0)
			continue;
		result = look(c, &e->rows[i], DNS_BY_UPDATE, &standing, err);
		if (result == 0 && standing == IS_BEFORE)
			result = push_edit(known, changes, &e->rows[i], err);
	}
	if (result == 0 && ldns_rr_list_rr_count(changes) == 0)
		result = 1;
	else if (result == 0)
		result = build(zone, known, changes, &query, err);
	ldns_rr_list_deep_free(known);
	ldns_rr_list_deep_free(changes);
	return result ? result : dns_update_send(u, &query, err);
}

static int by_update(const struct config *c, const struct dns_edits *e, struct error *err)
{
	AUTO_KEY struct dns_key key = { 0 };
	struct dns_updater u = {
		.server = { .address = c->dns.server, .port = c->dns.port ? c->dns.port : 53 },
		.key = c->dns.key_file ? &key : NULL,
		.key_file = c->dns.key_file,
	};

	if (!c->dns.server)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "move.yaml names no dns.server to update");
	if (c->dns.key_file && dns_key_load(c->dns.key_file, &key, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n; i++) {
		int done = 0;

		/* a zone that has been done is as it shall be, and nothing is sent again */
		for (int k = 0; k < TRIES && done == 0; k++)
			done = update_zone(c, &u, e->rows[i].zone, e, err);
		if (done < 0)
			return error_context(err, "zone %s", e->rows[i].zone);
		if (done == 0)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
			                 "zone %s is being changed by somebody else at this moment",
			                 e->rows[i].zone);
	}
	return 0;
}

/* ── by command ──────────────────────────────────────────────────────────────────────────────── */

static int by_command(const struct config *c, const struct dns_edits *e, struct error *err)
{
	AUTO_FREE const char **argv = xcalloc(c->dns.command_count + 1, sizeof *argv);
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	AUTO_BUF struct buf input = { 0 };
	bool done;

	if (!c->dns.command_count)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "move.yaml names no dns.command");
	if (all_after(c, e, DNS_BY_COMMAND, &done, err) < 0)
		return -1;
	if (done)
		return 0;
	for (unsigned i = 0; i < c->dns.command_count; i++)
		argv[i] = c->dns.command[i];
	dns_edits_add_json(&input, e);
	buf_add_char(&input, '\n');
	if (process_run(argv,
	                &(struct process_options){ .input = buf_span(&input),
	                                           .timeout_ms = COMMAND_MS },
	                &r, err) < 0 ||
	    process_expect_good(argv, &r, err) < 0)
		return error_context(err, "dns.command");
	return 0;
}

/* ── all of it ───────────────────────────────────────────────────────────────────────────────── */

static int carry_out(const struct config *c, const struct dns_edits *e, enum dns_by by,
                     enum dns_apply_end *end, struct error *err)
{
	bool done = false;

	if (by == DNS_BY_UPDATE && by_update(c, e, err) < 0)
		return -1;
	if (by == DNS_BY_COMMAND && by_command(c, e, err) < 0)
		return -1;
	for (int i = 0; i < SEEN_TRIES; i++) {
		if (all_after(c, e, by, &done, err) < 0)
			return -1;
		if (done || by == DNS_BY_HAND)
			break;
		clock_sleep_ms(SEEN_EVERY_MS);
	}
	*end = done ? DNS_APPLY_DONE : DNS_APPLY_WAITS;
	return 0;
}

static int note(struct state *s, const char *what, const struct dns_edits *e, enum dns_by by,
                const char *json, struct error *err)
{
	AUTO_FREE char *sentence = xasprintf("%s: %zu records, by %s", what,
	                                     dns_edits_count(e, NULL), words[by]);

	return evidence_put(s, "dns", sentence, json, err);
}

static int finish(const struct config *c, struct state *s, int64_t id, const char *kind,
                  const struct dns_edits *e, enum dns_by by, enum dns_apply_end *end,
                  struct error *err)
{
	AUTO_BUF struct buf json = { 0 };

	if (carry_out(c, e, by, end, err) < 0)
		return -1;
	if (*end != DNS_APPLY_DONE)
		return 0;
	dns_edits_add_json(&json, e);
	if (zone_change_mark(s, id, ZONE_DONE, clock_wall_ms(), err) < 0)
		return -1;
	return note(s, kind, e, by, buf_text(&json), err);
}

int dns_apply(const struct config *c, struct state *s, const char *kind,
              const struct dns_edits *edits, enum dns_by by, enum dns_apply_end *end,
              struct error *err)
{
	AUTO_BUF struct buf json = { 0 };
	int64_t id;

	dns_edits_add_json(&json, edits);
	if (zone_change_begin(s, kind, buf_text(&json), &id, err) < 0)
		return -1;
	return finish(c, s, id, kind, edits, by, end, err);
}

int dns_apply_resume(const struct config *c, struct state *s, const char *kind, enum dns_by by,
                     bool *found, struct dns_edits *edits, enum dns_apply_end *end,
                     struct error *err)
{
	AUTO_ZONE_CHANGES struct zone_changes all = { 0 };
	const struct zone_change *last = NULL;

	if (zone_changes_load(s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (!strcmp(all.rows[i].kind, kind))
			last = &all.rows[i];
	*found = last && !last->done_ms && !last->undo_begun_ms;
	if (!*found)
		return 0;
	if (dns_edits_read_json(last->edits, edits, err) < 0)
		return -1;
	return finish(c, s, last->id, kind, edits, by, end, err);
}

int dns_undo_find(struct state *s, const char *kind, int64_t *id, struct dns_edits *edits,
                  struct error *err)
{
	AUTO_ZONE_CHANGES struct zone_changes all = { 0 };

	*id = 0;
	if (zone_changes_load(s, &all, err) < 0)
		return -1;
	for (size_t i = all.n; i-- > 0;) {
		if (all.rows[i].undone_ms || (kind && strcmp(all.rows[i].kind, kind) != 0))
			continue;
		if (dns_edits_read_json(all.rows[i].edits, edits, err) < 0)
			return -1;
		dns_edits_reverse(edits);
		*id = all.rows[i].id;
		return 0;
	}
	return 0;
}

int dns_undo(const struct config *c, struct state *s, int64_t id, const struct dns_edits *edits,
             enum dns_by by, enum dns_apply_end *end, struct error *err)
{
	if (zone_change_mark(s, id, ZONE_UNDO_BEGUN, clock_wall_ms(), err) < 0 ||
	    carry_out(c, edits, by, end, err) < 0)
		return -1;
	if (*end != DNS_APPLY_DONE)
		return 0;
	if (zone_change_mark(s, id, ZONE_UNDONE, clock_wall_ms(), err) < 0)
		return -1;
	return note(s, "undo", edits, by, NULL, err);
}
