/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/spool_verbs.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <getopt.h>
#include <string.h>

enum opening { LOOKS, CHANGES };

static const struct verb {
	const char *name;
	enum opening opening;
	bool wants_ids; /* or --all */
	spool_verb *run;
	const char *usage;
} verbs[] = {
	{ "list", LOOKS, false, spool_list, "" },
	{ "show", LOOKS, true, spool_show, "ID... [--message]" },
	{ "fsck", LOOKS, false, spool_fsck, "" },
	{ "export", LOOKS, false, spool_export, "--maildir DIR | --mbox FILE [ID...]" },
	{ "import", CHANGES, false, spool_import, "--maildir DIR | --mbox FILE [--to ADDRESS]" },
	{ "hold", CHANGES, true, spool_hold_verb, "ID... | --all [--why TEXT]" },
	{ "release", CHANGES, true, spool_release_verb, "ID... | --all" },
	{ "drop", CHANGES, true, spool_drop_verb, "ID... [--why TEXT]" },
};

static void print_usage(FILE *to)
{
	for (size_t i = 0; i < ROWS(verbs); i++)
		fprintf(to, "%s mailhaul-gate spool %s --spool DIR %s%s[--json]\n",
		        i ? "      " : "usage:", verbs[i].name, verbs[i].usage,
		        *verbs[i].usage ? " " : "");
}

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "mailhaul-gate spool: %s%s%s\n", what, *value ? ": " : "", value);
	print_usage(stderr);
	return EXIT_CODE_USAGE;
}

static int report(const struct error *err)
{
	fprintf(stderr, "mailhaul-gate: %s\n", err->text);
	if (*err->hint)
		fprintf(stderr, "mailhaul-gate: hint: %s\n", err->hint);
	return error_exit_code(err);
}

static void told(void *context, const char *what)
{
	fprintf(stderr, "mailhaul-gate: %s\n", what);
}

static int read_options(struct spool_call *c, int argc, char **argv)
{
	static const struct option rows[] = {
		{ "spool", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ "message", no_argument, NULL, 'm' },
		{ "maildir", required_argument, NULL, 'd' },
		{ "mbox", required_argument, NULL, 'b' },
		{ "to", required_argument, NULL, 't' },
		{ "why", required_argument, NULL, 'w' },
		{ 0 },
	};
	int o;

	optind = 0; /* getopt_long(3): starts afresh */
	opterr = 0;
	while ((o = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		switch (o) {
		case 's':
			c->dir = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'a':
			c->all = true;
			break;
		case 'm':
			c->message = true;
			break;
		case 'd':
			c->maildir = optarg;
			break;
		case 'b':
			c->mbox = optarg;
			break;
		case 't':
			c->to = optarg;
			break;
		case 'w':
			c->why = optarg;
			break;
		default:
			return usage("unknown or incomplete option", argv[optind - 1]);
		}
	}
	c->ids = argv + optind;
	c->ids_n = argc - optind;
	return 0;
}

static int open_spool(struct spool_call *c, enum opening opening, struct error *err)
{
	struct spool_options o = { .path = c->dir, .hold = true, .told = told };

	if (opening == LOOKS)
		return spool_view(&c->spool, &o, err);
	if (spool_open(&c->spool, &o, err) == 0)
		return 0;
	if (err->retry == ERROR_RETRY_LATER)
		error_hint(err, "a gate that runs is told by mailhaul-gate control; or end it "
		                "first");
	return -1;
}

static int run(const struct verb *v, struct spool_call *c)
{
	struct error err = { 0 };
	int result;

	if (open_spool(c, v->opening, &err) < 0)
		return report(&err);
	result = v->run(c, &err);
	spool_close(c->spool);
	if (result < 0)
		return report(&err);
	return fflush(stdout) == 0 ? result : EXIT_CODE_PERSON;
}

/* Nothing is made of a folder that is not there, by a typing mistake say. */
static bool is_import(const struct verb *v)
{
	return v->run == spool_import;
}

int spool_main(int argc, char **argv)
{
	struct spool_call c = { 0 };
	const struct verb *v = NULL;
	int result;

	if (argc > 2 && !strcmp(argv[2], "--help")) {
		print_usage(stdout);
		return EXIT_CODE_GOOD;
	}
	for (size_t i = 0; argc > 2 && i < ROWS(verbs); i++)
		if (!strcmp(argv[2], verbs[i].name))
			v = &verbs[i];
	if (!v)
		return usage("no such verb", argc > 2 ? argv[2] : "");
	result = read_options(&c, argc - 2, argv + 2);
	if (result)
		return result;
	if (!c.dir)
		return usage("where the spool is is missing", "--spool DIR");
	if (v->wants_ids && !c.ids_n && !c.all)
		return usage("which messages is missing", "ID, or --all");
	if (v->run == spool_drop_verb && c.all)
		return usage("messages are dropped one by one", "--all");
	if ((v->run == spool_export || is_import(v)) && !c.maildir == !c.mbox)
		return usage("one of these is wanted", "--maildir DIR, --mbox FILE");
	return run(v, &c);
}

/* ── which ───────────────────────────────────────────────────────────────────────────────────── */

struct ids {
	uint64_t *rows; /* owned */
	size_t n, room;
};

static bool add_id(void *context, const struct spool_item *item)
{
	struct ids *ids = context;

	ARRAY_GROW(ids->rows, ids->n, ids->room);
	ids->rows[ids->n++] = item->due.id;
	return true;
}

static int choose(const struct spool_call *c, struct ids *ids, struct error *err)
{
	if (!c->ids_n) {
		spool_each(c->spool, add_id, ids);
		return 0;
	}
	for (int i = 0; i < c->ids_n; i++) {
		struct spool_item item;

		if (!spool_id_parse(span_of(c->ids[i]), &item.due.id) ||
		    !spool_find(c->spool, item.due.id, &item))
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_PERSON, 0,
			                 "no message %.40s is in the spool", c->ids[i]);
		(void)add_id(ids, &item);
	}
	return 0;
}

int spool_chosen(struct spool_call *c,
                 int (*see)(struct spool_call *c, const struct spool_item *item, void *context,
                            struct error *err),
                 void *context, struct error *err)
{
	struct ids ids = { 0 };
	int result = choose(c, &ids, err);

	for (size_t i = 0; result == 0 && i < ids.n; i++) {
		struct spool_item item;

		if (spool_find(c->spool, ids.rows[i], &item))
			result = see(c, &item, context, err);
	}
	free(ids.rows);
	return result;
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

void spool_json_span(struct buf *out, struct span text)
{
	AUTO_BUF struct buf plain = { 0 };

	buf_add_printable(&plain, text);
	buf_add_char(out, '"');
	for (size_t i = 0; i < plain.n; i++) {
		if (plain.p[i] == '"' || plain.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, plain.p[i]);
	}
	buf_add_char(out, '"');
}

void spool_json_text(struct buf *out, const char *text)
{
	if (text)
		spool_json_span(out, span_of(text));
	else
		buf_add_text(out, "null");
}

const char *spool_state_word(enum spool_state state)
{
	static const char *const words[] = { "pending", "delivered", "held", "dropped" };

	return words[state];
}
