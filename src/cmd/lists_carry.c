/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_carry -- `mailhaul lists carry`: a Mailman 2.1 site from old's layout onto new's. */

#include "cmd/lists.h"

#include "base/memory.h"
#include "cmd/lists_pair.h"
#include "lists/carry.h"
#include "lists/wave_order.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WORDS_TOLD 40u

struct wishes {
	struct lists_pair places;
	struct strings lists;
	bool verify, open, replace, no_queues;
	uint64_t wave; /* 0: none is named */
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

static json_t *part_json(const struct lists_carry_part *p)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "part",
	                 p->name, "from", p->from, "to", p->to, "entries", (json_int_t)p->entries,
	                 "created", (json_int_t)p->created, "updated", (json_int_t)p->updated,
	                 "attributes", (json_int_t)p->attributes, "removed", (json_int_t)p->removed,
	                 "unchanged", (json_int_t)p->unchanged, "failed", (json_int_t)p->failed,
	                 "bytes_read", (json_int_t)p->bytes_read, "bytes_sent",
	                 (json_int_t)p->bytes_sent);
}

static void tell_json(const struct lists_carry_result *r)
{
	json_t *parts = json_array(), *document;

	for (size_t i = 0; i < r->parts_n; i++)
		json_array_append_new(parts, part_json(&r->parts[i]));
	document = json_pack("{s:I, s:o, s:I, s:I, s:o, s:o}", "lists", (json_int_t)r->lists,
	                     "parts", parts, "links", (json_int_t)r->links, "whichq",
	                     (json_int_t)r->whichq, "failed", words_json(&r->failed), "notes",
	                     words_json(&r->notes));
	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void print_words(const struct cmd_run *run, const char *title, const struct strings *words)
{
	if (words->n)
		printf("%s: %zu\n", title, words->n);
	for (size_t i = 0; i < words->n && (run->verbose || i < WORDS_TOLD); i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(words->rows[i]));
		printf("  %s\n", buf_text(&line));
	}
	if (!run->verbose && words->n > WORDS_TOLD)
		printf("  ... and %zu more (-v shows all)\n", words->n - WORDS_TOLD);
}

static void print_parts(const struct lists_carry_result *r)
{
	printf("%-18s %9s %9s %9s %9s %9s  %s\n", "part", "made", "changed", "set", "removed",
	       "as it was", "to");
	for (size_t i = 0; i < r->parts_n; i++) {
		const struct lists_carry_part *p = &r->parts[i];

		if (p->entries || p->removed)
			printf("%-18s %9llu %9llu %9llu %9llu %9llu  %s\n", p->name,
			       (unsigned long long)p->created, (unsigned long long)p->updated,
			       (unsigned long long)p->attributes, (unsigned long long)p->removed,
			       (unsigned long long)p->unchanged, p->to);
	}
}

static void tell(const struct wishes *w, const struct lists_carry_result *r)
{
	const struct cmd_run *run = w->places.run;

	if (run->json) {
		tell_json(r);
		return;
	}
	if (!run->quiet && !w->verify)
		print_parts(r);
	if (!run->quiet)
		printf("%llu lists%s, %llu links of public archives made or mended, %llu entries "
		       "of "
		       "queues pointed to new's queues\n",
		       (unsigned long long)r->lists,
		       run->dry_run ? " would be carried"
		       : w->verify  ? " compared"
		                    : "",
		       (unsigned long long)r->links, (unsigned long long)r->whichq);
	print_words(run, w->verify ? "differs" : "not as it should be", &r->failed);
	print_words(run, "notes", &r->notes);
}

static void show(void *context, uint64_t files, uint64_t octets, const char *what)
{
	progress_at(context, files, 0, octets, what);
}

static int run(struct wishes *w, struct error *err)
{
	AUTO_LISTS_CARRY struct lists_carry_result result = { 0 };
	struct cmd_run *run = w->places.run;
	struct lists_carry_options options = { .lists = &w->lists, .dry_run = run->dry_run };
	struct progress *progress;
	int done;

	if (lists_pair_open(&w->places, err) < 0)
		return -1;
	if (w->wave && lists_wave_names(w->places.state, w->wave, &w->lists, err) < 0)
		return -1;
	if (w->open)
		return lists_carry_open(w->places.state, &w->lists, 0, err) < 0 ? -1
		                                                                : EXIT_CODE_GOOD;
	progress = progress_new(run, w->verify ? "compare" : "carry");
	options.from = w->places.old.host;
	options.to = w->places.new.host;
	options.old = w->places.old.chosen;
	options.new = w->places.new.chosen;
	options.state = w->places.state;
	options.replace = w->replace;
	options.leave_queues = w->no_queues;
	options.progress = show;
	options.context = progress;
	done = w->verify ? lists_carry_verify(&options, &result, err)
	                 : lists_carry(&options, &result, err);
	progress_free(progress);
	if (done < 0)
		return -1;
	tell(w, &result);
	return result.failed.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

static bool take_option(int option, struct wishes *w)
{
	switch (option) {
	case 'f':
		w->places.old.place = optarg;
		return true;
	case 't':
		w->places.new.place = optarg;
		return true;
	case 'F':
		w->places.old.prefix = optarg;
		return true;
	case 'T':
		w->places.new.prefix = optarg;
		return true;
	case 's':
		w->places.state_dir = optarg;
		return true;
	case 'V':
		return w->verify = true;
	case 'o':
		return w->open = true;
	case 'r':
		return w->replace = true;
	case 'Q':
		return w->no_queues = true;
	case 'w':
		return span_parse_u64(span_of(optarg), &w->wave) && w->wave;
	default:
		return false;
	}
}

int lists_carry_verb(struct cmd_run *cmd, struct error *err)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "from-prefix", required_argument, NULL, 'F' },
		{ "to-prefix", required_argument, NULL, 'T' },
		{ "state", required_argument, NULL, 's' },
		{ "verify", no_argument, NULL, 'V' },
		{ "opened", no_argument, NULL, 'o' },
		{ "replace", no_argument, NULL, 'r' },
		{ "no-queues", no_argument, NULL, 'Q' },
		{ "wave", required_argument, NULL, 'w' },
		{ 0 },
	};
	struct wishes w = { .places = { .run = cmd, .has_old = true } };
	int option, result;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1)
		if (!take_option(option, &w))
			return EXIT_CODE_USAGE;
	for (int i = optind; i < cmd->argc; i++)
		strings_add(&w.lists, cmd->argv[i]);
	if ((w.open && !w.lists.n && !w.wave) || (w.lists.n && w.wave))
		return EXIT_CODE_USAGE;
	w.places.new.control = !cmd->dry_run && !w.verify && !w.open;
	result = run(&w, err);
	lists_pair_close(&w.places);
	strings_fini(&w.lists);
	return result;
}
