/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/cmd.h"

#include "base/memory.h"
#include "cmd/open.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void print_usage(FILE *to)
{
	static const char *const windows[] = { "before", "during", "after", "any time", "tools" };

	fputs("usage: mailhaul [-m MOVE] [--json] [-v|-q] VERB ...\n"
	      "Moves a mail server to a new home, and proves that nothing was lost on the way.\n",
	      to);
	for (size_t w = 0; w < ROWS(windows); w++) {
		bool headed = false;

		for (unsigned i = 0; i < cmd_table_rows; i++) {
			const struct cmd *c = &cmd_table[i];

			if (!c->window || strcmp(c->window, windows[w]) != 0)
				continue;
			if (!headed)
				fprintf(to, "\n%s\n", windows[w]);
			headed = true;
			fprintf(to, "  %-10s %s\n", c->name, c->summary);
		}
	}
	fputs("\n  -m MOVE    the move's folder (default: this one, if it holds a move.yaml)\n"
	      "  --json     one JSON document instead of words\n"
	      "  --dry-run  with verbs that change something: say what would be done\n"
	      "  -v, -q     more words, fewer\n"
	      "\n`mailhaul VERB --help` tells how one verb is called; mailhaul(1) tells the "
	      "rest.\n",
	      to);
}

static const struct cmd *cmd_find(const char *name)
{
	for (unsigned i = 0; i < cmd_table_rows; i++)
		if (!strcmp(cmd_table[i].name, name))
			return &cmd_table[i];
	return NULL;
}

static void print_call(FILE *to, const struct cmd *c)
{
	fprintf(to, "usage: mailhaul [-m MOVE] [--json] [-v|-q] %s%s%s\n", c->name,
	        c->usage[0] ? " " : "", c->usage);
}

/* --json and --dry-run may also stand behind the verb, where people put them. */
static void take_global_words(struct cmd_run *run)
{
	int kept = 1;

	for (int i = 1; i < run->argc; i++) {
		const char *word = run->argv[i];

		if (!strcmp(word, "--")) {
			while (i < run->argc)
				run->argv[kept++] = run->argv[i++];
			break;
		}
		if (!strcmp(word, "--json"))
			run->json = true;
		else if (!strcmp(word, "--dry-run"))
			run->dry_run = true;
		else if (!strcmp(word, "-q") || !strcmp(word, "--quiet"))
			run->quiet = true;
		else if (!strcmp(word, "-v") || !strcmp(word, "--verbose"))
			run->verbose = true;
		else
			run->argv[kept++] = run->argv[i];
	}
	run->argc = kept;
	run->argv[kept] = NULL;
}

static void report(const struct cmd_run *run, const struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	/* text of a hostile host may be in it: never sent raw to a terminal */
	buf_add_printable(&text, span_of(err->text));
	fprintf(stderr, "mailhaul: %s\n", buf_text(&text));
	if (err->hint[0])
		fprintf(stderr, "mailhaul: hint: %s\n", err->hint);
}

static int run_verb(const struct cmd *c, struct cmd_run *run)
{
	struct error err = { 0 };
	int code = cmd_open(run, c->needs, &err) < 0 ? -1 : c->run(run, &err);

	cmd_close(run);
	if (code == EXIT_CODE_USAGE && c->window) /* internal verbs have said it themselves */
		print_call(stderr, c);
	if (fflush(stdout) != 0 && code >= 0) {
		error_system(&err, "write the output");
		code = -1;
	}
	if (code >= 0)
		return code;
	report(run, &err);
	return error_exit_code(&err);
}

int cmd_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "move", required_argument, NULL, 'm' }, { "json", no_argument, NULL, 'j' },
		{ "dry-run", no_argument, NULL, 'n' },    { "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },      { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },    { 0 },
	};
	struct cmd_run run = { .move_dir = getenv("MAILHAUL_MOVE") };
	const struct cmd *c;
	int option;

	while ((option = getopt_long(argc, argv, "+m:vqh", options, NULL)) != -1) {
		if (option == 'm')
			run.move_dir = optarg;
		else if (option == 'j')
			run.json = true;
		else if (option == 'n')
			run.dry_run = true;
		else if (option == 'v')
			run.verbose = true;
		else if (option == 'q')
			run.quiet = true;
		else if (option == 'h')
			return print_usage(stdout), EXIT_CODE_GOOD;
		else if (option == 'V')
			return puts("mailhaul " MAILHAUL_VERSION), EXIT_CODE_GOOD;
		else
			return EXIT_CODE_USAGE;
	}
	if (optind == argc)
		return print_usage(stderr), EXIT_CODE_USAGE;
	if (!strcmp(argv[optind], "help"))
		return print_usage(stdout), EXIT_CODE_GOOD;
	c = cmd_find(argv[optind]);
	if (!c) {
		fprintf(stderr, "mailhaul: there is no verb \"%s\"; `mailhaul --help` lists them\n",
		        argv[optind]);
		return EXIT_CODE_USAGE;
	}
	run.argc = argc - optind;
	run.argv = argv + optind;
	optind = 0; /* getopt_long(3): starts afresh */
	if (run.argc > 1 && !strcmp(run.argv[1], "--help") && c->window)
		return print_call(stdout, c), puts(c->summary), EXIT_CODE_GOOD;
	if (c->window) /* internal verbs read their own words */
		take_global_words(&run);
	return run_verb(c, &run);
}
