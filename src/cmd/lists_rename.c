/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_rename -- `mailhaul lists rename`: a list gets other hosts, or another name. */

#include "cmd/lists.h"

#include "accounts/names.h"
#include "base/memory.h"
#include "cmd/lists_pair.h"
#include "lists/rename.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wishes {
	struct lists_pair places;
	struct lists_rename_options options;
	char *path; /* owned; what options.url_path points to */
};

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(words->rows[i]));
		json_array_append_new(list, json_string(buf_text(&line)));
	}
	return list;
}

static void tell_json(const struct lists_rename_result *r)
{
	json_t *document = json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "files",
	                             (json_int_t)r->files, "changes", (json_int_t)r->changes,
	                             "diff", words_json(&r->diff), "moves", words_json(&r->moves),
	                             "failed", words_json(&r->failed), "notes",
	                             words_json(&r->notes));

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void print_words(const char *before, const struct strings *words)
{
	for (size_t i = 0; i < words->n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(words->rows[i]));
		printf("%s%s\n", before, buf_text(&line));
	}
}

static void tell(const struct cmd_run *run, const struct lists_rename_result *r)
{
	if (run->json) {
		tell_json(r);
		return;
	}
	print_words("", &r->diff);
	print_words("moved: ", &r->moves);
	print_words("failed: ", &r->failed);
	print_words("note: ", &r->notes);
	if (!run->quiet)
		printf("%zu places in %zu files%s, %zu moved\n", r->changes, r->files,
		       run->dry_run ? " would change" : " changed", r->moves.n);
}

static int run(struct wishes *w, struct error *err)
{
	AUTO_LISTS_RENAME struct lists_rename_result result = { 0 };
	struct lists_rename_options *o = &w->options;

	if (lists_pair_open(&w->places, err) < 0)
		return -1;
	o->host = w->places.new.host;
	o->site = w->places.new.chosen;
	o->state = w->places.state;
	o->dry_run = w->places.run->dry_run;
	o->all_lines = w->places.run->verbose;
	if (lists_rename(o, &result, err) < 0)
		return -1;
	tell(w->places.run, &result);
	return result.failed.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

/* A host, with a port or without. */
static bool is_host(const char *text)
{
	AUTO_FREE char *host = xstrndup(text, strcspn(text, ":"));
	const char *colon = strchr(text, ':');
	uint64_t port;

	return account_domain_good(host) && (!colon || text_parse_u64(colon + 1, &port));
}

/* Of a URL, and of nothing above its host; what a program finds as another path is none. */
static bool is_path(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9') || strchr("/-._~%+", *p)))
			return false;
	return *text == '/' && !strstr(text, "//") && !strstr(text, "/../") && !strstr(text, "/./");
}

/* With a slash at its end, which Mailman does not add. */
static bool take_path(const char *text, struct wishes *w)
{
	size_t n = strlen(text);

	free(w->path);
	w->path = xasprintf("%s%s", text, n && text[n - 1] == '/' ? "" : "/");
	w->options.url_path = w->path;
	return is_path(w->path);
}

static bool take_option(int option, struct wishes *w)
{
	switch (option) {
	case 't':
		w->options.to = optarg;
		return true;
	case 'w':
		w->options.web_host = optarg;
		return is_host(optarg);
	case 'm':
		w->options.mail_host = optarg;
		return account_domain_good(optarg);
	case 'u':
		w->options.url_scheme = optarg;
		return !strcmp(optarg, "http") || !strcmp(optarg, "https");
	case 'p':
		return take_path(optarg, w);
	case 'h':
		w->places.new.place = optarg;
		return true;
	case 'S':
		w->places.new.prefix = optarg;
		return true;
	case 's':
		w->places.state_dir = optarg;
		return true;
	default:
		return false;
	}
}

static int take_words(struct cmd_run *cmd, struct wishes *w)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "web-host", required_argument, NULL, 'w' },
		{ "mail-host", required_argument, NULL, 'm' },
		{ "url-scheme", required_argument, NULL, 'u' },
		{ "url-path", required_argument, NULL, 'p' },
		{ "host", required_argument, NULL, 'h' },
		{ "prefix", required_argument, NULL, 'S' },
		{ "state", required_argument, NULL, 's' },
		{ 0 },
	};
	const struct lists_rename_options *o = &w->options;
	int option;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1)
		if (!take_option(option, w)) {
			if (option != '?')
				fprintf(stderr,
				        "mailhaul: lists rename: '%s' is no value of that option\n",
				        optarg);
			return EXIT_CODE_USAGE;
		}
	if (cmd->argc - optind != 1 ||
	    (!o->to && !o->web_host && !o->mail_host && !o->url_scheme && !o->url_path))
		return EXIT_CODE_USAGE;
	w->options.list = cmd->argv[optind];
	return EXIT_CODE_GOOD;
}

int lists_rename_verb(struct cmd_run *cmd, struct error *err)
{
	struct wishes w = { .places = { .run = cmd } };
	int result = take_words(cmd, &w);

	if (result == EXIT_CODE_GOOD) {
		w.places.new.control = !cmd->dry_run;
		result = run(&w, err);
		lists_pair_close(&w.places);
	}
	free(w.path);
	return result;
}
