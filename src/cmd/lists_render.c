/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_render -- `mailhaul lists archive render`: an archive that needs no program. */

#include "cmd/lists.h"

#include "base/cleanup.h"
#include "lists/render.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static bool get_options(struct cmd_run *run, struct render_options *o, const char **to)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "old", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },
		{ "address", required_argument, NULL, 'A' },
		{ "info", required_argument, NULL, 'i' },
		{ "veil", no_argument, NULL, 'v' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	o->list = (struct render_list){ "", "", "", false };
	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c == '?')
			return false;
		if (c == 't')
			*to = optarg;
		if (c == 'o')
			o->old_dir = optarg;
		if (c == 'n')
			o->list.name = optarg;
		if (c == 'A')
			o->list.address = optarg;
		if (c == 'i')
			o->list.info = optarg;
		o->list.veil = o->list.veil || c == 'v';
		run->dry_run = run->dry_run || c == 'd';
	}
	o->to = run->dry_run ? NULL : *to;
	return *to && **to && run->argc - optind == 1 &&
	       (!*o->list.info || span_starts(span_of(o->list.info), "https://") ||
	        span_starts(span_of(o->list.info), "http://") || *o->list.info == '/');
}

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++) {
		AUTO_BUF struct buf text = { 0 };

		buf_add_printable(&text, span_of(words->rows[i]));
		json_array_append_new(list, json_string(buf_text(&text)));
	}
	return list;
}

static void print_json(const struct render_result *r)
{
	json_t *told = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "octets",
		(json_int_t)r->octets, "from_lines", (json_int_t)r->from_lines, "messages",
		(json_int_t)r->messages, "strays", (json_int_t)r->strays, "as_before",
		(json_int_t)r->as_before, "volumes", (json_int_t)r->volumes, "attachments",
		(json_int_t)r->attachments, "kept_pages", (json_int_t)r->kept_pages,
		"kept_attachments", (json_int_t)r->kept_attachments, "kept", words_json(&r->kept),
		"named", words_json(&r->named));

	json_dumpf(told, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(told);
}

static void print_words(const char *before, const struct strings *words)
{
	for (size_t i = 0; i < words->n; i++) {
		AUTO_BUF struct buf text = { 0 };

		buf_add_printable(&text, span_of(words->rows[i]));
		printf("%s%s\n", before, buf_text(&text));
	}
}

static void print_sum(const struct cmd_run *run, const struct render_result *r)
{
	if (run->json) {
		print_json(r);
		return;
	}
	if (run->quiet)
		return;
	print_words("not in the mbox, kept as it was: ", &r->kept);
	print_words("", &r->named);
	printf("%llu lines begin with \"From \": %llu messages, %llu lines of their text; %s%llu "
	       "pages in %llu volumes, %llu at the addresses of before; %llu attachments; %llu old "
	       "pages and %llu old attachments stay\n",
	       (unsigned long long)r->from_lines, (unsigned long long)r->messages,
	       (unsigned long long)r->strays, run->dry_run ? "there would be " : "",
	       (unsigned long long)r->from_lines, (unsigned long long)r->volumes,
	       (unsigned long long)r->as_before, (unsigned long long)r->attachments,
	       (unsigned long long)r->kept_pages, (unsigned long long)r->kept_attachments);
}

static void show_progress(void *context, uint64_t done, uint64_t total, uint64_t octets)
{
	progress_at(context, done, total, octets, NULL);
}

static int read_old(const char *dir, struct old_pages *pages, struct error *err)
{
	const struct host_place place = { .name = "old pages",
		                          .reach = HOST_FOLDER,
		                          .target = dir };
	AUTO_HOST struct host *h = NULL;

	return host_open(&h, &place, err) < 0 || old_pages_read(pages, h, "", err) < 0 ? -1 : 0;
}

static int run_render(struct cmd_run *run, struct render_options *o, struct error *err)
{
	AUTO_RENDER_RESULT struct render_result r = { 0 };
	AUTO_OLD_PAGES struct old_pages old = { 0 };
	struct progress *progress;
	int result;

	if (o->old_dir && read_old(o->old_dir, &old, err) < 0)
		return error_context(err, "%s", o->old_dir);
	o->old = o->old_dir ? &old : NULL;
	progress = progress_new(run, "pages");
	o->progress = show_progress;
	o->context = progress;
	result = render(o, &r, err);
	progress_free(progress);
	if (result < 0)
		return -1;
	print_sum(run, &r);
	return r.named.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int lists_render_verb(struct cmd_run *run, struct error *err)
{
	struct render_options o = { 0 };
	AUTO_FREE char *name = NULL;
	const char *to = NULL;

	if (!get_options(run, &o, &to)) {
		fputs("usage: mailhaul lists archive render [--old PIPERMAIL-FOLDER] [--name NAME] "
		      "[--address LIST@HOST]\n           [--info URL] [--veil] [--dry-run] --to "
		      "FOLDER "
		      "MBOX\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	o.mbox = run->argv[optind];
	if (!*o.list.name) {
		struct span path = span_of(to);

		while (path.n && path.p[path.n - 1] == '/')
			path.n--;
		for (size_t i = path.n; i--;)
			if (path.p[i] == '/') {
				path = span_from(path, i + 1);
				break;
			}
		name = span_dup(path);
		o.list.name = name;
	}
	return run_render(run, &o, err);
}
