/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/zonesign.h"

#include "rehearse/internet.h"
#include "rehearse/zonebook.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

#define ALGORITHM LDNS_SIGN_ECDSAP256SHA256
#define KEY_BITS 256u
#define TTL 60u
#define EARLY_S 3600 /* a signature holds from so long ago */
#define LIFE_S 86400 /* and for so long; a rehearsal is over before */
#define TYPES_MOST 32u
#define NXNAME 128u /* RFC 9824 section 2 */
#define DNSKEY 48u
#define DS 43u
#define NS 2u
#define SOA 6u
#define SOA_DATA INTERNET_CATCHER ". hostmaster." INTERNET_CATCHER ". 1 3600 600 86400 60"

struct zone {
	char *name;          /* owned; "" is the root */
	bool is_filled;      /* one of those that are signed; else it is there for the chain */
	ldns_key_list *keys; /* one */
	ldns_rr *public;
};
struct zonesign {
	struct zone *rows; /* the root first */
	size_t n, room;
};

static ldns_rdf *rdf_of(const char *name)
{
	AUTO_FREE char *whole = xasprintf("%s.", name);
	ldns_rdf *rdf = ldns_dname_new_frm_str(whole);

	return rdf;
}

static int add_zone(struct zonesign *z, const char *name, bool is_filled, struct error *err)
{
	ldns_rdf *owner = rdf_of(name);
	struct zone *row;
	ldns_key *key;

	for (size_t i = 0; i < z->n; i++)
		if (!strcmp(z->rows[i].name, name)) {
			ldns_rdf_deep_free(owner);
			z->rows[i].is_filled |= is_filled;
			return 0;
		}
	ARRAY_GROW(z->rows, z->n, z->room);
	row = &z->rows[z->n++];
	*row = (struct zone){ .name = xstrdup(name), .is_filled = is_filled };
	key = owner ? ldns_key_new_frm_algorithm(ALGORITHM, KEY_BITS) : NULL;
	if (!key) {
		ldns_rdf_deep_free(owner);
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "no key can be made for the zone \"%s.\"", name);
	}
	ldns_key_set_pubkey_owner(key, owner);
	ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
	row->public = ldns_key2rr(key);
	ldns_rr_set_ttl(row->public, TTL);
	ldns_key_set_keytag(key, ldns_calc_keytag(row->public));
	row->keys = ldns_key_list_new();
	ldns_key_list_push_key(row->keys, key);
	return 0;
}

int zonesign_make(struct zonesign **out, const struct strings *zones, struct error *err)
{
	struct zonesign *z = xcalloc(1, sizeof *z);
	int result = add_zone(z, "", false, err);

	for (size_t i = 0; result == 0 && i < zones->n; i++) {
		const char *name = zones->rows[i];

		result = add_zone(z, name, true, err);
		while (result == 0 && (name = strchr(name, '.')))
			result = add_zone(z, ++name, false, err);
	}
	if (result < 0)
		zonesign_free(z);
	else
		*out = z;
	return result;
}

void zonesign_free(struct zonesign *z)
{
	for (size_t i = 0; z && i < z->n; i++) {
		free(z->rows[i].name);
		ldns_key_list_free(z->rows[i].keys); /* and what is in it */
		ldns_rr_free(z->rows[i].public);
	}
	free(z ? z->rows : NULL);
	free(z);
}

/* ── who signs what ──────────────────────────────────────────────────────────────────────────── */

static bool is_at_or_below(const char *name, const char *zone)
{
	size_t n = strlen(name), k = strlen(zone);

	return !k || (n >= k && !strcmp(name + n - k, zone) && (n == k || name[n - k - 1] == '.'));
}

/* The zone that has this set: what is said of a zone's keys stands in the one above (RFC 4035 section 3.1.4). */
static const struct zone *zone_of(const struct zonesign *z, const char *name, unsigned type)
{
	const struct zone *found = &z->rows[0];

	for (size_t i = 0; i < z->n; i++) {
		const struct zone *row = &z->rows[i];

		if (is_at_or_below(name, row->name) && strlen(row->name) >= strlen(found->name) &&
		    !(type == DS && *name && !strcmp(name, row->name)))
			found = row;
	}
	return found;
}

/* NULL: it is in a zone that is not signed. */
static const struct zone *signer_of(const struct zonesign *z, const char *name, unsigned type)
{
	const struct zone *row = zone_of(z, name, type);

	return row->is_filled || type == DS || !strcmp(row->name, name) ? row : NULL;
}

/* ── keys ────────────────────────────────────────────────────────────────────────────────────── */

void zonesign_anchor(const struct zonesign *z, struct buf *out)
{
	AUTO_FREE char *data = zonebook_data(z->rows[0].public);

	buf_addf(out, ". %u IN DNSKEY %s\n", TTL, data);
}

void zonesign_anchor_named(const struct zonesign *z, struct buf *out)
{
	AUTO_FREE char *data = zonebook_data(z->rows[0].public);
	char *base64 = strrchr(data, ' ');

	*base64++ = '\0';
	buf_addf(out, "trust-anchors { . initial-key %s \"%s\"; };\n", data, base64);
}

static void add(struct dns_sets *out, const char *name, unsigned type, const char *data)
{
	struct dns_set s = { .name = xstrdup(name), .type = type, .ttl = TTL };

	strings_add(&s.data, data);
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = s;
}

bool zonesign_find(const struct zonesign *z, const char *name, unsigned type, struct dns_sets *out)
{
	for (size_t i = 0; i < z->n; i++) {
		const struct zone *row = &z->rows[i];
		AUTO_FREE char *data = NULL;
		ldns_rr *digest = NULL;

		if (strcmp(row->name, name) != 0)
			continue;
		if (type == NS && !row->is_filled) {
			add(out, name, type, INTERNET_CATCHER ".");
		} else if (type == SOA) {
			add(out, name, type, SOA_DATA);
		} else if (type == DNSKEY) {
			data = zonebook_data(row->public);
			add(out, name, type, data);
		} else if (type == DS && *name &&
		           (digest = ldns_key_rr2ds(row->public, LDNS_SHA256))) {
			data = zonebook_data(digest);
			add(out, name, type, data);
			ldns_rr_free(digest);
		} else {
			return false;
		}
		return true;
	}
	return false;
}

/* ── signatures ──────────────────────────────────────────────────────────────────────────────── */

/* Signs one set, and puts the signature behind it into a section. */
static void sign(const struct zone *zone, ldns_rr_list *set, ldns_pkt *reply,
                 ldns_pkt_section section)
{
	ldns_key *key = ldns_key_list_key(zone->keys, 0);
	uint32_t now = (uint32_t)(clock_wall_ms() / 1000);
	ldns_rr_list *made;

	ldns_key_set_inception(key, now - EARLY_S);
	ldns_key_set_expiration(key, now + LIFE_S);
	made = ldns_sign_public(set, zone->keys);
	for (size_t i = 0; made && i < ldns_rr_list_rr_count(made); i++)
		ldns_pkt_push_rr(reply, section, ldns_rr_clone(ldns_rr_list_rr(made, i)));
	ldns_rr_list_deep_free(made);
}

static char *name_of(const ldns_rr *rr)
{
	char *text = ldns_rdf2str(ldns_rr_owner(rr));
	size_t n = text ? strlen(text) : 0;
	char *name = xstrndup(text ? text : "", n ? n - 1 : 0);

	free(text);
	for (char *p = name; *p; p++)
		*p = ascii_lower(*p);
	return name;
}

/* Returns true when every set of the answer is signed. */
static bool sign_answer(const struct zonesign *z, ldns_pkt *reply, bool wanted)
{
	ldns_rr_list *all = ldns_rr_list_clone(ldns_pkt_answer(reply));
	bool signed_all = true;
	ldns_rr_list *set;

	while ((set = ldns_rr_list_pop_rrset(all))) {
		const ldns_rr *first = ldns_rr_list_rr(set, 0);
		AUTO_FREE char *name = name_of(first);
		const struct zone *zone = signer_of(z, name, ldns_rr_get_type(first));

		signed_all &= zone != NULL;
		if (zone && wanted)
			sign(zone, set, reply, LDNS_SECTION_ANSWER);
		ldns_rr_list_deep_free(set);
	}
	ldns_rr_list_deep_free(all);
	return signed_all;
}

/* ── that there is nothing ───────────────────────────────────────────────────────────────────── */

static void push_signed(const struct zone *zone, ldns_rr *rr, ldns_pkt *reply)
{
	ldns_rr_list *set = ldns_rr_list_new();

	ldns_rr_list_push_rr(set, rr);
	ldns_pkt_push_rr(reply, LDNS_SECTION_AUTHORITY, ldns_rr_clone(rr));
	sign(zone, set, reply, LDNS_SECTION_AUTHORITY);
	ldns_rr_list_deep_free(set);
}

/* What stands at the name, and nothing else does. */
static ldns_rr *nsec_of(const struct zone *zone, const char *name, unsigned asked, bool is_there,
                        const struct zonebook *b)
{
	ldns_rr_type types[TYPES_MOST] = { LDNS_RR_TYPE_RRSIG, LDNS_RR_TYPE_NSEC };
	size_t n = 2;
	AUTO_FREE char *next = xasprintf("\\000.%s%s", name, *name ? "." : "");
	ldns_rr *rr = ldns_rr_new();

	if (!is_there)
		types[n++] = (ldns_rr_type)NXNAME;
	/* an unsigned zone begins there: seen from above it has servers, and no key */
	if (asked == DS && !zone->is_filled)
		types[n++] = LDNS_RR_TYPE_NS;
	else if (!strcmp(zone->name, name)) {
		types[n++] = LDNS_RR_TYPE_DNSKEY;
		types[n++] = LDNS_RR_TYPE_SOA;
		if (asked != NS)
			types[n++] = LDNS_RR_TYPE_NS;
	}
	for (size_t i = 0; i < b->sets.n && n < TYPES_MOST; i++) {
		const struct dns_set *s = &b->sets.rows[i];

		if (zone->is_filled && s->data.n && !strcmp(s->name, name) &&
		    s->type != LDNS_RR_TYPE_NS && s->type != LDNS_RR_TYPE_SOA && s->type != asked)
			types[n++] = (ldns_rr_type)s->type;
	}
	ldns_rr_set_type(rr, LDNS_RR_TYPE_NSEC);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, TTL);
	ldns_rr_set_owner(rr, rdf_of(name));
	ldns_rr_push_rdf(rr, ldns_dname_new_frm_str(next));
	ldns_rr_push_rdf(rr, ldns_dnssec_create_nsec_bitmap(types, n, LDNS_RR_TYPE_NSEC));
	return rr;
}

static bool deny(const struct zonesign *z, const ldns_rr *question, ldns_pkt *reply, bool wanted,
                 const struct zonebook *b)
{
	AUTO_FREE char *name = name_of(question);
	unsigned type = ldns_rr_get_type(question);
	const struct zone *zone = signer_of(z, name, type);
	bool is_there = ldns_pkt_get_rcode(reply) != LDNS_RCODE_NXDOMAIN;
	ldns_rr *soa = NULL;

	if (!zone || !wanted)
		return zone != NULL;
	AUTO_FREE char *line = xasprintf("%s. %u IN SOA " SOA_DATA, zone->name, TTL);
	if (ldns_rr_new_frm_str(&soa, line, 0, NULL, NULL) != LDNS_STATUS_OK)
		return false;
	ldns_rr_list_deep_free(ldns_pkt_authority(reply));
	ldns_pkt_set_authority(reply, ldns_rr_list_new());
	ldns_pkt_set_nscount(reply, 0);
	ldns_pkt_set_rcode(reply, LDNS_RCODE_NOERROR);
	push_signed(zone, soa, reply);
	push_signed(zone, nsec_of(zone, name, type, is_there, b), reply);
	return true;
}

void zonesign_reply(const struct zonesign *z, const ldns_pkt *asked, ldns_pkt *reply,
                    const struct zonebook *b)
{
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(asked), 0);
	bool wanted = ldns_pkt_edns(asked) && ldns_pkt_edns_do(asked);
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(reply);
	bool authentic;

	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN)
		return;
	authentic = ldns_pkt_ancount(reply) ? sign_answer(z, reply, wanted)
	                                    : deny(z, question, reply, wanted, b);
	if (wanted) {
		ldns_pkt_set_edns_do(reply, true);
		ldns_pkt_set_edns_udp_size(reply, 1232);
	}
	ldns_pkt_set_ad(reply, authentic && (wanted || ldns_pkt_ad(asked)));
}
