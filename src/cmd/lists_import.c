/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_import -- `mailhaul lists archive import`: archives of Mailman 2.1 into another archiver. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cmd/lists_site.h"
#include "cmd/open.h"
#include "lists/hyperkitty_give.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	struct lists_place_wishes place;
	struct hyperkitty_web web;
	const char *to, *into, *mail_host;
	bool all, index, remove;
};

struct importing {
	const struct cmd_run *run;
	const struct wanted *w;
	struct lists_opened *o;
	struct hyperkitty_run *web;
	json_t *lists;             /* with --json */
	struct progress *progress; /* of the list that is brought */
	bool short_of;             /* anything */
};

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "to", required_argument, NULL, 't' },
		{ "into", required_argument, NULL, 'h' },
		{ "mailman-web", required_argument, NULL, 'w' },
		{ "user", required_argument, NULL, 'u' },
		{ "mail-host", required_argument, NULL, 'm' },
		{ "index", no_argument, NULL, 'i' },
		{ "remove", no_argument, NULL, 'r' },
		{ "all", no_argument, NULL, 'a' },
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
		if (c == 'h')
			w->into = optarg;
		if (c == 'w')
			w->web.program = optarg;
		if (c == 'u')
			w->web.user = optarg;
		if (c == 'm')
			w->mail_host = optarg;
		w->index = w->index || c == 'i';
		w->remove = w->remove || c == 'r';
		w->all = w->all || c == 'a';
		run->dry_run = run->dry_run || c == 'd';
	}
	return w->to && !strcmp(w->to, "hyperkitty") && w->all != (optind < run->argc) &&
	       w->index + w->remove + run->dry_run <= 1;
}

/* ── what came of an archive ─────────────────────────────────────────────────────────────────── */

/* How many messages each thing was said of; and with -v, of which. */
static void print_words(const struct importing *i, const char *list,
                        const struct hyperkitty_result *r)
{
	AUTO_STRINGS struct strings kinds = { 0 };

	for (size_t at = 0; at < r->words_n; at++) {
		const struct hyperkitty_word *w = &r->words[at];
		bool is_wrong = !strcmp(w->what, "refused") || !strcmp(w->what, "differs");

		if (!strings_has(&kinds, w->what))
			strings_add(&kinds, w->what);
		if (is_wrong || i->run->verbose)
			fprintf(is_wrong ? stderr : stdout, "list %s: message %zu, <%s>: %s: %s\n",
			        list, w->row + 1, r->letters.rows[w->row].id, w->what, w->why);
	}
	for (size_t k = 0; k < kinds.n && !i->run->quiet; k++) {
		size_t n = 0;

		for (size_t at = 0; at < r->words_n; at++)
			n += !strcmp(r->words[at].what, kinds.rows[k]);
		printf("list %s: %s: %zu times%s\n", list, kinds.rows[k], n,
		       i->run->verbose ? "" : "; -v says of which messages");
	}
}

static void print_result(const struct importing *i, const char *list,
                         const struct hyperkitty_result *r)
{
	const struct hyperkitty_letters *l = &r->letters;

	if (r->has_none && !r->error) {
		if (!i->run->quiet)
			printf("list %s: has no mbox\n", list);
		return;
	}
	if (!i->run->quiet)
		print_words(i, list, r);
	for (size_t at = 0; at < r->told.n; at++)
		printf("list %s: %s\n", list, r->told.rows[at]);
	if (r->error)
		fprintf(stderr, "list %s: was not brought to its end: %s\n", list, r->error);
	if (l->before)
		fprintf(stderr, "list %s: %llu octets before the first message are of none\n", list,
		        (unsigned long long)l->before);
	if (i->run->quiet)
		return;
	if (i->w->remove) {
		printf("list %s: %zu messages: %zu are gone from HyperKitty, %llu others stay\n",
		       list, l->n, r->removed, (unsigned long long)r->others);
		return;
	}
	if (l->made || l->others)
		printf("list %s: %llu messages got a Message-ID, which they had not; %llu, since "
		       "another has theirs\n",
		       list, (unsigned long long)l->made, (unsigned long long)l->others);
	printf("list %s: %zu messages: %zu there (%zu new), %llu copies of others, %zu refused, "
	       "%zu "
	       "missing, %zu differ; %llu of %llu octets of text, %llu of %llu of attachments; "
	       "archive: %s\n",
	       list, l->n, r->there, r->new, (unsigned long long)l->copies, r->refused, r->missing,
	       r->differs, (unsigned long long)r->text_there, (unsigned long long)r->text,
	       (unsigned long long)r->files_there, (unsigned long long)r->files,
	       r->policy ? r->policy : "none");
}

/* ── the lists ───────────────────────────────────────────────────────────────────────────────── */

static void show_progress(void *context, uint64_t done, uint64_t total, uint64_t octets)
{
	progress_at(context, done, total, octets, NULL);
}

static int import_one(struct importing *i, const char *name, struct error *err)
{
	AUTO_HYPERKITTY_RESULT struct hyperkitty_result r = { 0 };
	AUTO_HYPERKITTY_LIST struct hyperkitty_list l = { 0 };
	struct hyperkitty_archive *a = &l.archive;
	int result;

	if (hyperkitty_list_read(&l, i->o->place.h, &i->o->site, name, i->w->mail_host, err) < 0)
		return -1;
	if (!l.mbox)
		return 0;
	i->progress = progress_new(i->run, a->address);
	a->index = i->w->index;
	a->progress = show_progress;
	a->context = i->progress;
	result = hyperkitty_give(i->web, a, &r, err);
	progress_free(i->progress);
	if (result < 0)
		return -1;
	if (r.error || r.refused || r.differs || r.letters.before ||
	    (r.missing && !i->run->dry_run))
		i->short_of = true;
	if (i->lists && (!r.has_none || r.error))
		json_array_append_new(i->lists, hyperkitty_result_json(a->address, &r));
	else if (!i->lists)
		print_result(i, a->address, &r);
	return 0;
}

static int import_all(struct importing *i, const struct strings *names, struct error *err)
{
	for (size_t at = 0; at < names->n; at++)
		if (import_one(i, names->rows[at], err) < 0)
			return error_context(err, "list %s", names->rows[at]);
	if (i->lists) {
		json_dumpf(i->lists, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!i->w->index && !i->w->remove && !i->run->dry_run && !i->run->quiet) {
		puts("HyperKitty's full-text index has none of it until `mailman-web "
		     "update_index_one_list LIST`, or --index");
	}
	return i->short_of ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int lists_import_verb(struct cmd_run *run, struct error *err)
{
	AUTO_LISTS_OPENED struct lists_opened o = { 0 };
	AUTO_HOST struct host *there = NULL; /* outlives who talks to it */
	AUTO_HYPERKITTY_RUN struct hyperkitty_run *web = NULL;
	AUTO_STRINGS struct strings names = { 0 };
	struct wanted w = { 0 };
	struct importing i = { .run = run, .w = &w, .o = &o };
	enum hyperkitty_do what;
	int result;

	if (!get_options(run, &w)) {
		fputs("usage: mailhaul lists archive import --to hyperkitty [--into PLACE] "
		      "[--mailman-web PROGRAM]\n           [--user NAME] [--site PLACE] "
		      "[--prefix DIR] [--new] [--mail-host HOST]\n           "
		      "[--index | --dry-run | --remove] LIST...|--all\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	if (lists_open(&o, run, &w.place, err) < 0 ||
	    lists_choose(&o, w.all, run->argc - optind, run->argv + optind, &names, err) < 0 ||
	    cmd_open_place(&there, w.into ? w.into : "local", "new", true, err) < 0)
		return -1;
	w.web.h = there;
	what = run->dry_run ? HYPERKITTY_LOOK : w.remove ? HYPERKITTY_REMOVE : HYPERKITTY_GIVE;
	if (hyperkitty_begin(&web, &w.web, what, err) < 0)
		return -1;
	i.web = web;
	if (run->json)
		i.lists = json_array();
	result = import_all(&i, &names, err);
	json_decref(i.lists);
	return result;
}
