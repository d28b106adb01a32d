/* SPDX-License-Identifier: BSD-2-Clause */

/* zonebook_update -- takes dynamic updates (RFC 2136) of the zones that move. Whoever sends one is let: only
 * the rehearsal is there. */

#include "rehearse/zonebook.h"

#include "base/memory.h"

#include <ldns/ldns.h>
#include <string.h>

#define QUERY_MOST 4096u /* octets */
#define CLASS_NONE 254u  /* RFC 2136 section 2.5.4: this record goes */

static char *name_of(const ldns_rr *rr)
{
	char *text = ldns_rdf2str(ldns_rr_owner(rr));
	AUTO_FREE char *name = xstrdup(text ? text : "");
	size_t n = strlen(name);

	free(text);
	return xstrndup(name, n && name[n - 1] == '.' ? n - 1 : n);
}

/* Section 3.2.3: a set that is named has these values, and no other. Of a name and type all stand together. */
static bool holds(const struct zonebook *b, const ldns_rr_list *wanted)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(wanted); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(wanted, i);
		AUTO_FREE char *name = name_of(rr), *data = zonebook_data(rr);
		const struct dns_set *set = zonebook_find(b, name, ldns_rr_get_type(rr));
		size_t n = 0;

		for (size_t k = 0; k < ldns_rr_list_rr_count(wanted); k++) {
			const ldns_rr *other = ldns_rr_list_rr(wanted, k);

			n += ldns_rr_get_type(other) == ldns_rr_get_type(rr) &&
			     ldns_dname_compare(ldns_rr_owner(other), ldns_rr_owner(rr)) == 0;
		}
		if (!set || set->data.n != n || !strings_has(&set->data, data))
			return false;
	}
	return true;
}

static void drop(struct zonebook *b, const char *name, unsigned type, const char *data)
{
	const struct dns_set *set = zonebook_find(b, name, type);
	struct dns_set left = { .name = (char *)(uintptr_t)name, .type = type };

	if (!set)
		return;
	left.ttl = set->ttl;
	for (size_t i = 0; i < set->data.n; i++)
		if (strcmp(set->data.rows[i], data) != 0)
			strings_add(&left.data, set->data.rows[i]);
	zonebook_put(b, &left);
	strings_fini(&left.data);
}

static void change(struct zonebook *b, const ldns_rr_list *changes)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(changes); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(changes, i);
		AUTO_FREE char *name = name_of(rr), *data = zonebook_data(rr);

		if ((unsigned)ldns_rr_get_class(rr) == CLASS_NONE)
			drop(b, name, ldns_rr_get_type(rr), data);
		else
			zonebook_add(b, name, ldns_rr_get_type(rr), ldns_rr_ttl(rr), data);
	}
}

static void add_reply(const ldns_pkt *asked, enum dns_rcode rcode, struct buf *out)
{
	ldns_pkt *reply = ldns_pkt_new();
	uint8_t *wire = NULL;
	size_t n = 0;

	if (!reply)
		abort();
	ldns_pkt_set_id(reply, ldns_pkt_id(asked));
	ldns_pkt_set_qr(reply, true);
	ldns_pkt_set_opcode(reply, LDNS_PACKET_UPDATE);
	ldns_pkt_set_rcode(reply, (uint8_t)rcode);
	if (ldns_pkt2wire(&wire, reply, &n) == LDNS_STATUS_OK)
		buf_add(out, wire, n);
	LDNS_FREE(wire);
	ldns_pkt_free(reply);
}

bool zonebook_serve(struct zonebook *b, struct span query, size_t most, struct buf *out)
{
	ldns_pkt *asked = NULL;
	bool good;

	if (query.n > QUERY_MOST || query.n < 3 || ((unsigned char)query.p[2] >> 3 & 15) != 5)
		return zonebook_answer(b, query, most, out);
	if (ldns_wire2pkt(&asked, (const uint8_t *)query.p, query.n) != LDNS_STATUS_OK)
		return false;
	good = holds(b, ldns_pkt_answer(asked));
	if (good)
		change(b, ldns_pkt_authority(asked));
	add_reply(asked, good ? DNS_NOERROR : DNS_NXRRSET, out);
	ldns_pkt_free(asked);
	return true;
}

void zonebook_copy(struct zonebook *to, const struct zonebook *from)
{
	for (size_t i = 0; i < from->zones.n; i++)
		zonebook_add_zone(to, from->zones.rows[i]);
	for (size_t i = 0; i < from->dnssec.n; i++)
		zonebook_add_signed(to, from->dnssec.rows[i]);
	for (size_t i = 0; i < from->sets.n; i++)
		zonebook_put(to, &from->sets.rows[i]);
}
