/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/survey.h"

#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum mta_domain_class class;
	const char *word, *reason;
} domain_classes[] = {
	{ MTA_DOMAIN_LOCAL, "local", "its users are the system's, and aliases" },
	{ MTA_DOMAIN_VIRTUAL_ALIAS, "virtual alias", "its addresses lead elsewhere" },
	{ MTA_DOMAIN_VIRTUAL_MAILBOX, "virtual mailbox", "has mailboxes without system users" },
	{ MTA_DOMAIN_RELAY, "relay", "its mail goes on to another host" },
};

/* Names of the machine itself, under which nobody outside knows it. */
static bool is_own_name(const struct survey_site *s, const char *domain)
{
	struct span hostname = host_hello(s->h)->hostname;

	return !strcmp(domain, "localhost") || !strncmp(domain, "localhost.", 10) ||
	       span_is(hostname, domain);
}

int survey_domains(struct survey_site *s, struct error *err)
{
	for (size_t i = 0; i < s->mta.domains_n; i++) {
		const struct mta_domain *d = &s->mta.domains[i];
		bool own = is_own_name(s, d->name);
		struct item *item;

		for (size_t j = 0; j < ROWS(domain_classes); j++) {
			if (domain_classes[j].class != d->class)
				continue;
			item = survey_add(s, "domain", d->name, own ? ITEM_STAYS : ITEM_MUST,
			                  own ? "a name of the machine itself"
			                      : domain_classes[j].reason);
			item_set(&item->source, d->source);
			survey_detail(item, json_pack("{s:s}", "class", domain_classes[j].word));
		}
	}
	return 0;
}

/* ── aliases ─────────────────────────────────────────────────────────────────────────────────── */

static const char *const kinds[] = {
	[MTA_ALIAS_ADDRESS] = "address",
	[MTA_ALIAS_FILE] = "file",
	[MTA_ALIAS_PIPE] = "program",
	[MTA_ALIAS_INCLUDE] = "list",
};

static int by_name(const void *a, const void *b)
{
	const struct mta_alias *const *x = a, *const *y = b;
	int order = strcmp((*x)->source, (*y)->source);

	return order ? order : strcmp((*x)->name, (*y)->name);
}

/* All targets of one name in one file become one item. */
static void add_alias(struct survey_site *s, const struct mta_alias *const *rows, size_t n)
{
	AUTO_BUF struct buf name = { 0 };
	json_t *targets = json_array();
	struct item *item;

	buf_add_printable(&name, span_of((*rows)->name));
	buf_addf(&name, " (%s)", (*rows)->source);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf target = { 0 };

		buf_add_printable(&target, span_of(rows[i]->target));
		json_array_append_new(targets, json_pack("{s:s, s:s}", "kind", kinds[rows[i]->kind],
		                                         "target", buf_text(&target)));
	}
	item = survey_add(s, "alias", buf_text(&name), ITEM_MUST,
	                  "an address that leads elsewhere");
	item_set(&item->source, (*rows)->source);
	item->count = n;
	survey_detail(item, json_pack("{s:o}", "targets", targets));
}

int survey_aliases(struct survey_site *s, struct error *err)
{
	AUTO_FREE const struct mta_alias **rows = xcalloc(s->mta.aliases_n + 1, sizeof *rows);
	size_t n = 0;

	/* members of an included list have no name of their own: the list is an item */
	for (size_t i = 0; i < s->mta.aliases_n; i++)
		if (*s->mta.aliases[i].name)
			rows[n++] = &s->mta.aliases[i];
	if (n)
		qsort(rows, n, sizeof *rows, by_name);
	for (size_t i = 0; i < n;) {
		size_t run = 1;

		while (i + run < n && by_name(&rows[i], &rows[i + run]) == 0)
			run++;
		add_alias(s, &rows[i], run);
		i += run;
	}
	return 0;
}
