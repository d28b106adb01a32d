/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/edits.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_ZONE 10u /* records; of less, any share is large */
#define LEFT_MAX 50u

void dns_edits_fini(struct dns_edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->rows[i].zone);
		dns_set_fini(&e->rows[i].before);
		dns_set_fini(&e->rows[i].after);
	}
	free(e->rows);
	for (size_t i = 0; i < e->zones_n; i++) {
		free(e->zones[i].name);
		free(e->zones[i].why);
	}
	free(e->zones);
	strings_fini(&e->left);
	*e = (struct dns_edits){ 0 };
}

/* ── making them ─────────────────────────────────────────────────────────────────────────────── */

int dns_edits_server(const struct config *c, const char *name, struct dns_servers *out,
                     struct error *err)
{
	AUTO_SERVERS struct dns_servers resolvers = { 0 };
	AUTO_ZONE struct dns_zone zone = { 0 };

	dns_servers_fini(out);
	if (c->dns.server) {
		dns_servers_add(out, "primary", c->dns.server, c->dns.port ? c->dns.port : 53);
		return 0;
	}
	if (dns_resolvers(&resolvers, (const char *const *)c->resolvers, c->resolvers_count, err) <
	            0 ||
	    dns_find_zone(&resolvers, name, &zone, err) < 0)
		return -1;
	*out = zone.servers;
	zone.servers = (struct dns_servers){ 0 };
	return 0;
}

/* Asks one server after the other until one says. */
static int read_now(const struct dns_servers *servers, const char *name, unsigned type,
                    struct dns_set *out, char **zone, struct error *err)
{
	for (size_t i = 0; i < servers->n; i++) {
		if (dns_read_set(&servers->rows[i], name, type, out, err) < 0)
			continue;
		if (!zone || dns_read_zone_name(&servers->rows[i], name, zone, err) == 0)
			return 0;
	}
	return -1;
}

/* The edit of this set; made, as one that changes nothing, when there is none yet. */
static struct dns_edit *edit_of(const struct config *c, struct dns_edits *e, const char *name,
                                const char *zone, unsigned type, struct error *err)
{
	AUTO_SERVERS struct dns_servers servers = { 0 };
	struct dns_edit made = { 0 };

	for (size_t i = 0; i < e->n; i++)
		if (e->rows[i].before.type == type &&
		    span_is_nocase(span_of(e->rows[i].before.name), name))
			return &e->rows[i];
	if (dns_edits_server(c, name, &servers, err) < 0 ||
	    read_now(&servers, name, type, &made.before, zone ? NULL : &made.zone, err) < 0) {
		dns_set_fini(&made.before);
		error_context(err, "%s", name);
		return NULL;
	}
	if (zone)
		made.zone = xstrdup(zone);
	dns_set_copy(&made.after, &made.before);
	ARRAY_GROW(e->rows, e->n, e->room);
	e->rows[e->n] = made;
	return &e->rows[e->n++];
}

static void drop(struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->rows[i], text)) {
			free(s->rows[i]);
			s->rows[i] = s->rows[--s->n];
			break;
		}
	strings_sort(s);
}

/* `from` or `to` NULL: nothing there. */
static int replace(struct dns_edit *e, const char *from, const char *to, uint32_t ttl,
                   struct error *err)
{
	char type[16];
	bool has_from = from && strings_has(&e->after.data, from);
	bool has_to = to && strings_has(&e->after.data, to);

	if (!has_from && (to ? has_to : true))
		return 0; /* done before */
	if (from && !has_from) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "%s has neither the old %s %s nor the new one", e->after.name,
		          dns_type_text(type, e->after.type), from);
		return error_hint(err, "somebody has changed it: look at the zone, and at old and "
		                       "new under dns in move.yaml");
	}
	if (has_from)
		drop(&e->after.data, from);
	if (to && !has_to)
		strings_add(&e->after.data, to);
	strings_sort(&e->after.data);
	e->after.ttl = e->after.data.n ? ttl : 0;
	return 0;
}

static unsigned type_of(const struct config_record *r)
{
	return strchr(r->old_address, ':') ? DNS_AAAA : DNS_A;
}

/* The addresses of a record as sets have them. */
struct places {
	char *old, *closed, *new; /* owned; closed NULL: one step */
};

static void places_fini(struct places *p)
{
	free(p->old);
	free(p->closed);
	free(p->new);
}

static int read_places(const struct config_record *r, struct places *p, struct error *err)
{
	unsigned type = type_of(r);

	if (dns_data_canonical(type, r->old_address, &p->old, err) < 0 ||
	    dns_data_canonical(type, r->new_address, &p->new, err) < 0)
		return -1;
	return r->closed_address ? dns_data_canonical(type, r->closed_address, &p->closed, err) : 0;
}

static int plan_away(const struct config *c, const struct places *p, struct dns_edit *e,
                     struct error *err)
{
	if (strings_has(&e->after.data, p->new) && !strings_has(&e->after.data, p->old))
		return 0; /* both steps are made */
	return replace(e, p->old, p->closed, c->dns.ttl, err);
}

static int plan_switch(const struct config *c, const struct places *p, struct dns_edit *e,
                       struct error *err)
{
	if (!p->closed || !strings_has(&e->after.data, p->old))
		return replace(e, p->closed ? p->closed : p->old, p->new, c->dns.ttl, err);
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "%s still leads to the old address %s: the first of its two steps comes first",
	          e->after.name, p->old);
	return error_hint(err, "`mailhaul dns apply --away`");
}

static int plan_record(const struct config *c, unsigned part, const struct config_record *r,
                       struct dns_edits *out, struct error *err)
{
	__attribute__((cleanup(places_fini))) struct places p = { 0 };
	struct dns_edit *e;

	if (!(part & DNS_PART_SWITCH) && !r->closed_address)
		return 0;
	if (read_places(r, &p, err) < 0)
		return -1;
	e = edit_of(c, out, r->name, r->zone, type_of(r), err);
	if (!e)
		return -1;
	return part & DNS_PART_AWAY ? plan_away(c, &p, e, err) : plan_switch(c, &p, e, err);
}

static int plan_change(const struct config *c, const struct config_change *change,
                       struct dns_edits *out, struct error *err)
{
	AUTO_FREE char *from = NULL, *to = NULL;
	unsigned type = dns_type_number(change->type);
	struct dns_edit *e;

	if (!type || type == DNS_SOA)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "dns.changes: \"%s\" is no type of a record that can be changed",
		                 change->type);
	if ((change->old_data && dns_data_canonical(type, change->old_data, &from, err) < 0) ||
	    (change->new_data && dns_data_canonical(type, change->new_data, &to, err) < 0))
		return error_context(err, "dns.changes: %s", change->name);
	e = edit_of(c, out, change->name, change->zone, type, err);
	if (!e)
		return -1;
	return replace(e, from, to, e->before.data.n ? e->before.ttl : c->dns.ttl, err);
}

static void leave_out_unchanged(struct dns_edits *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n; i++) {
		struct dns_edit *edit = &e->rows[i];

		if (!dns_set_equal(&edit->before, &edit->after)) {
			e->rows[kept++] = *edit;
			continue;
		}
		free(edit->zone);
		dns_set_fini(&edit->before);
		dns_set_fini(&edit->after);
	}
	e->n = kept;
}

int dns_edits_step(const struct config *c, enum dns_part *out, struct error *err)
{
	*out = DNS_PART_SWITCH;
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];
		__attribute__((cleanup(places_fini))) struct places p = { 0 };
		AUTO_SERVERS struct dns_servers servers = { 0 };
		AUTO_SET struct dns_set now = { 0 };

		if (!r->closed_address)
			continue;
		if (read_places(r, &p, err) < 0 ||
		    dns_edits_server(c, r->name, &servers, err) < 0 ||
		    read_now(&servers, r->name, type_of(r), &now, NULL, err) < 0)
			return -1;
		if (strings_has(&now.data, p.old))
			*out = DNS_PART_AWAY;
	}
	return 0;
}

int dns_edits_plan(const struct config *c, unsigned part, struct dns_edits *out, struct error *err)
{
	AUTO_EDITS struct dns_edits made = { 0 };

	for (unsigned i = 0; part & DNS_PART_AHEAD && i < c->dns.changes_count; i++)
		if (plan_change(c, &c->dns.changes[i], &made, err) < 0)
			return -1;
	for (unsigned i = 0; part & (DNS_PART_SWITCH | DNS_PART_AWAY) && i < c->dns.records_count;
	     i++)
		if (plan_record(c, part, &c->dns.records[i], &made, err) < 0)
			return -1;
	leave_out_unchanged(&made);
	dns_edits_fini(out);
	*out = made;
	made = (struct dns_edits){ 0 };
	return 0;
}

int dns_edits_plan_closed(const struct config *c, struct dns_edits *out, struct error *err)
{
	AUTO_EDITS struct dns_edits made = { 0 };

	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];
		__attribute__((cleanup(places_fini))) struct places p = { 0 };
		struct dns_edit *e;

		if (!r->closed_address)
			continue;
		if (read_places(r, &p, err) < 0)
			return -1;
		e = edit_of(c, &made, r->name, r->zone, type_of(r), err);
		if (!e)
			return -1;
		if (strings_has(&e->before.data, p.closed) &&
		    replace(e, p.closed, p.old,
		            e->before.ttl > c->dns.ttl ? e->before.ttl : c->dns.ttl, err) < 0)
			return -1;
	}
	leave_out_unchanged(&made);
	dns_edits_reverse(&made);
	dns_edits_fini(out);
	*out = made;
	made = (struct dns_edits){ 0 };
	return 0;
}

int dns_edits_lower(const struct config *c, uint32_t ttl, struct dns_edits *out, struct error *err)
{
	AUTO_EDITS struct dns_edits made = { 0 };

	for (unsigned i = 0; i < c->dns.records_count; i++) {
		const struct config_record *r = &c->dns.records[i];

		if (!edit_of(c, &made, r->name, r->zone, type_of(r), err))
			return -1;
	}
	for (unsigned i = 0; i < c->dns.changes_count; i++) {
		const struct config_change *change = &c->dns.changes[i];
		unsigned type = dns_type_number(change->type);

		if (type && type != DNS_SOA &&
		    !edit_of(c, &made, change->name, change->zone, type, err))
			return -1;
	}
	for (size_t i = 0; i < made.n; i++)
		if (made.rows[i].after.ttl > ttl)
			made.rows[i].after.ttl = ttl;
	leave_out_unchanged(&made);
	dns_edits_fini(out);
	*out = made;
	made = (struct dns_edits){ 0 };
	return 0;
}

void dns_edits_reverse(struct dns_edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct dns_set before = e->rows[i].before;

		e->rows[i].before = e->rows[i].after;
		e->rows[i].after = before;
	}
}

/* ── limits ──────────────────────────────────────────────────────────────────────────────────── */

static struct dns_edit_zone *zone_of(struct dns_edits *e, const char *name)
{
	for (size_t i = 0; i < e->zones_n; i++)
		if (!strcmp(e->zones[i].name, name))
			return &e->zones[i];
	ARRAY_GROW(e->zones, e->zones_n, e->zones_room);
	e->zones[e->zones_n] = (struct dns_edit_zone){ .name = xstrdup(name) };
	return &e->zones[e->zones_n++];
}

static bool is_edited(const struct dns_edits *e, const struct dns_set *s)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->rows[i].before.type == s->type &&
		    span_is_nocase(span_of(e->rows[i].before.name), s->name))
			return true;
	return false;
}

/* As a whole word: "203.0.113.1" does not stand in "ip4:203.0.113.10". */
static bool names_address(const char *data, const char *address)
{
	size_t n = strlen(address);

	for (const char *at = data; (at = strstr(at, address)); at++) {
		bool begins = at == data || !strchr("0123456789abcdef.", at[-1]);

		if (begins && (!at[n] || !strchr("0123456789abcdef.", at[n])))
			return true;
	}
	return false;
}

static void note_left(const struct config *c, struct dns_edits *e, const struct dns_set *s)
{
	char type[16];

	if (is_edited(e, s))
		return;
	for (size_t i = 0; i < s->data.n; i++)
		for (unsigned k = 0; k < c->dns.records_count; k++)
			if (names_address(s->data.rows[i], c->dns.records[k].old_address) &&
			    e->left.n < LEFT_MAX) {
				strings_addf(&e->left, "%s. %s %s", s->name,
				             dns_type_text(type, s->type), s->data.rows[i]);
				break;
			}
}

void dns_edits_measure(const struct config *c, struct dns_edits *e)
{
	AUTO_KEY struct dns_key key = { 0 };
	struct error err = { 0 };
	bool has_key = c->dns.key_file && dns_key_load(c->dns.key_file, &key, &err) == 0;

	for (size_t i = 0; i < e->n; i++) {
		AUTO_SERVERS struct dns_servers servers = { 0 };
		AUTO_SETS struct dns_sets all = { 0 };
		struct dns_edit_zone *z = zone_of(e, e->rows[i].zone);

		if (z->records || z->why)
			continue;
		if (dns_edits_server(c, z->name, &servers, &err) < 0 ||
		    dns_read_whole_zone(&servers.rows[0], z->name, has_key ? &key : NULL, &all,
		                        &err) < 0) {
			z->why = xstrdup(err.text);
			continue;
		}
		for (size_t k = 0; k < all.n; k++) {
			z->records += all.rows[k].data.n;
			note_left(c, e, &all.rows[k]);
		}
	}
}

size_t dns_edits_count(const struct dns_edits *e, const char *zone)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		const struct dns_edit *edit = &e->rows[i];
		bool same_ttl = edit->before.ttl == edit->after.ttl;
		size_t stays = 0;

		if (zone && strcmp(zone, edit->zone) != 0)
			continue;
		for (size_t k = 0; k < edit->before.data.n; k++)
			stays += strings_has(&edit->after.data, edit->before.data.rows[k]);
		/* an old one that becomes a new one is one record, not two */
		size_t most = edit->before.data.n > edit->after.data.n ? edit->before.data.n
		                                                       : edit->after.data.n;
		n += same_ttl ? most - stays : most;
	}
	return n;
}

int dns_edits_limit(const struct config *c, const struct dns_edits *e, struct error *err)
{
	size_t all = dns_edits_count(e, NULL);

	if (all > c->dns.most_records) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "%zu records would change, more than %u", all, c->dns.most_records);
		return error_hint(err, "look at `mailhaul dns diff`; if it is right, --force, or "
		                       "raise dns.most_records");
	}
	for (size_t i = 0; i < e->zones_n; i++) {
		const struct dns_edit_zone *z = &e->zones[i];
		size_t n = dns_edits_count(e, z->name);

		if (z->records <= SMALL_ZONE || n * 100 <= (size_t)c->dns.most_share * z->records)
			continue;
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "%zu of the %zu records of zone %s would change, more than %u %%", n,
		          z->records, z->name, c->dns.most_share);
		return error_hint(err, "look at `mailhaul dns diff`; if it is right, --force, or "
		                       "raise dns.most_share");
	}
	return 0;
}
