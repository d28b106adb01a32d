/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_export -- `mailhaul lists export`: lists as files that need no Mailman. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "cmd/lists_site.h"
#include "lists/export_set.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

struct wanted {
	struct lists_place_wishes place;
	const char *to;
	bool all, secrets;
};

static json_t *words_json(const struct strings *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(array, json_string(words->rows[i]));
	return array;
}

static void tell(const struct cmd_run *run, const char *name, const struct lists_export_result *r,
                 json_t *lists)
{
	for (size_t i = 0; i < r->words.n && !run->json; i++)
		fprintf(stderr, "list %s: %s\n", name, r->words.rows[i]);
	for (size_t i = 0; i < r->nearly.n && !run->json && run->verbose; i++)
		fprintf(stderr, "list %s: %s: not octet for octet what Mailman would send\n", name,
		        r->nearly.rows[i]);
	if (!lists) {
		if (!run->quiet)
			printf("list %s: %zu members, %zu messages, %zu files\n", name, r->members,
			       r->messages, r->files);
		return;
	}
	json_array_append_new(
		lists, json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "name", name, "members",
	                         (json_int_t)r->members, "messages", (json_int_t)r->messages,
	                         "files", (json_int_t)r->files, "failed", words_json(&r->words),
	                         "not_exact", words_json(&r->nearly)));
}

/* an octet: nothing here asks how many messages an mbox has */
static const struct lists_list_options reading = { .count_max = 1 };

static int export_one(const struct cmd_run *run, const struct lists_opened *o,
                      const struct wanted *w, const char *name, json_t *lists, struct buf *index,
                      struct error *err)
{
	AUTO_LISTS_EXPORT_RESULT struct lists_export_result r = { 0 };
	AUTO_LISTS_LIST struct lists_list l = { 0 };

	if (lists_list_read(&l, &o->site, name, &reading, err) < 0 ||
	    lists_export(&l, &o->site, w->to, w->secrets, &r, err) < 0 ||
	    lists_export_sums(w->to, &l, &r, err) < 0)
		return error_context(err, "list %s", name);
	lists_export_line(&l, &r, index);
	tell(run, name, &r, lists);
	return r.failed ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "to", required_argument, NULL, 't' },
		{ "all", no_argument, NULL, 'a' },
		{ "secrets", no_argument, NULL, 'S' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == 't')
			w->to = optarg;
		w->all = w->all || c == 'a';
		w->secrets = w->secrets || c == 'S';
		if (c == '?')
			return false;
	}
	return w->to && w->all != (optind < run->argc);
}

int lists_export_verb(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_STRINGS struct strings names = { 0 };
	AUTO_BUF struct buf index = { 0 };
	struct wanted w = { 0 };
	json_t *lists = NULL;
	size_t foreseen = 0;
	int result = EXIT_CODE_GOOD;

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	if (lists_open(&o, run, &w.place, err) < 0 ||
	    lists_choose(&o, w.all, run->argc - optind, run->argv + optind, &names, err) < 0)
		return -1;
	if (run->json)
		lists = json_array();
	lists_export_line(NULL, NULL, &index);
	for (size_t i = 0; i < names.n && result >= 0; i++) {
		int one = i == foreseen && lists_foresee(&o.site, &names, &foreseen, &reading,
		                                         err) < 0
		                  ? -1
		                  : export_one(run, &o, &w, names.rows[i], lists, &index, err);

		result = one < 0 || one > result ? one : result;
	}
	if (w.all && result >= 0 && lists_export_index(w.to, &index, err) < 0)
		result = -1;
	if (lists && result >= 0) {
		json_dumpf(lists, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	}
	json_decref(lists);
	return result;
}
