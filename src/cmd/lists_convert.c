/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_convert -- `mailhaul lists convert`: lists of Mailman 2.1 into another list manager. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/lists_site.h"
#include "cmd/open.h"
#include "lists/conversion.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	struct lists_place_wishes place;
	struct lists_end_place there;
	const struct lists_end *end;
	const char *into;
	bool all, plan, open, remove;
};

struct converting {
	const struct cmd_run *run;
	json_t *lists; /* with --json */
	bool short_of; /* anything */
};

/* What the other side's row does not take is no option of it. */
static bool fits(const struct wanted *w)
{
	unsigned takes = w->end ? w->end->takes : 0;

	return w->end && (!w->into || takes & LISTS_END_HOST) &&
	       (!w->there.program || takes & LISTS_END_PROGRAM) &&
	       (!w->there.user || takes & LISTS_END_USER) &&
	       (!w->there.texts || takes & LISTS_END_TEXTS) &&
	       !w->there.folder == !(takes & LISTS_END_FOLDER) &&
	       (!w->there.bulk || takes & LISTS_END_BULK) &&
	       (!w->open || takes & LISTS_END_OPENS) && (!w->remove || takes & LISTS_END_REMOVES);
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "to", required_argument, NULL, 't' },
		{ "into", required_argument, NULL, 'i' },
		{ "mailman", required_argument, NULL, 'm' },
		{ "folder", required_argument, NULL, 'f' },
		{ "texts", required_argument, NULL, 'T' },
		{ "user", required_argument, NULL, 'u' },
		{ "bulk", no_argument, NULL, 'b' },
		{ "all", no_argument, NULL, 'a' },
		{ "plan", no_argument, NULL, 'P' },
		{ "open", no_argument, NULL, 'o' },
		{ "remove", no_argument, NULL, 'r' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == 't')
			w->end = lists_end_named(optarg);
		if (c == 'i')
			w->into = optarg;
		if (c == 'm')
			w->there.program = optarg;
		if (c == 'f')
			w->there.folder = optarg;
		if (c == 'T')
			w->there.texts = optarg;
		if (c == 'u')
			w->there.user = optarg;
		w->there.bulk = w->there.bulk || c == 'b';
		w->all = w->all || c == 'a';
		w->plan = w->plan || c == 'P';
		w->open = w->open || c == 'o';
		w->remove = w->remove || c == 'r';
		if (c == '?')
			return false;
	}
	return fits(w) && w->all != (optind < run->argc) && w->plan + w->open + w->remove <= 1;
}

/* ── what came of a list ─────────────────────────────────────────────────────────────────────── */

static void print_rows(const struct lists_end_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct lists_end_row *r = &p->rows[i];
		AUTO_FREE char *value = json_dumps(r->value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

		printf("  %s = %.200s: %s%s%s%s%s\n", r->name, value ? value : "?",
		       lists_fate_name(r->fate), r->to ? ", " : "", r->to ? r->to : "",
		       r->why ? ": " : "", r->why ? r->why : "");
	}
}

static void print_words(const char *list, const char *before, json_t *words)
{
	size_t i;
	json_t *row;

	json_array_foreach (words, i, row)
		fprintf(stderr, "list %s: %s%s\n", list, before, json_string_value(row));
}

static void print_list(const struct converting *c, const struct lists_end_plan *p, json_t *report)
{
	json_t *refused = json_object_get(report, "refused"), *row;
	const char *error = json_string_value(json_object_get(report, "error"));
	size_t fates[LISTS_FATE_UNUSED + 1] = { 0 }, i;

	for (i = 0; i < p->n; i++)
		fates[p->rows[i].fate]++;
	if (!c->run->quiet)
		printf("list %s: %zu attributes: %zu set, %zu carried, %zu left, %zu not needed; "
		       "%zu members, %lld there, %zu changes\n",
		       p->address, p->n, fates[LISTS_FATE_SET], fates[LISTS_FATE_CARRIED],
		       fates[LISTS_FATE_LEFT], fates[LISTS_FATE_UNUSED], p->members,
		       (long long)json_integer_value(json_object_get(report, "there")),
		       json_array_size(json_object_get(report, "changed")));
	if (c->run->verbose)
		print_rows(p);
	json_array_foreach (refused, i, row)
		fprintf(stderr, "list %s: %s %s: %s\n", p->address,
		        json_string_value(json_object_get(row, "what")),
		        json_string_value(json_object_get(row, "who")),
		        json_string_value(json_object_get(row, "why")));
	if (error)
		fprintf(stderr, "list %s: was not brought to its end: %s\n", p->address, error);
	if (!c->run->quiet)
		print_words(p->address, "", json_object_get(report, "told"));
	if (c->run->verbose)
		print_words(p->address, "changed: ", json_object_get(report, "changed"));
	print_words(p->address, "differs still: ", json_object_get(report, "differs"));
}

static void take_outcome(void *context, const struct lists_conversion_outcome *o)
{
	struct converting *c = context;

	c->short_of = c->short_of || !o->is_so || o->refused;
	if (c->lists)
		json_array_append(c->lists, o->report);
	else
		print_list(c, o->plan, o->report);
}

/* ── the lists ───────────────────────────────────────────────────────────────────────────────── */

static void print_end(const struct converting *c, const struct strings *unread,
                      const struct strings *told)
{
	for (size_t i = 0; i < unread->n; i++)
		fprintf(stderr, "list %s: its configuration can't be read\n", unread->rows[i]);
	for (size_t i = 0; i < told->n; i++)
		fprintf(stderr, "%s\n", told->rows[i]);
	if (!c->lists)
		return;
	json_dumpf(c->lists, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
}

static int convert(struct converting *c, struct lists_opened *o, struct wanted *w,
                   const struct strings *names, struct error *err)
{
	AUTO_STRINGS struct strings unread = { 0 }, told = { 0 };
	AUTO_HOST struct host *to = NULL;
	struct lists_conversion job = { .end = w->end,
		                        .site = &o->site,
		                        .names = names,
		                        .what = c->run->dry_run ? LISTS_END_LOOK
		                                : w->open       ? LISTS_END_OPEN
		                                : w->remove     ? LISTS_END_REMOVE
		                                                : LISTS_END_GIVE,
		                        .outcome = take_outcome,
		                        .context = c };

	if (!w->plan) {
		if (w->end->takes & LISTS_END_HOST &&
		    cmd_open_place(&to, w->into ? w->into : "local", "new", true, err) < 0)
			return -1;
		w->there.h = to;
		job.place = &w->there;
	}
	if (lists_convert_all(&job, &unread, &told, err) < 0)
		return -1;
	c->short_of = c->short_of || unread.n;
	print_end(c, &unread, &told);
	return 0;
}

int lists_convert(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	struct wanted w = { 0 };
	struct converting c = { .run = run };
	int result;

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	if (lists_open(&o, run, &w.place, err) < 0 ||
	    lists_choose(&o, w.all, run->argc - optind, run->argv + optind, &names, err) < 0)
		return -1;
	if (run->json)
		c.lists = json_array();
	result = convert(&c, &o, &w, &names, err);
	json_decref(c.lists);
	if (result < 0)
		return -1;
	return c.short_of ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
