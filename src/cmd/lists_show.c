/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_show -- `mailhaul lists show`: rosters, settings, and what waits. */

#include "cmd/lists.h"

#include "cmd/lists_site.h"
#include "lists/show.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

struct wanted {
	struct lists_place_wishes place;
	struct lists_list_options options;
	bool all, secrets, json;
};

/* One by one, so that a thousand lists never stand in memory together. */
static void print_json(json_t *document, const char *before)
{
	fputs(before, stdout);
	json_dumpf(document, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(document);
}

static int show_one(struct lists_opened *o, const struct wanted *w, const char *name,
                    const char *before, struct error *err)
{
	AUTO_LISTS_LIST struct lists_list l = { 0 };

	if (lists_list_read(&l, &o->site, name, &w->options, err) < 0)
		return error_context(err, "list %s", name);
	if (w->json) {
		print_json(lists_list_json(&l, &o->site, w->secrets), before);
	} else {
		fputs(before, stdout);
		lists_show_list(stdout, &l, &o->site, w->secrets);
	}
	return 0;
}

static int show_all(struct lists_opened *o, const struct wanted *w, const struct strings *names,
                    struct error *err)
{
	const char *between = w->json ? ",\n" : "\n";
	size_t foreseen = 0;

	if (w->json)
		fputs("{\"lists\": [\n", stdout);
	for (size_t i = 0; i < names->n; i++)
		if ((i == foreseen &&
		     lists_foresee(&o->site, names, &foreseen, &w->options, err) < 0) ||
		    show_one(o, w, names->rows[i], i ? between : "", err) < 0)
			return -1;
	if (w->json)
		fputs("]", stdout);
	if (w->json && w->all)
		print_json(lists_site_json(&o->site), ",\n\"site\": ");
	if (w->json)
		fputs("}\n", stdout);
	if (w->all && !w->json) {
		putchar('\n');
		lists_show_site(stdout, &o->site);
	}
	return 0;
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "all", no_argument, NULL, 'a' },
		{ "secrets", no_argument, NULL, 'S' },
		{ "count", no_argument, NULL, 'c' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		w->all = w->all || c == 'a';
		w->secrets = w->secrets || c == 'S';
		if (c == 'c')
			w->options.count_max = UINT64_MAX;
		if (c == '?')
			return false;
	}
	return w->all != (optind < run->argc);
}

int lists_show(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	struct wanted w = { .json = run->json };

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	if (lists_open(&o, run, &w.place, err) < 0 ||
	    lists_choose(&o, w.all, run->argc - optind, run->argv + optind, &names, err) < 0)
		return -1;
	return show_all(&o, &w, &names, err) < 0 ? -1 : EXIT_CODE_GOOD;
}
