/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/leaving_addresses.h"

#include "base/memory.h"

#include <string.h>

void leaving_addresses_fini(struct leaving_addresses *a)
{
	mta_facts_fini(&a->old);
	mta_facts_fini(&a->new);
	lists_alias_plan_fini(&a->old_plan);
	lists_alias_plan_fini(&a->new_plan);
	lists_alias_check_fini(&a->check);
}

int leaving_addresses_read(const struct lists_leaving *l, const struct strings *lists,
                           struct leaving_addresses *out, struct error *err)
{
	enum lists_mta mta;

	out->l = l;
	if (mta_facts(l->old, &out->old, err) < 0 || mta_facts(l->new, &out->new, err) < 0)
		return -1;
	if (lists_alias_plan_read(l->old, l->old_site, &out->old_plan, err) < 0 ||
	    lists_alias_plan_read(l->new, l->new_site, &out->new_plan, err) < 0)
		return -1;
	return lists_mta_of(l->new, l->new_site, &mta, err) < 0
	               ? -1
	               : lists_aliases_check(l->new, &out->new_plan, mta, &out->check, err);
}

static const struct mta_domain *find_domain(const struct mta_facts *f, const char *name)
{
	for (size_t i = 0; i < f->domains_n; i++)
		if (span_is_nocase(span_of(f->domains[i].name), name))
			return &f->domains[i];
	return NULL;
}

static bool is_local(const struct mta_facts *f, const char *name)
{
	const struct mta_domain *d = find_domain(f, name);

	return d && d->class == MTA_DOMAIN_LOCAL;
}

bool leaving_is_shared(const struct leaving_addresses *a, const char *domain)
{
	const struct mta_domain *old = find_domain(&a->old, domain);
	const struct mta_domain *new = find_domain(&a->new, domain);

	return old && new && old->class != MTA_DOMAIN_RELAY &&strchr(domain, '.');
}

static const struct lists_alias_list *find_list(const struct lists_alias_plan *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->lists[i].name, name))
			return &p->lists[i];
	return NULL;
}

/* Its MTA would say to old's that there is nobody of that name. */
static int check_new(const struct leaving_addresses *a, const char *local, const char *name,
                     const char *suffix, struct error *err)
{
	AUTO_FREE char *one = xasprintf("%s%s", name, suffix);
	AUTO_FREE char *begin = xasprintf("%s%s@", local, suffix);

	for (size_t i = 0; i < a->check.n; i++) {
		const struct lists_alias_finding *f = &a->check.rows[i];

		if ((f->fault != LISTS_ALIAS_MISSING && f->fault != LISTS_ALIAS_WRONG) ||
		    (strcmp(f->address, one) != 0 &&
		     strncmp(f->address, begin, strlen(begin)) != 0))
			continue;
		error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		          "new's mail server does not know the list's address %s: %s, %s",
		          f->address, lists_alias_fault_name(f->fault), f->words);
		return error_hint(err,
		                  "`mailhaul lists aliases --new` prints what it has to be told");
	}
	return 0;
}

/* By which domain new takes mail for the list, whatever domain it came by; NULL: by none. */
static const char *find_main(const struct leaving_addresses *a, const char *host)
{
	if (host && find_domain(&a->new, host))
		return host;
	for (size_t i = 0; i < a->old.domains_n; i++)
		if (a->old.domains[i].class == MTA_DOMAIN_LOCAL &&
		    is_local(&a->new, a->old.domains[i].name))
			return a->old.domains[i].name;
	return NULL;
}

static void add(struct mta_passing *out, const char *local, const char *suffix, const char *domain,
                const char *as, const char *main)
{
	AUTO_FREE char *from = xasprintf("%s%s@%s", local, suffix, domain);
	AUTO_FREE char *to = xasprintf("%s%s@%s", as, suffix, main);

	if (!mta_passing_has(out, from))
		mta_passing_add(out, from, to);
}

int leaving_addresses_of(struct leaving_addresses *a, const char *list, struct mta_passing *out,
                         struct error *err)
{
	const struct lists_alias_list *known = find_list(&a->old_plan, list);
	const char *own = known && known->local ? known->local : list, *local, *main;
	AUTO_FREE char *host = NULL;

	if (lists_alias_domain(a->l->old, &a->old_plan, list, &host, err) < 0)
		return -1;
	main = find_main(a, host);
	if (!main)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "new's mail server takes mail for none of the domains of list %s",
		                 list);
	/* NAME of NAME_HOST, by its own domain alone */
	local = host && !strcmp(main, host) ? own : list;
	for (size_t k = 0; k < LISTS_ADDRESSES; k++) {
		const char *suffix = lists_addresses[k].suffix;

		if (check_new(a, local, list, suffix, err) < 0)
			return -1;
		if (host && find_domain(&a->old, host))
			add(out, own, suffix, host, local, main);
		for (size_t i = 0; i < a->old.domains_n; i++) {
			const struct mta_domain *d = &a->old.domains[i];

			if (d->class != MTA_DOMAIN_LOCAL)
				continue;
			if (is_local(&a->new, d->name))
				add(out, list, suffix, d->name, list, d->name);
			else
				add(out, list, suffix, d->name, local, main);
		}
	}
	return 0;
}
