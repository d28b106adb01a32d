/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "lists/mailman3_about.h"
#include "state/items.h"

/* Asks the Mailman 3 that lists move into whether it can take them. It is installed by a person: only what it
 * lacks is told here. */
int prepare_lists(struct prepare *p, struct error *err)
{
	const struct lists_mailman3_core core = lists_mailman3_core_of(p->config, p->new_host);
	AUTO_LISTS_MAILMAN3_ABOUT struct lists_mailman3_about about = { 0 };
	AUTO_STRINGS struct strings names = { 0 }, missing = { 0 }, advice = { 0 };
	AUTO_ITEMS struct items items = { 0 };
	struct error why = { 0 };

	if (p->config->lists_to != CONFIG_LISTS_MAILMAN3)
		return 0;
	if (items_load(p->state, "old", "mailing list", &items, err) < 0)
		return -1;
	/* it is asked by a program that runs in it, for which a dry run has no right */
	if (!items.n || p->dry_run)
		return 0;
	for (size_t i = 0; i < items.n; i++)
		strings_add(&names, items.rows[i].name);
	if (lists_mailman3_about_ask(&core, &names, &about, &missing, &advice, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		prepare_failed(p, "%s", why.text);
		return 0;
	}
	for (size_t i = 0; i < missing.n; i++)
		prepare_failed(p, "Mailman 3: %s", missing.rows[i]);
	for (size_t i = 0; i < advice.n; i++)
		prepare_leave(p, "Mailman 3: %s", advice.rows[i]);
	if (!missing.n)
		prepare_same(p, "Mailman %s can take %zu lists", about.version, names.n);
	return lists_mailman3_about_keep(p->state, &about, err);
}
