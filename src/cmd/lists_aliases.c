/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_aliases -- what an MTA has to be told of Mailman's lists: `mailhaul lists aliases`. */

#include "cmd/lists.h"

#include "cmd/lists_place.h"
#include "lists/aliases.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

struct wanted {
	struct lists_place_wishes place;
	enum lists_mta mta; /* 0: that of the host */
	bool check;
};

static json_t *texts_json(const struct strings *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(list, json_string(texts->rows[i]));
	return list;
}

static int print_json(json_t *document)
{
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
	return EXIT_CODE_GOOD;
}

static void print_troubles(const struct strings *troubles)
{
	for (size_t i = 0; i < troubles->n; i++)
		fprintf(stderr, "mailhaul: %s\n", troubles->rows[i]);
}

/* ── making ──────────────────────────────────────────────────────────────────────────────────── */

static int make(const struct cmd_run *run, const struct lists_alias_plan *plan, enum lists_mta mta)
{
	AUTO_LISTS_ALIAS_FILES struct lists_alias_files files = { 0 };
	json_t *list = json_array();

	lists_aliases_make(plan, mta, &files);
	for (size_t i = 0; i < files.n; i++) {
		const struct lists_alias_file *f = &files.rows[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "path", f->path, "text",
		                                      f->text, "part", f->is_part));
		if (!run->json)
			printf("### %s%s\n%s%s", f->path, f->is_part ? " (a part of it)" : "",
			       f->text, i + 1 < files.n ? "\n" : "");
	}
	print_troubles(&plan->troubles);
	if (run->json)
		return print_json(json_pack("{s:s, s:o, s:o}", "mta", lists_mta_name(mta), "files",
		                            list, "troubles", texts_json(&plan->troubles)));
	json_decref(list);
	return EXIT_CODE_GOOD;
}

/* ── checking ────────────────────────────────────────────────────────────────────────────────── */

static json_t *finding_json(const struct lists_alias_finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "fault", lists_alias_fault_name(f->fault),
	                 "address", f->address, "file", f->file, "words", f->words);
}

static int check(const struct cmd_run *run, struct lists_place *place,
                 const struct lists_alias_plan *plan, enum lists_mta mta, struct error *err)
{
	AUTO_LISTS_ALIAS_CHECK struct lists_alias_check c = { 0 };
	bool good;

	if (lists_aliases_check(place->h, plan, mta, &c, err) < 0)
		return -1;
	good = !c.n && !c.troubles.n && !plan->troubles.n;
	print_troubles(&plan->troubles);
	print_troubles(&c.troubles);
	if (run->json) {
		json_t *list = json_array();

		for (size_t i = 0; i < c.n; i++)
			json_array_append_new(list, finding_json(&c.rows[i]));
		print_json(json_pack("{s:s, s:I, s:o, s:o, s:o}", "mta", lists_mta_name(mta),
		                     "good", (json_int_t)c.good, "findings", list, "tables",
		                     texts_json(&c.tables), "troubles", texts_json(&c.troubles)));
		return good ? EXIT_CODE_GOOD : EXIT_CODE_NO;
	}
	for (size_t i = 0; i < c.n; i++) {
		const struct lists_alias_finding *f = &c.rows[i];

		printf("%-8s %s: %s%s%s%s\n", lists_alias_fault_name(f->fault), f->address,
		       f->words, *f->file ? " (" : "", f->file, *f->file ? ")" : "");
	}
	printf("%s: %zu addresses are right, %zu things are not\n", lists_mta_name(mta), c.good,
	       c.n);
	return good ? EXIT_CODE_GOOD : EXIT_CODE_NO;
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "mta", required_argument, NULL, 'm' },
		{ "check", no_argument, NULL, 'c' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == 'c')
			w->check = true;
		else if (c != 'm' || !lists_mta_named(optarg, &w->mta))
			return false;
	}
	return optind == run->argc;
}

int lists_aliases(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_ALIAS_PLAN struct lists_alias_plan plan = { 0 };
	AUTO_LISTS_PLACE struct lists_place place = { 0 };
	struct wanted w = { 0 };
	const struct lists_installation *m;

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	if (lists_place_open(&place, run, &w.place, err) < 0)
		return -1;
	m = &place.all.rows[0];
	if (!w.mta && lists_mta_of(place.h, m, &w.mta, err) < 0)
		return -1;
	if (lists_alias_plan_read(place.h, m, &plan, err) < 0)
		return -1;
	return w.check ? check(run, &place, &plan, w.mta, err) : make(run, &plan, w.mta);
}
