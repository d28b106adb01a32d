/* SPDX-License-Identifier: BSD-2-Clause */

/* dns_signing -- what DNSSEC means for a change of zones. */

#include "cmd/dns_signing.h"

#include "base/memory.h"
#include "dns/signing.h"

#include <string.h>

/* Each set of the zone as it is now. */
static bool tell_sets(const struct config *c, const struct dns_edits *e, const char *zone,
                      const struct dns_signing *s, struct strings *lines)
{
	bool good = true, above = false;
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		const struct dns_set *after = &e->rows[i].after;
		AUTO_BUF struct buf why = { 0 };
		struct error err = { 0 };
		int holds;

		if (strcmp(e->rows[i].zone, zone) != 0)
			continue;
		holds = dns_signing_holds(c, s, zone, after->name, after->type, &above, &why, &err);
		if (holds == 1) {
			n++;
			continue;
		}
		strings_addf(lines, "! %s", holds < 0 ? err.text : buf_text(&why));
		good = false;
	}
	if (n && good)
		strings_addf(lines, "# zone %s: %zu changed sets are signed, and the keys too%s",
		             zone, n,
		             above ? " up to its parent's DS record"
		                   : "; its parent's DS record is not known here");
	return good;
}

static bool tell_zone(const struct config *c, const struct dns_edits *e, const char *zone,
                      bool made, struct strings *lines)
{
	AUTO_SIGNING struct dns_signing s = { 0 };
	struct error err = { 0 };

	if (dns_signing_find(c, zone, &s, &err) < 0) {
		strings_addf(lines, "! whether zone %s is signed is not known: %s", zone, err.text);
		return true;
	}
	switch (s.by) {
	case DNS_UNSIGNED:
		return true;
	case DNS_SIGNED_HERE:
		if (made)
			return tell_sets(c, e, zone, &s, lines);
		strings_addf(lines, "# zone %s is signed by its primary, %s", zone,
		             s.server.address);
		return true;
	case DNS_SIGNED_ELSEWHERE:
		break;
	}
	strings_addf(lines,
	             "! zone %s is signed elsewhere: %s gives its keys, the server that is changed "
	             "does not; the change is seen once that has taken it over and signed it",
	             zone, s.server.address);
	return true;
}

bool dns_signing_tell(const struct config *c, const struct dns_edits *e, bool made,
                      struct strings *lines)
{
	bool good = true;

	for (size_t i = 0; i < e->n; i++) {
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told |= !strcmp(e->rows[k].zone, e->rows[i].zone);
		if (!told)
			good &= tell_zone(c, e, e->rows[i].zone, made, lines);
	}
	return good;
}
