/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_archive -- `mailhaul lists archive`: what can be done to an archive without giving any page of it
 * another number. */

#include "cmd/lists.h"

#include "base/file.h"
#include "base/memory.h"
#include "cmd/lists_site.h"
#include "lists/archive_export.h"
#include "lists/archive_rebuild.h"
#include "lists/archive_rewrite.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADD_MAX (1ull << 30)

struct wishes {
	struct lists_place_wishes place;
	const char *to, *add, *map;
	bool all, public_tree;
	struct strings lists, drop;
};

struct doing {
	struct cmd_run *run;
	const struct wishes *w;
	struct host *h;
	const struct lists_installation *site;
	json_t *told; /* NULL: words */
	bool no;      /* something could not be done */
};

/* ── words ───────────────────────────────────────────────────────────────────────────────────── */

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->rows[i]));
	return list;
}

static void say(struct doing *d, json_t *row, const struct buf *words)
{
	if (d->told)
		json_array_append_new(d->told, row);
	else if (!d->run->quiet)
		fputs(buf_text(words), stdout);
	if (!d->told)
		json_decref(row);
}

/* ── mbox ────────────────────────────────────────────────────────────────────────────────────── */

static int mbox_one(struct doing *d, const char *list, struct error *err)
{
	AUTO_BUF struct buf words = { 0 };
	struct archive_export out;
	static const char *const outcomes[] = {
		[ARCHIVE_EXPORT_WRITTEN] = "written",
		[ARCHIVE_EXPORT_PRIVATE] = "is private: not written",
		[ARCHIVE_EXPORT_NONE] = "has no mbox",
	};

	if (archive_export(d->h, &d->site->paths, list, d->w->to, d->w->public_tree, &out, err) < 0)
		return error_context(err, "list %s", list);
	/* with --all, private ones are what the tree is to be without */
	if (out.outcome == ARCHIVE_EXPORT_PRIVATE && !d->w->all)
		d->no = true;
	buf_addf(&words, "list %s: ", list);
	if (out.outcome == ARCHIVE_EXPORT_WRITTEN)
		buf_addf(&words, "%s, %llu octets, %s\n", out.path, (unsigned long long)out.octets,
		         out.is_public ? "public" : "private");
	else
		buf_addf(&words, "%s\n", outcomes[out.outcome]);
	if (out.removed)
		buf_addf(&words, "list %s: one of earlier, in the wrong place now, is gone\n",
		         list);
	say(d,
	    json_pack("{s:s, s:s, s:s, s:b, s:I, s:b}", "list", list, "outcome",
	              outcomes[out.outcome], "path", out.path, "public", out.is_public, "octets",
	              (json_int_t)out.octets, "removed", out.removed),
	    &words);
	return 0;
}

static void print_rsync(const struct doing *d)
{
	AUTO_FREE char *dir = realpath(d->w->to, NULL);

	if (d->told || d->run->quiet || !dir)
		return;
	printf("\n# rsyncd.conf(5), to offer it:\n[mailing-lists]\n\tpath = %s\n"
	       "\tcomment = public archives of mailing lists\n\tread only = yes\n"
	       "\tlist = yes\n\tuse chroot = yes\n\tuid = nobody\n\texclude = .*\n",
	       dir);
}

/* A tree of earlier may have an archive that has become private, also of a list that nobody named. */
static int mbox_withdraw(struct doing *d, struct error *err)
{
	AUTO_LISTS_SITE struct lists_site site = { 0 };

	if (lists_site_read(&site, d->h, &d->site->paths, d->site->settings, false, err) < 0)
		return -1;
	for (size_t i = 0; i < site.names.n; i++) {
		const char *list = site.names.rows[i];
		bool removed;

		if (archive_export_withdraw(d->h, &d->site->paths, list, d->w->to, &removed, err) <
		    0)
			return error_context(err, "list %s", list);
		if (removed)
			fprintf(stderr, "list %s: has become private, and is taken out of %s\n",
			        list, d->w->to);
	}
	return 0;
}

static int mbox_all(struct doing *d, struct error *err)
{
	if (d->w->public_tree && mbox_withdraw(d, err) < 0)
		return -1;
	for (size_t i = 0; i < d->w->lists.n; i++)
		if (mbox_one(d, d->w->lists.rows[i], err) < 0)
			return -1;
	if (d->w->public_tree)
		print_rsync(d);
	return 0;
}

/* ── clean ───────────────────────────────────────────────────────────────────────────────────── */

static json_t *rewrite_json(const char *list, const struct archive_rewrite *r)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s*}",
	                 "list", list, "octets", (json_int_t)r->octets, "octets_after",
	                 (json_int_t)r->octets_after, "from_lines", (json_int_t)r->from_lines,
	                 "messages", (json_int_t)r->messages, "close", (json_int_t)r->close,
	                 "strays", (json_int_t)r->strays, "escaped", (json_int_t)r->escaped,
	                 "blank_lines", (json_int_t)r->blanks, "preamble", (json_int_t)r->preamble,
	                 "not_shown", (json_int_t)r->diff_more, "diff", words_json(&r->diff),
	                 "kept", r->kept);
}

static int clean_one(struct doing *d, const char *list, struct error *err)
{
	AUTO_FREE char *name = xasprintf("%s.mbox", list);
	AUTO_FREE char *dir = lists_paths_join(&d->site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                                       name);
	AUTO_ARCHIVE_REWRITE struct archive_rewrite r = { 0 };
	AUTO_BUF struct buf words = { 0 };
	const struct archive_rewrite_options o = { .h = d->h,
		                                   .dir = dir ? dir : "",
		                                   .name = name,
		                                   .escape = true,
		                                   .keep = true,
		                                   .dry_run = d->run->dry_run,
		                                   .all_lines = d->run->verbose };

	if ((!d->run->dry_run && archive_check_stopped(d->h, &d->site->paths, list, err) < 0) ||
	    archive_rewrite(&o, &r, err) < 0)
		return error_context(err, "list %s", list);
	for (size_t i = 0; i < r.diff.n; i++)
		buf_addf(&words, "%s\n", r.diff.rows[i]);
	if (r.diff_more)
		buf_addf(&words, "... and %llu more places: -v shows them\n",
		         (unsigned long long)r.diff_more);
	buf_addf(&words,
	         "list %s: %llu lines begin with \"From \": %llu messages, %llu stray lines%s; "
	         "%llu octets, %llu %s\n",
	         list, (unsigned long long)r.from_lines, (unsigned long long)r.messages,
	         (unsigned long long)r.strays,
	         !r.changes        ? ""
	         : d->run->dry_run ? ", to be escaped"
	                           : ", now escaped",
	         (unsigned long long)r.octets, (unsigned long long)r.octets_after,
	         d->run->dry_run ? "they would be" : "now");
	if (r.close)
		buf_addf(&words, "list %s: %llu messages had no blank line in front\n", list,
		         (unsigned long long)r.close);
	if (r.preamble)
		buf_addf(&words, "list %s: %llu octets stand before the first message\n", list,
		         (unsigned long long)r.preamble);
	if (r.kept)
		buf_addf(&words, "list %s: the old one is %s\n", list, r.kept);
	say(d, rewrite_json(list, &r), &words);
	return 0;
}

static int clean_all(struct doing *d, struct error *err)
{
	for (size_t i = 0; i < d->w->lists.n; i++) {
		struct error why = { 0 };

		if (clean_one(d, d->w->lists.rows[i], &why) == 0)
			continue;
		/* one list's trouble is no other's */
		if (lists_is_unreached(&why) || d->w->lists.n == 1)
			return *err = why, -1;
		if (why.sys_errno == ENOENT)
			continue; /* nothing was archived yet */
		fprintf(stderr, "mailhaul: %s\n", why.text);
		d->no = true;
	}
	return 0;
}

/* ── check, rebuild ──────────────────────────────────────────────────────────────────────────── */

static int write_map(struct doing *d, const struct archive_check *c, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	if (!d->w->map)
		return 0;
	archive_check_map(c, &text);
	/* paths of a private archive's pages say when was written, and how much */
	return file_write_path_durable(d->w->map, 0600, buf_span(&text), err);
}

static void add_words(struct buf *words, const char *before, const struct strings *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		buf_add_text(words, before);
		buf_add_printable(words, span_of(rows->rows[i]));
		buf_add_char(words, '\n');
	}
}

static void add_check(struct buf *words, const char *list, const struct archive_check *c)
{
	add_words(words, "trouble: ", &c->troubles);
	for (size_t i = 0; i < c->n; i++)
		if (c->urls[i].state == ARCHIVE_PAGE_LOST ||
		    c->urls[i].state == ARCHIVE_PAGE_UNINDEXED)
			buf_addf(words, "page %s: %s\n", c->urls[i].path,
			         archive_page_state_name(c->urls[i].state));
	add_words(words, "not in the mbox: ", &c->not_in_mbox);
	add_words(words, "no page: ", &c->no_page);
	add_words(words, "twice in the mbox: ", &c->twice);
	add_words(words, "one number, two pages: ", &c->numbers);
	buf_addf(words,
	         "list %s: %zu addresses: %zu kept, %zu withdrawn, %zu in no index, %zu lost; %zu "
	         "pages whose message the mbox does not have, %zu of its messages without a page\n",
	         list, c->n, c->kept, c->withdrawn, c->unindexed, c->lost, c->not_in_mbox.n,
	         c->no_page.n);
}

static json_t *shown_json(const struct strings *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		AUTO_BUF struct buf text = { 0 };

		buf_add_printable(&text, span_of(rows->rows[i]));
		json_array_append_new(list, json_string(buf_text(&text)));
	}
	return list;
}

static json_t *check_json(const char *list, const struct archive_check *c)
{
	json_t *urls = json_object();

	for (size_t i = 0; i < c->n; i++) {
		AUTO_BUF struct buf path = { 0 };

		/* the months' names are in what charset the locale had */
		buf_add_printable(&path, span_of(c->urls[i].path));
		json_object_set_new(urls, buf_text(&path),
		                    json_string(archive_page_state_name(c->urls[i].state)));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "list", list, "pages", urls,
	                 "not_in_mbox", shown_json(&c->not_in_mbox), "no_page",
	                 shown_json(&c->no_page), "twice", shown_json(&c->twice), "numbers",
	                 shown_json(&c->numbers), "troubles", shown_json(&c->troubles));
}

static int check_one(struct doing *d, struct error *err)
{
	const char *list = d->w->lists.rows[0];
	AUTO_ARCHIVE_STATE struct archive_state s = { 0 };
	AUTO_ARCHIVE_CHECK struct archive_check c = { 0 };
	AUTO_BUF struct buf words = { 0 };

	if (archive_state_read(&s, d->h, d->site, list, err) < 0 ||
	    archive_check(&s, &c, err) < 0 || write_map(d, &c, err) < 0)
		return error_context(err, "list %s", list);
	d->no = archive_check_has_findings(&c);
	add_check(&words, list, &c);
	say(d, check_json(list, &c), &words);
	return 0;
}

static int rebuild_one(struct doing *d, struct error *err)
{
	const char *list = d->w->lists.rows[0];
	AUTO_ARCHIVE_REBUILD struct archive_rebuild r = { 0 };
	AUTO_BUF struct buf mbox = { 0 }, words = { 0 };
	struct archive_rebuild_options o = { .h = d->h,
		                             .site = d->site,
		                             .list = list,
		                             .drop = &d->w->drop,
		                             .dry_run = d->run->dry_run };

	if (d->w->add && file_read(d->w->add, ADD_MAX, &mbox, err) < 0)
		return -1;
	o.add = buf_span(&mbox);
	if (archive_rebuild(&o, &r, err) < 0 || write_map(d, &r.after, err) < 0)
		return error_context(err, "list %s", list);
	d->no = r.failed.n != 0;
	add_words(&words, d->run->dry_run ? "would be: " : "", &r.done);
	add_words(&words, "failed: ", &r.failed);
	add_words(&words, "note: ", &r.notes);
	buf_addf(&words, "list %s: %zu added, %zu withdrawn, %zu were there already%s\n", list,
	         r.added, r.withdrawn, r.there_already, d->run->dry_run ? ": nothing is done" : "");
	buf_addf(&words, "list %s: %zu addresses: %zu kept, %zu withdrawn, %zu lost\n", list,
	         r.after.n, r.after.n - r.after.withdrawn - r.after.lost, r.after.withdrawn,
	         r.after.lost);
	say(d,
	    json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "list", list, "added",
	              (json_int_t)r.added, "withdrawn", (json_int_t)r.withdrawn, "there_already",
	              (json_int_t)r.there_already, "done", shown_json(&r.done), "failed",
	              shown_json(&r.failed), "notes", shown_json(&r.notes), "check",
	              check_json(list, &r.after)),
	    &words);
	return 0;
}

/* ── the command line ────────────────────────────────────────────────────────────────────────── */

static const struct verb {
	const char *name, *usage;
	int (*run)(struct doing *d, struct error *err);
	bool changes, one; /* the host is changed; one list only */
} verbs[] = {
	{ "check", "[--map FILE] LIST", check_one, false, true },
	{ "clean", "[--dry-run] LIST...|--all", clean_all, true, false },
	{ "mbox", "[--public] --to DIR LIST...|--all", mbox_all, false, false },
	{ "rebuild", "[--add MBOX] [--drop MESSAGE-ID]... [--map FILE] [--dry-run] LIST",
	  rebuild_one, true, true },
};

static bool get_options(struct cmd_run *run, const struct verb *v, struct wishes *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "to", required_argument, NULL, 't' },
		{ "add", required_argument, NULL, 'A' },
		{ "drop", required_argument, NULL, 'D' },
		{ "map", required_argument, NULL, 'm' },
		{ "all", no_argument, NULL, 'a' },
		{ "public", no_argument, NULL, 'P' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == '?')
			return false;
		if (c == 't')
			w->to = optarg;
		if (c == 'A')
			w->add = optarg;
		if (c == 'm')
			w->map = optarg;
		if (c == 'D')
			strings_add(&w->drop, optarg);
		w->all = w->all || c == 'a';
		w->public_tree = w->public_tree || c == 'P';
		run->dry_run = run->dry_run || c == 'd';
	}
	if ((v->one && (w->all || run->argc - optind != 1)) ||
	    (v->run == rebuild_one && !w->add && !w->drop.n))
		return false;
	return (v->run != mbox_all || (w->to && !run->dry_run)) && w->all != (optind < run->argc);
}

static int choose(struct doing *d, struct wishes *w, struct error *err)
{
	AUTO_LISTS_SITE struct lists_site site = { 0 };

	if (lists_site_read(&site, d->h, &d->site->paths, d->site->settings, false, err) < 0)
		return -1;
	for (size_t i = 0; w->all && i < site.names.n; i++)
		strings_add(&w->lists, site.names.rows[i]);
	for (int i = optind; i < d->run->argc; i++) {
		if (!strings_has(&site.names, d->run->argv[i]))
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "there is no list \"%s\"", d->run->argv[i]);
		strings_add(&w->lists, d->run->argv[i]);
	}
	return 0;
}

static int run_verb(struct cmd_run *run, const struct verb *v, struct wishes *w, struct error *err)
{
	AUTO_LISTS_PLACE struct lists_place place = { 0 };
	struct doing d = { .run = run, .w = w };
	int result;

	w->place.control = v->changes && !run->dry_run;
	if (lists_place_open(&place, run, &w->place, err) < 0)
		return -1;
	d.h = place.h;
	d.site = &place.all.rows[0];
	if (choose(&d, w, err) < 0)
		return -1;
	if (run->json)
		d.told = json_array();
	result = v->run(&d, err);
	if (d.told && result == 0) {
		json_dumpf(d.told, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(d.told);
	return result < 0 ? -1 : d.no ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int lists_archive_verb(struct cmd_run *run, struct error *err)
{
	const char *name = run->argc > 1 ? run->argv[1] : "";
	struct cmd_run below = *run;
	struct wishes w = { 0 };
	int result = EXIT_CODE_USAGE;

	below.argc--;
	below.argv++;
	optind = 0;
	if (!strcmp(name, "render"))
		return lists_render_verb(&below, err);
	if (!strcmp(name, "import"))
		return lists_import_verb(&below, err);
	for (size_t i = 0; i < ROWS(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		optind = 0; /* getopt_long(3): starts afresh */
		if (get_options(&below, &verbs[i], &w))
			result = run_verb(&below, &verbs[i], &w, err);
		else
			fprintf(stderr, "usage: mailhaul lists archive %s %s\n", name,
			        verbs[i].usage);
		strings_fini(&w.lists);
		strings_fini(&w.drop);
		return result;
	}
	return result;
}
