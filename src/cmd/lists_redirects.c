/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_redirects -- `mailhaul lists redirects`: rules by which old addresses of pages live on. */

#include "cmd/lists.h"

#include "base/memory.h"
#include "cmd/lists_site.h"
#include "lists/archive_state.h"
#include "lists/redirects.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	struct lists_place_wishes place;
	struct redirects_to to;
	struct strings domains;
	const char *folder, *mail_host;
	bool all;
};

/* To add a target: a row, and what redirects.c does with it. */
static const struct {
	const char *name, *archives, *lists;
} targets[] = {
	[REDIRECTS_HYPERKITTY] = { "hyperkitty", "/hyperkitty", "/postorius" },
	[REDIRECTS_RENDER] = { "render", "/pipermail", "/mailman" },
	[REDIRECTS_KEEP] = { "keep", "/pipermail", "/mailman" },
};

static bool set_target(struct wanted *w, const char *name)
{
	for (size_t i = 0; i < ROWS(targets); i++) {
		if (strcmp(targets[i].name, name) != 0)
			continue;
		w->to.target = (enum redirects_target)i;
		if (!w->to.archives)
			w->to.archives = targets[i].archives;
		if (!w->to.lists)
			w->to.lists = targets[i].lists;
		return true;
	}
	return false;
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "target", required_argument, NULL, 'T' },
		{ "base", required_argument, NULL, 'b' },
		{ "archives", required_argument, NULL, 'A' },
		{ "lists", required_argument, NULL, 'l' },
		{ "mail-host", required_argument, NULL, 'm' },
		{ "dreamhost", required_argument, NULL, 'D' },
		{ "to", required_argument, NULL, 't' },
		{ "all", no_argument, NULL, 'a' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	const char *target = NULL;
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == '?')
			return false;
		if (c == 'T')
			target = optarg;
		if (c == 'b')
			w->to.base = optarg;
		if (c == 'A')
			w->to.archives = optarg;
		if (c == 'l')
			w->to.lists = optarg;
		if (c == 'm')
			w->mail_host = optarg;
		if (c == 't')
			w->folder = optarg;
		if (c == 'D')
			strings_add(&w->domains, optarg);
		w->all = w->all || c == 'a';
		run->dry_run = run->dry_run || c == 'd';
	}
	w->to.domains = &w->domains;
	return target && set_target(w, target) && w->to.base && (w->folder || run->dry_run) &&
	       w->all != (optind < run->argc);
}

/* Ids that no message has lead nowhere. Only where there are such ones the mbox is read. */
static int drop_made(struct old_pages *pages, const struct lists_opened *o, const char *name,
                     struct error *err)
{
	AUTO_FREE char *box = xasprintf("%s.mbox", name);
	AUTO_FREE char *dir = lists_paths_join(o->site.paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, box);
	AUTO_STRINGS struct strings ids = { 0 };
	uint64_t messages, without;
	bool any = false;

	for (size_t i = 0; i < pages->n && !any; i++)
		any = pages->rows[i].id && old_page_is_made(pages->rows[i].id);
	if (!any)
		return 0;
	if (archive_mbox_ids(o->place.h, dir, box, &ids, &messages, &without, err) < 0)
		return -1;
	old_pages_drop_made(pages, &ids);
	return 0;
}

static int add_one(struct redirects *r, const struct lists_opened *o, const struct wanted *w,
                   const char *name, struct error *err)
{
	const struct lists_list_options options = { .count_max = 1 };
	AUTO_FREE char *dir = lists_paths_join(o->site.paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, name);
	AUTO_LISTS_LIST struct lists_list l = { 0 };
	AUTO_OLD_PAGES struct old_pages pages = { 0 };
	AUTO_BUF struct buf address = { 0 };
	struct redirects_list list = { .name = name };
	bool none = false;

	if (lists_list_read(&l, &o->site, name, &options, err) < 0)
		return -1;
	lists_list_address(&l, &address);
	if (w->mail_host || !address.n) {
		buf_reset(&address);
		buf_addf(&address, "%s@%s", name, w->mail_host ? w->mail_host : "localhost");
	}
	list.address = buf_text(&address);
	list.is_private = l.archive.is_private;
	if (!dir || old_pages_read(&pages, o->place.h, dir, err) < 0) {
		none = !dir || err->sys_errno == ENOENT;
		if (!none)
			return -1;
	}
	if (!none && drop_made(&pages, o, name, err) < 0)
		return -1;
	redirects_add_list(r, &w->to, &list, none ? NULL : &pages);
	return 0;
}

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->rows[i]));
	return list;
}

static void print_words(const char *before, const struct strings *words)
{
	for (size_t i = 0; i < words->n; i++)
		printf("%s%s\n", before, words->rows[i]);
}

static void print_sum(const struct cmd_run *run, const struct redirects *r)
{
	if (run->json) {
		json_t *told = json_pack(
			"{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "pages", (json_int_t)r->pages,
			"messages", (json_int_t)r->messages, "addresses", (json_int_t)r->n, "stay",
			(json_int_t)r->stays, "without_id", words_json(&r->without_id), "kept",
			words_json(&r->kept), "named", words_json(&r->named));

		json_dumpf(told, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(told);
		return;
	}
	if (run->quiet)
		return;
	print_words("no Message-ID, leads to its month: ", &r->without_id);
	print_words("its file has to stay: ", &r->kept);
	print_words("no rule: ", &r->named);
	printf("%llu pages, %llu of them of messages; %zu addresses: %zu lead elsewhere, %zu stay; "
	       "%zu messages without a Message-ID, %zu files that have to stay, %zu named\n",
	       (unsigned long long)r->pages, (unsigned long long)r->messages, r->n, r->n - r->stays,
	       r->stays, r->without_id.n, r->kept.n, r->named.n);
}

static int run_wanted(struct cmd_run *run, struct wanted *w, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_REDIRECTS struct redirects r = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (redirects_check(&w->to, err) < 0 || lists_open(&o, run, &w->place, err) < 0 ||
	    lists_choose(&o, w->all, run->argc - optind, run->argv + optind, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (add_one(&r, &o, w, names.rows[i], err) < 0)
			return error_context(err, "list %s", names.rows[i]);
	redirects_end(&r, &w->to);
	if (!run->dry_run && redirects_write(&r, &w->to, w->folder, err) < 0)
		return -1;
	print_sum(run, &r);
	return r.named.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int lists_redirects_verb(struct cmd_run *run, struct error *err)
{
	struct wanted w = { 0 };
	int result = EXIT_CODE_USAGE;

	if (get_options(run, &w))
		result = run_wanted(run, &w, err);
	strings_fini(&w.domains);
	return result;
}
