/* SPDX-License-Identifier: BSD-2-Clause */

/* lists -- mailing lists of Mailman 2.1. */

#include "cmd/verbs.h"

#include "cmd/lists.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct verb {
	const char *name, *usage, *summary;
	int (*run)(struct cmd_run *run, struct error *err);
} verbs[] = {
	{ "aliases",
	  "[--site DIR] [--prefix DIR] [--new] [--mta postfix|exim|sendmail|qmail] [--check]",
	  "what an MTA has to be told of the lists; --check: whether it is", lists_aliases },
	{ "archive",
	  "mbox|clean|check|rebuild|import [--site DIR] [--prefix DIR] [--new] ... LIST... | "
	  "render ... MBOX",
	  "archives: as mbox for all or for you; stray From_ lines; pages added or withdrawn; "
	  "into HyperKitty; static pages",
	  lists_archive_verb },
	{ "carry",
	  "[--from PLACE --to PLACE] [--from-prefix DIR] [--to-prefix DIR] [--state DIR] "
	  "[--dry-run]\n"
	  "           [--replace | --verify | --opened] [--no-queues] [--wave N | LIST...]",
	  "carries lists, archives and queues from old's Mailman to new's", lists_carry_verb },
	{ "convert",
	  "[--site DIR] [--prefix DIR] [--new]\n"
	  "           --to mailman3 [--into PLACE] [--mailman PROGRAM] [--user NAME]\n"
	  "           [--bulk] [--remove] |\n"
	  "           --to mlmmj|sympa --folder DIR [--user NAME] [--texts DIR]\n"
	  "           [--plan | --dry-run | --open] LIST...|--all",
	  "lists into another list manager, with a word on each attribute", lists_convert },
	{ "dump", "[--foreign] [--nested] [--pickle PROTOCOL] FILE...",
	  "what a pickle or marshal file of Mailman holds; nothing in it is run", lists_dump },
	{ "export", "[--site DIR] [--prefix DIR] [--new] [--secrets] --to DIR LIST...|--all",
	  "lists as CSV, JSON and messages, which need no Mailman", lists_export_verb },
	{ "mbox", "[--list | --find ID] FILE...",
	  "how many messages an mbox has by pipermail's rule and cleanarch's, and where each is",
	  lists_mbox_verb },
	{ "queue", "[--site DIR] [--prefix DIR] [--new]",
	  "what waits: every queue, held posts, bounces, by list, with octets, age and senders",
	  lists_queue_verb },
	{ "open",
	  "[--from PLACE --to PLACE] [--from-prefix DIR] [--to-prefix DIR] [--state DIR]\n"
	  "           [--route ADDRESS | --passed-on] [--back] --wave N | LIST...",
	  "lists live on new from now on, with what waits for them; --back: on old again",
	  lists_open_verb },
	{ "perms", "[--site DIR] [--prefix DIR] [--new] [--baseline FILE] [--repair [--dry-run]]",
	  "rights on all that belongs to Mailman; --repair: mends them", lists_perms },
	{ "redirects",
	  "--target hyperkitty|render|keep --base https://HOST [--archives PATH] [--lists PATH]\n"
	  "           [--mail-host HOST] [--dreamhost DOMAIN]... [--site DIR] [--prefix DIR] "
	  "[--new]\n"
	  "           --to FOLDER | --dry-run   LIST...|--all",
	  "where each old address of a list's pages leads to now, for Apache and nginx",
	  lists_redirects_verb },
	{ "rename",
	  "[--to NAME] [--mail-host HOST] [--web-host HOST] [--url-scheme SCHEME]\n"
	  "           [--url-path PATH] [--dry-run]\n"
	  "           [--host PLACE] [--prefix DIR] [--state DIR] LIST",
	  "gives a list other hosts or another name, in every place that has them",
	  lists_rename_verb },
	{ "show", "[--site DIR] [--prefix DIR] [--new] [--secrets] [--count] LIST...|--all",
	  "rosters, settings, and what waits, one fact a line", lists_show },
	{ "stragglers", "",
	  "brings what has come to old's lists after the switch to new's: posts, requests, tokens",
	  lists_stragglers_verb },
	{ "waves",
	  "[--from PLACE --to PLACE] [--from-prefix DIR] [--to-prefix DIR] [--state DIR] [--waves "
	  "N]",
	  "in which order lists move, and how far each is", lists_waves_verb },
};

static void print_usage(FILE *to)
{
	fputs("usage: mailhaul [--json] [-v|-q] lists VERB ...\n\n", to);
	for (size_t i = 0; i < ROWS(verbs); i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
}

static void print_call(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: mailhaul [--json] [-v|-q] lists %s %s\n", v->name, v->usage);
}

int cmd_lists(struct cmd_run *run, struct error *err)
{
	const char *name = run->argc > 1 ? run->argv[1] : "";
	struct cmd_run below = *run;
	int code;

	for (size_t i = 0; i < ROWS(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		below.argc--;
		below.argv++;
		optind = 0; /* getopt_long(3): starts afresh */
		if (below.argc > 1 && !strcmp(below.argv[1], "--help"))
			return print_call(stdout, &verbs[i]), puts(verbs[i].summary),
			       EXIT_CODE_GOOD;
		code = verbs[i].run(&below, err);
		if (code == EXIT_CODE_USAGE)
			print_call(stderr, &verbs[i]);
		return code;
	}
	if (*name)
		fprintf(stderr, "mailhaul: lists has no verb \"%s\"\n", name);
	print_usage(stderr);
	return EXIT_CODE_USAGE;
}
