/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_convert -- `mailhaul lists convert`: lists of Mailman 2.1 into another list manager. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/lists_site.h"
#include "lists/mailman3_give.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Octets of plans that are in memory together. */
#define BATCH_MAX (64u << 20)

struct wanted {
	struct lists_place_wishes place;
	struct lists_mailman3_core core;
	const char *to;
	bool all, plan, open;
};

struct converting {
	const struct cmd_run *run;
	const struct wanted *w;
	json_t *lists; /* with --json */
	struct strings settings;
	struct lists_mailman3_rest rest;
	struct http *web; /* NULL: not needed yet, or REST does not answer */
	bool is_mute;     /* which was told */
	bool short_of;    /* anything */
};

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "to", required_argument, NULL, 't' },
		{ "mailman", required_argument, NULL, 'm' },
		{ "user", required_argument, NULL, 'u' },
		{ "all", no_argument, NULL, 'a' },
		{ "plan", no_argument, NULL, 'P' },
		{ "open", no_argument, NULL, 'o' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == 't')
			w->to = optarg;
		if (c == 'm')
			w->core.program = optarg;
		if (c == 'u')
			w->core.user = optarg;
		w->all = w->all || c == 'a';
		w->plan = w->plan || c == 'P';
		w->open = w->open || c == 'o';
		if (c == '?')
			return false;
	}
	return w->to && !strcmp(w->to, "mailman3") && w->all != (optind < run->argc) &&
	       !(w->plan && w->open);
}

/* ── what came of a list ─────────────────────────────────────────────────────────────────────── */

static size_t count(json_t *answer, const char *name)
{
	return json_array_size(json_object_get(answer, name));
}

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

static void print_rows(const struct lists_mailman3_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct lists_mailman3_row *r = &p->rows[i];
		AUTO_FREE char *value = json_dumps(r->value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

		printf("  %s = %.200s: %s%s%s%s%s\n", r->name, value ? value : "?",
		       lists_mailman3_fate_name(r->fate), r->to ? ", " : "", r->to ? r->to : "",
		       r->why ? ": " : "", r->why ? r->why : "");
	}
}

static void print_words(const char *list, const char *before, json_t *words)
{
	size_t i;
	json_t *row;

	json_array_foreach(words, i, row)
		fprintf(stderr, "list %s: %s%s\n", list, before, json_string_value(row));
}

static void print_list(const struct converting *c, const struct lists_mailman3_plan *p,
                       json_t *report)
{
	json_t *refused = json_object_get(report, "refused"), *row;
	const char *error = json_string_value(json_object_get(report, "error"));
	size_t fates[LISTS_MAILMAN3_UNUSED + 1] = { 0 }, i;

	for (i = 0; i < p->n; i++)
		fates[p->rows[i].fate]++;
	if (!c->run->quiet)
		printf("list %s: %zu attributes: %zu set, %zu carried, %zu left, %zu not needed; "
		       "%zu members, %lld there, %zu changes\n",
		       p->address, p->n, fates[LISTS_MAILMAN3_SET], fates[LISTS_MAILMAN3_CARRIED],
		       fates[LISTS_MAILMAN3_LEFT], fates[LISTS_MAILMAN3_UNUSED], p->members,
		       (long long)json_integer_value(json_object_get(report, "there")),
		       count(report, "changed"));
	if (c->run->verbose)
		print_rows(p);
	json_array_foreach(refused, i, row) fprintf(stderr, "list %s: %s %s: %s\n", p->address,
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

/*
 * Puts what both say to the plan's report; takes neither.
 *
 *   done  of what was changed; NULL: nothing was to be
 *   look  of the look behind it, which alone is believed; NULL: --plan
 */
static void judge(struct converting *c, const struct lists_mailman3_plan *p, json_t *done,
                  json_t *look)
{
	json_t *report = lists_mailman3_plan_json(p), *first = done ? done : look;
	json_t *refused = all_refused(report, look);
	json_int_t there = json_integer_value(json_object_get(look, "members"));

	json_object_set_new(report, "refused", refused);
	if (c->w->plan)
		json_object_set(report, "work", p->work);
	if (look) {
		json_object_set_new(report, "there", json_integer(there));
		json_object_set(report, "changed", json_object_get(first, "changed"));
		json_object_set(report, "told", json_object_get(first, "told"));
		json_object_set(report, "new", json_object_get(first, "new"));
		json_object_set(report, "error", json_object_get(first, "error"));
		json_object_set(report, "mailed", json_object_get(first, "mailed"));
		json_object_set_new(report, "differs",
		                    done ? json_incref(json_object_get(look, "changed"))
		                         : json_array());
	}
	if (json_array_size(refused))
		c->short_of = true;
	if (done && (json_is_string(json_object_get(done, "error")) || count(look, "changed") ||
	             json_is_string(json_object_get(look, "error")) ||
	             json_integer_value(json_object_get(done, "mailed")) ||
	             p->members != (size_t)there + members_refused(refused)))
		c->short_of = true;
	if (c->lists)
		json_array_append(c->lists, report);
	else
		print_list(c, p, report);
	json_decref(report);
}

/*
 * Holds it against what REST says, which had no part in writing it: a line in `differs` for what is other.
 * Where REST does not run, as while a Mailman is stopped, that is told once.
 */
static int read_back(struct converting *c, const struct lists_mailman3_plan *p, json_t *look,
                     struct error *err)
{
	AUTO_STRINGS struct strings differs = { 0 };
	json_t *changed = json_object_get(look, "changed");

	if (c->is_mute || !c->rest.url)
		return 0;
	if (!c->web && http_open(&c->web, NULL, err) < 0)
		return -1;
	if (lists_mailman3_read_back(c->web, &c->rest, p, look, &differs, err) < 0) {
		if (err->retry != ERROR_RETRY_REACH)
			return error_context(err, "list %s", p->address);
		c->is_mute = true;
		strings_addf(&c->settings, "nothing was read back over REST: %s", err->text);
		return 0;
	}
	for (size_t i = 0; i < differs.n; i++)
		json_array_append_new(changed, json_string(differs.rows[i]));
	return 0;
}

/* ── the lists ───────────────────────────────────────────────────────────────────────────────── */

static void drop(json_t **answers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(answers[i]);
	free(answers);
}

static int give(struct converting *c, struct lists_mailman3_plan *plans, size_t n,
                struct error *err)
{
	const struct lists_mailman3_core *core = &c->w->core;
	enum lists_mailman3_do what = c->w->open ? LISTS_MAILMAN3_OPEN : LISTS_MAILMAN3_GIVE;
	json_t **done = xcalloc(n, sizeof *done), **look = xcalloc(n, sizeof *look);
	bool acts = !c->w->plan && !c->run->dry_run;
	int result = 0;

	if (acts)
		result = lists_mailman3_give(core, what, plans, n, done, &c->settings, &c->rest,
		                             err);
	/* by another process, which knows nothing but what was stored */
	if (result == 0 && !c->w->plan)
		result = lists_mailman3_give(core, LISTS_MAILMAN3_LOOK, plans, n, look,
		                             &c->settings, &c->rest, err);
	for (size_t i = 0; i < n && result == 0 && acts; i++)
		if (json_is_null(json_object_get(look[i], "error")))
			result = read_back(c, &plans[i], look[i], err);
	for (size_t i = 0; i < n && result == 0; i++)
		judge(c, &plans[i], acts ? done[i] : NULL, look[i]);
	drop(done, n);
	drop(look, n);
	return result;
}

/* Plans of as many lists as fit into memory, from *at on; then what is to be done with them. */
static int convert_some(struct converting *c, struct lists_opened *o, const struct strings *names,
                        size_t *at, struct error *err)
{
	static const struct lists_list_options reading = { .count_max = 1 };
	struct lists_mailman3_plan *plans = xcalloc(names->n, sizeof *plans);
	size_t n = 0, octets = 0;
	int result = 0;

	while (*at < names->n && result == 0 && octets < BATCH_MAX) {
		AUTO_LISTS_LIST struct lists_list l = { 0 };

		if (lists_list_read(&l, &o->site, names->rows[*at], &reading, err) < 0) {
			result = error_context(err, "list %s", names->rows[*at]);
		} else if (value_is_absent(l.config)) {
			fprintf(stderr, "list %s: its configuration can't be read\n",
			        names->rows[*at]);
			c->short_of = true;
		} else {
			lists_mailman3_plan(&plans[n], &l, &o->site);
			octets += json_dumpb(plans[n].work, NULL, 0, JSON_COMPACT);
			n++;
		}
		++*at;
	}
	if (result == 0 && n)
		result = give(c, plans, n, err);
	for (size_t i = 0; i < n; i++)
		lists_mailman3_plan_fini(&plans[i]);
	free(plans);
	return result;
}

static void print_end(const struct converting *c)
{
	for (size_t i = 0; i < c->settings.n; i++)
		fprintf(stderr, "%s\n", c->settings.rows[i]);
	if (!c->lists)
		return;
	json_dumpf(c->lists, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
}

int lists_convert(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	struct wanted w = { .core = { .program = "mailman", .user = "list" } };
	struct converting c = { .run = run, .w = &w };
	int result = 0;

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	if (lists_open(&o, run, &w.place, err) < 0 ||
	    lists_choose(&o, w.all, run->argc - optind, run->argv + optind, &names, err) < 0)
		return -1;
	if (run->json)
		c.lists = json_array();
	for (size_t at = 0; at < names.n && result == 0;)
		result = convert_some(&c, &o, &names, &at, err);
	if (result == 0)
		print_end(&c);
	strings_fini(&c.settings);
	lists_mailman3_rest_fini(&c.rest);
	http_close(c.web);
	json_decref(c.lists);
	if (result < 0)
		return -1;
	return c.short_of ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
