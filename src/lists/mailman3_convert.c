/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/mailman3_convert.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/mailman3_rest.h"

#include <jansson.h>
#include <string.h>

/* Octets of plans that are in memory together. */
#define BATCH_MAX (64u << 20)

/* ── what came of a list ─────────────────────────────────────────────────────────────────────── */

/* Who was refused, by our plan and by Mailman 3, as one array. */
static json_t *all_refused(json_t *report, json_t *look)
{
	json_t *all = json_deep_copy(json_object_get(report, "refused"));

	if (look)
		json_array_extend(all, json_object_get(look, "refused"));
	return all;
}

static size_t members_refused(json_t *refused)
{
	size_t i, n = 0;
	json_t *row;

	json_array_foreach(refused, i, row)
		n += !strcmp(json_string_value(json_object_get(row, "what")), "member");
	return n;
}

static bool has_failed(json_t *answer)
{
	return json_is_string(json_object_get(answer, "error")) ||
	       json_integer_value(json_object_get(answer, "mailed"));
}

/* What REST says, which had no part in it: a line for what is other. Where it does not run, as while a Mailman
 * is stopped, that is told once. */
static void read_back(const struct lists_mailman3_plan *p, json_t *look, json_t *differs,
                      struct strings *settings)
{
	AUTO_STRINGS struct strings lines = { 0 };
	const char *mute;

	/* a list that is not there, or was not looked at, can't be asked for */
	if (!json_is_object(json_object_get(look, "rest")))
		return;
	lists_mailman3_read_back(p, look, &lines, &mute);
	for (size_t i = 0; i < lines.n; i++)
		json_array_append_new(differs, json_string(lines.rows[i]));
	if (mute) {
		AUTO_FREE char *words = xasprintf("nothing was read back over REST: %s", mute);

		if (!strings_has(settings, words))
			strings_add(settings, words);
	}
}

/* Puts to the plan's report what was done (NULL: nothing was to be) and what the look behind it saw. */
static bool report_look(const struct lists_mailman3_plan *p, json_t *report, json_t *done,
                        json_t *look, struct strings *settings)
{
	static const char *const parts[] = { "changed", "told", "new", "error", "mailed" };
	json_t *first = done ? done : look, *differs = json_array();
	json_int_t there = json_integer_value(json_object_get(look, "members"));
	size_t missing = members_refused(json_object_get(report, "refused"));

	if (done)
		json_array_extend(differs, json_object_get(look, "changed"));
	read_back(p, look, differs, settings);
	json_object_set_new(report, "there", json_integer(there));
	json_object_set_new(report, "differs", differs);
	for (size_t i = 0; i < ROWS(parts); i++)
		json_object_set(report, parts[i], json_object_get(first, parts[i]));
	return !has_failed(first) && !has_failed(look) && !json_array_size(differs) &&
	       !json_array_size(json_object_get(look, "changed")) &&
	       p->members == (size_t)there + missing;
}

static void judge(const struct lists_mailman3_convert *c, const struct lists_mailman3_plan *p,
                  json_t *done, json_t *look, struct strings *settings)
{
	struct lists_mailman3_outcome o = { .plan = p,
		                            .report = lists_mailman3_plan_json(p),
		                            .is_so = true };
	json_t *refused = all_refused(o.report, look);

	o.refused = json_array_size(refused);
	json_object_set_new(o.report, "refused", refused);
	if (look)
		o.is_so = report_look(p, o.report, done, look, settings);
	else
		json_object_set(o.report, "work", p->work);
	c->outcome(c->context, &o);
	json_decref(o.report);
}

/* ── the lists ───────────────────────────────────────────────────────────────────────────────── */

static void drop(json_t **answers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(answers[i]);
	free(answers);
}

static int give(const struct lists_mailman3_convert *c, const struct lists_mailman3_plan *plans,
                size_t n, struct strings *settings, struct error *err)
{
	json_t **done = xcalloc(n, sizeof *done), **look = xcalloc(n, sizeof *look);
	bool acts = c->core && c->what != LISTS_MAILMAN3_LOOK;
	int result = 0;

	if (acts)
		result = lists_mailman3_give(c->core, c->what, plans, n, done, settings, err);
	if (result == 0 && c->core)
		result = lists_mailman3_give(c->core, LISTS_MAILMAN3_LOOK, plans, n, look, settings,
		                             err);
	for (size_t i = 0; i < n && result == 0; i++)
		judge(c, &plans[i], done[i], look[i], settings);
	drop(done, n);
	drop(look, n);
	return result;
}

/* Plans of as many lists as fit into memory, from *at on; then what is to be done with them. */
static int convert_some(const struct lists_mailman3_convert *c, size_t *at, struct strings *unread,
                        struct strings *settings, struct error *err)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	struct lists_mailman3_plan *plans = xcalloc(c->names->n, sizeof *plans);
	size_t n = 0, octets = 0;
	int result = 0;

	while (*at < c->names->n && result == 0 && octets < BATCH_MAX) {
		AUTO_LISTS_LIST struct lists_list l = { 0 };
		const char *name = c->names->rows[*at];

		if (lists_list_read(&l, c->site, name, &reading, err) < 0) {
			result = error_context(err, "list %s", name);
		} else if (value_is_absent(l.config)) {
			strings_add(unread, name);
		} else {
			lists_mailman3_plan(&plans[n], &l, c->site);
			octets += json_dumpb(plans[n].work, NULL, 0, JSON_COMPACT);
			n++;
		}
		++*at;
	}
	if (result == 0 && n)
		result = give(c, plans, n, settings, err);
	for (size_t i = 0; i < n; i++)
		lists_mailman3_plan_fini(&plans[i]);
	free(plans);
	return result;
}

int lists_mailman3_convert(const struct lists_mailman3_convert *c, struct strings *unread,
                           struct strings *settings, struct error *err)
{
	for (size_t at = 0; at < c->names->n;)
		if (convert_some(c, &at, unread, settings, err) < 0)
			return -1;
	return 0;
}
