/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/conversion.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

/* Octets of plans that are in memory together. */
#define BATCH_MAX (64u << 20)

/* ── what came of a list ─────────────────────────────────────────────────────────────────────── */

/* Who was refused, by our plan and by the other side, as one array. */
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

	json_array_foreach (refused, i, row)
		n += !strcmp(json_string_value(json_object_get(row, "what")), "member");
	return n;
}

static bool has_failed(json_t *answer)
{
	return json_is_string(json_object_get(answer, "error")) ||
	       json_integer_value(json_object_get(answer, "mailed"));
}

/* What a way says that had no part in writing it: a line for what is other. A list that was not brought to its end
 * is not asked for. */
static int read_back(struct lists_end_run *r, const struct lists_end_plan *p, json_t *look,
                     json_t *differs, struct error *err)
{
	AUTO_STRINGS struct strings lines = { 0 };

	if (!r->end->read_back || !json_is_null(json_object_get(look, "error")))
		return 0;
	if (r->end->read_back(r, p, look, &lines, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		json_array_append_new(differs, json_string(lines.rows[i]));
	return 0;
}

/* Puts to the plan's report what was done (NULL: nothing was to be) and what the look behind it saw. */
static void report_look(json_t *report, json_t *done, json_t *look, json_t *differs)
{
	static const char *const parts[] = { "changed", "told", "new", "error", "mailed" };
	json_t *first = done ? done : look;

	json_object_set_new(report, "there",
	                    json_integer(json_integer_value(json_object_get(look, "members"))));
	json_object_set(report, "differs", differs);
	for (size_t i = 0; i < ROWS(parts); i++)
		json_object_set(report, parts[i], json_object_get(first, parts[i]));
}

static bool is_as_planned(const struct lists_end_plan *p, json_t *report, json_t *done,
                          json_t *look)
{
	json_int_t there = json_integer_value(json_object_get(look, "members"));

	return !(done && has_failed(done)) && !has_failed(look) &&
	       !json_array_size(json_object_get(report, "differs")) &&
	       !json_array_size(json_object_get(look, "changed")) &&
	       p->members == (size_t)there + members_refused(json_object_get(report, "refused"));
}

/* What is taken back is not as planned, and nobody looks whether it is. */
static bool has_look(enum lists_end_do what)
{
	return what != LISTS_END_DISABLE && what != LISTS_END_REMOVE;
}

static bool report_taken_back(json_t *report, json_t *done)
{
	static const char *const parts[] = { "changed", "told", "error", "mailed" };

	json_object_set_new(report, "differs", json_array());
	json_object_set_new(report, "refused", json_array());
	for (size_t i = 0; i < ROWS(parts); i++)
		json_object_set(report, parts[i], json_object_get(done, parts[i]));
	return !has_failed(done);
}

static int judge(const struct lists_conversion *c, struct lists_end_run *r,
                 const struct lists_end_plan *p, json_t *done, json_t *look, struct error *err)
{
	struct lists_conversion_outcome o = { .plan = p,
		                              .report = lists_end_plan_json(p),
		                              .is_so = true };
	json_t *refused = all_refused(o.report, look), *differs = json_array();
	int result = look ? read_back(r, p, look, differs, err) : 0;

	json_object_set_new(o.report, "refused", refused);
	if (look) {
		if (done)
			json_array_extend(differs, json_object_get(look, "changed"));
		report_look(o.report, done, look, differs);
		o.is_so = is_as_planned(p, o.report, done, look);
	} else if (done) {
		o.is_so = report_taken_back(o.report, done);
	} else {
		json_object_set(o.report, "work", p->work);
	}
	o.refused = json_array_size(json_object_get(o.report, "refused"));
	if (result == 0)
		c->outcome(c->context, &o);
	json_decref(differs);
	json_decref(o.report);
	return result;
}

/* ── the lists ───────────────────────────────────────────────────────────────────────────────── */

static void drop(json_t **answers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(answers[i]);
	free(answers);
}

static int give(const struct lists_conversion *c, struct lists_end_run *r,
                const struct lists_end_plan *plans, size_t n, struct error *err)
{
	json_t **done = xcalloc(n, sizeof *done), **look = xcalloc(n, sizeof *look);
	bool acts = c->place && c->what != LISTS_END_LOOK, looks = c->place && has_look(c->what);
	int result = 0;

	if (acts && looks && c->end->give_and_look) {
		result = c->end->give_and_look(r, c->what, plans, n, done, look, err);
		looks = false;
	} else if (acts) {
		result = c->end->give(r, c->what, plans, n, done, err);
	}
	/* by another process or opening, which knows nothing but what was stored */
	if (result == 0 && looks)
		result = c->end->give(r, LISTS_END_LOOK, plans, n, look, err);
	for (size_t i = 0; i < n && result == 0; i++)
		result = judge(c, r, &plans[i], done[i], look[i], err);
	drop(done, n);
	drop(look, n);
	return result;
}

/* Plans of as many lists as fit into memory, from *at on; then what is to be done with them. */
static int convert_some(const struct lists_conversion *c, struct lists_end_run *r, size_t *at,
                        struct strings *unread, struct error *err)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	struct lists_end_plan *plans = xcalloc(c->names->n, sizeof *plans);
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
			c->end->plan(&plans[n], &l, c->site);
			octets += json_dumpb(plans[n].work, NULL, 0, JSON_COMPACT);
			n++;
		}
		++*at;
	}
	if (result == 0 && n)
		result = give(c, r, plans, n, err);
	for (size_t i = 0; i < n; i++)
		lists_end_plan_fini(&plans[i]);
	free(plans);
	return result;
}

int lists_convert_all(const struct lists_conversion *c, struct strings *unread,
                      struct strings *told, struct error *err)
{
	AUTO_LISTS_END_RUN struct lists_end_run r = { .end = c->end, .place = c->place };
	int result = 0;

	for (size_t at = 0; at < c->names->n && result == 0;)
		result = convert_some(c, &r, &at, unread, err);
	for (size_t i = 0; i < r.told.n; i++)
		if (!strings_has(told, r.told.rows[i]))
			strings_add(told, r.told.rows[i]);
	return result;
}
