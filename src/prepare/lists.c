/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "lists/hyperkitty_give.h"
#include "lists/mailman3_about.h"
#include "state/items.h"

#include <jansson.h>

static const char *text_of(json_t *told, const char *name)
{
	const char *text = json_string_value(json_object_get(told, name));

	return text ? text : "?";
}

/* What it lacks; it is installed by a person, too. */
static size_t judge(struct prepare *p, json_t *told, const struct lists_mailman3_about *core)
{
	size_t n = 0;

	if (!json_is_true(json_object_get(told, "known")))
		n++, prepare_failed(p,
		                    "HyperKitty %s reads messages in a way that is not known here: "
		                    "1.3.7 is known",
		                    text_of(told, "version"));
	if (!json_is_string(json_object_get(told, "core")))
		n++, prepare_failed(p, "HyperKitty does not reach Mailman 3's REST at %s: %s",
		                    text_of(told, "rest"), text_of(told, "why"));
	if (!json_is_true(json_object_get(told, "key")))
		n++, prepare_failed(p, "HyperKitty has no MAILMAN_ARCHIVER_KEY in its settings: "
		                       "nothing is archived there");
	if (core->archiver)
		n++, prepare_failed(p, "Mailman 3: %s", core->archiver);
	return n;
}

/* The same of the HyperKitty that their archives go into. */
static int prepare_archives(struct prepare *p, const struct lists_mailman3_about *core,
                            struct error *err)
{
	const struct hyperkitty_web web = { .h = p->new_host,
		                            .program = p->config->lists.mailman_web,
		                            .user = p->config->lists.web_user };
	struct error why = { 0 };
	json_t *told = NULL;

	if (!p->config->archives_to)
		return 0;
	if (hyperkitty_ask_about(&web, &told, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH) {
			*err = why;
			return -1;
		}
		prepare_failed(p, "%s", why.text);
		return 0;
	}
	if (!judge(p, told, core))
		prepare_same(p, "HyperKitty %s can take archives", text_of(told, "version"));
	json_decref(told);
	return 0;
}

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
	return prepare_archives(p, &about, err) < 0
	               ? -1
	               : lists_mailman3_about_keep(p->state, &about, err);
}
