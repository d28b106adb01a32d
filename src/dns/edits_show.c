/* SPDX-License-Identifier: BSD-2-Clause */

/* edits_show -- a change of zones as a diff for a person. */

#include "dns/edits.h"

#include <string.h>

static void add_side(struct buf *out, char sign, const struct dns_set *here,
                     const struct dns_set *there)
{
	char type[16];

	for (size_t i = 0; i < here->data.n; i++) {
		bool stays = here->ttl == there->ttl &&
		             strings_has(&there->data, here->data.rows[i]);

		if (stays && sign == '+')
			continue; /* has been shown once */
		buf_addf(out, "%c ", stays ? ' ' : sign);
		buf_add_printable(out, span_of(here->name));
		buf_addf(out, ". %u IN %s ", here->ttl, dns_type_text(type, here->type));
		buf_add_printable(out, span_of(here->data.rows[i]));
		buf_add_char(out, '\n');
	}
}

static void add_zone_note(struct buf *out, const struct dns_edits *e, const char *zone)
{
	size_t n = dns_edits_count(e, zone);

	for (size_t i = 0; i < e->zones_n; i++) {
		const struct dns_edit_zone *z = &e->zones[i];

		if (strcmp(z->name, zone) != 0)
			continue;
		if (z->records)
			buf_addf(out, "# %zu of %zu records\n", n, z->records);
		else
			buf_addf(out, "# %zu records; how many there are is not known (%s)\n", n,
			         z->why ? z->why : "nobody was asked");
	}
}

void dns_edits_add_diff(struct buf *out, const struct dns_edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		const char *zone = e->rows[i].zone;
		bool shown = false;

		for (size_t k = 0; k < i; k++)
			shown |= !strcmp(e->rows[k].zone, zone);
		if (shown)
			continue;
		buf_addf(out, "zone %s\n", zone);
		for (size_t k = i; k < e->n; k++) {
			if (strcmp(e->rows[k].zone, zone) != 0)
				continue;
			add_side(out, '-', &e->rows[k].before, &e->rows[k].after);
			add_side(out, '+', &e->rows[k].after, &e->rows[k].before);
		}
		add_zone_note(out, e, zone);
	}
	for (size_t i = 0; i < e->left.n; i++) {
		buf_add_text(out, "! stays, and names an old address: ");
		buf_add_printable(out, span_of(e->left.rows[i]));
		buf_add_char(out, '\n');
	}
}
