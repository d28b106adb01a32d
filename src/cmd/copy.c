/* SPDX-License-Identifier: BSD-2-Clause */

/* copy -- the copy engine alone: no move, no configuration, a state of its own. */

#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/copy.h"
#include "cmd/limit.h"
#include "mail/digest.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_TOLD 20u

/* ── places ──────────────────────────────────────────────────────────────────────────────────── */

/* "[user@]host:/path", or a path here, as rsync(1) and scp(1) have it: a colon before any slash. The
 * agent there starts; it is not greeted yet. */
static int start_place(const char *word, const char *name, bool control, struct host **host,
                       char **path, struct error *err)
{
	size_t n = strcspn(word, ":/");
	struct host_place place = { .name = name, .reach = HOST_LOCAL, .control = control };
	AUTO_FREE char *target = NULL;
	char here[PATH_MAX];

	if (n && word[n] == ':') {
		target = xstrndup(word, n);
		place.reach = HOST_SSH;
		place.target = target;
		word += n + 1;
		if (*word != '/')
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			                 "%s:%s: the path on another host is an absolute one",
			                 target, word);
		*path = xstrdup(word);
	} else if (*word == '/') {
		*path = xstrdup(word);
	} else if (getcwd(here, sizeof here)) {
		*path = xasprintf("%s/%s", here, word);
	} else {
		return error_system(err, "find the working directory");
	}
	for (size_t end = strlen(*path); end > 1 && (*path)[end - 1] == '/';)
		(*path)[--end] = 0;
	return host_start(host, &place, err);
}

/* What was brought before is written down below $XDG_STATE_HOME, apart for each pair of places. */
static int open_state(struct copy *c, const char *chosen, const char *from, const char *to,
                      struct error *err)
{
	const char *home = getenv("XDG_STATE_HOME");
	AUTO_FREE char *words = xasprintf("%s\n%s\n", from, to);
	AUTO_FREE char *below = home && *home == '/'
	                                ? xstrdup(home)
	                                : xasprintf("%s/.local/state",
	                                            getenv("HOME") ? getenv("HOME") : "/root");
	const struct digest digest = digest_of(span_of(words));
	char hex[2 * DIGEST_SIZE + 1];
	AUTO_FREE char *dir = chosen ? xstrdup(chosen)
	                             : xasprintf("%s/mailhaul/copy-%.16s", below,
	                                         digest_text(hex, &digest));

	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		(void)mkdir(dir, 0700);
		*p = '/';
	}
	(void)mkdir(dir, 0700);
	return state_open(&c->state, dir, err);
}

/* ── kinds ───────────────────────────────────────────────────────────────────────────────────── */

static int run_maildir(struct copy *c, struct error *err)
{
	bool found;
	int result = copy_maildirs(c, &found, err);

	if (result < 0 || found)
		return result;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "there is no Maildir in %s",
	          c->from);
	return error_hint(err, "--kind tree copies files as they are");
}

static int run_mbox(struct copy *c, struct error *err)
{
	bool found;
	int result = copy_mboxes(c, false, &found, err);

	if (result < 0 || found)
		return result;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "there is no file in %s",
	                 c->from);
}

/* Where there are Maildirs, they are what is meant; then mboxes, if there is nothing else. */
static int run_auto(struct copy *c, struct error *err)
{
	bool found;
	int result = copy_maildirs(c, &found, err);

	if (result == 0 && !found)
		result = copy_mboxes(c, true, &found, err);
	return result < 0 || found ? result : copy_a_tree(c, err);
}

static const struct kind {
	const char *name;
	/* what is asked of the source ahead, or NULL; `run` reads the answer */
	int (*ask)(struct copy *c, struct error *err);
	int (*run)(struct copy *c, struct error *err);
} kinds[] = {
	{ "auto", copy_ask_for_maildirs, run_auto },
	{ "maildir", copy_ask_for_maildirs, run_maildir },
	{ "mbox", NULL, run_mbox },
	{ "tree", NULL, copy_a_tree },
};

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < ROWS(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* ── words ───────────────────────────────────────────────────────────────────────────────────── */

json_t *copy_words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->rows[i]));
	return list;
}

void copy_print_words(const struct copy *c, const char *title, const struct strings *words)
{
	if (words->n)
		printf("%s: %zu\n", title, words->n);
	for (size_t i = 0; i < words->n && (c->run->verbose || i < WORDS_TOLD); i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, span_of(words->rows[i]));
		printf("  %s\n", buf_text(&line));
	}
	if (!c->run->verbose && words->n > WORDS_TOLD)
		printf("  ... and %zu more (-v shows all)\n", words->n - WORDS_TOLD);
}

double copy_seconds(const struct copy *c)
{
	return (double)(clock_monotonic_ms() - c->began_ms) / 1000;
}

/* ── the verb ────────────────────────────────────────────────────────────────────────────────── */

struct wishes {
	const struct kind *kind;
	const char *state;
	uint64_t rate; /* octets a second; 0: no limit */
	struct copy_server_wishes server;
};

static int run_server(struct copy *c, const struct wishes *w, char *const places[2],
                      struct error *err)
{
	struct copy_server_wishes server = w->server;

	server.rate = w->rate;
	if (start_place(places[1], "destination", !c->run->dry_run, &c->to_host, &c->to, err) < 0 ||
	    open_state(c, w->state, places[0], places[1], err) < 0 ||
	    host_greet(c->to_host, err) < 0)
		return -1;
	c->progress = progress_new(c->run, c->run->dry_run ? "compare" : "copy");
	return copy_a_server(c, places[0], &server, err);
}

static int run(struct copy *c, const struct wishes *w, char *const places[2], struct error *err)
{
	const struct host_limit limit = { .octets_per_s = w->rate };

	if (copy_is_server(places[0]))
		return run_server(c, w, places, err);
	/* both agents start at once, and the first is at work while the state is opened */
	if (start_place(places[0], "source", false, &c->from_host, &c->from, err) < 0 ||
	    start_place(places[1], "destination", !c->run->dry_run, &c->to_host, &c->to, err) < 0 ||
	    host_greet(c->from_host, err) < 0 ||
	    (w->rate && host_set_limit(c->from_host, &limit, err) < 0) ||
	    (w->kind->ask && w->kind->ask(c, err) < 0) ||
	    open_state(c, w->state, places[0], places[1], err) < 0 ||
	    host_greet(c->to_host, err) < 0)
		return -1;
	c->progress = progress_new(c->run, c->run->dry_run ? "compare" : "copy");
	return w->kind->run(c, err);
}

static bool take_server_option(int option, struct copy_server_wishes *w)
{
	const struct {
		int option;
		const char **into;
	} rows[] = {
		{ 'P', &w->password_file },    { 'U', &w->users },  { 'M', &w->master_user },
		{ 'S', &w->master_separator }, { 'T', &w->tls },    { 'F', &w->tls_pin },
		{ 'A', &w->ca_file },          { 'L', &w->layout }, { 'O', &w->owner },
		{ 'C', &w->connections },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (rows[i].option == option) {
			*rows[i].into = optarg;
			return true;
		}
	return false;
}

static bool take_option(int option, struct copy *c, struct wishes *w)
{
	switch (option) {
	case 'd':
		return c->delete_extra = true;
	case 'l':
		return c->look_everywhere = true;
	case 's':
		w->state = optarg;
		return true;
	case 'k':
		return (w->kind = kind_find(optarg)) != NULL;
	case 'm':
		c->mbox_to_maildir = !strcmp(optarg, "maildir");
		return c->mbox_to_maildir || !strcmp(optarg, "mbox");
	case 'r':
		return limit_parse_rate(optarg, &w->rate);
	default:
		return take_server_option(option, &w->server);
	}
}

static void copy_fini(struct copy *c)
{
	progress_free(c->progress);
	host_dismiss(c->from_host);
	host_dismiss(c->to_host);
	state_close(c->state);
	host_close(c->from_host);
	host_close(c->to_host);
	free(c->from);
	free(c->to);
}

int cmd_copy(struct cmd_run *cmd, struct error *err)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },
		{ "limit", required_argument, NULL, 'r' },
		{ "mbox-to", required_argument, NULL, 'm' },
		{ "delete-extra", no_argument, NULL, 'd' },
		{ "look-everywhere", no_argument, NULL, 'l' },
		{ "state", required_argument, NULL, 's' },
		{ "password-file", required_argument, NULL, 'P' },
		{ "users", required_argument, NULL, 'U' },
		{ "master-user", required_argument, NULL, 'M' },
		{ "master-separator", required_argument, NULL, 'S' },
		{ "tls", required_argument, NULL, 'T' },
		{ "tls-pin", required_argument, NULL, 'F' },
		{ "ca-file", required_argument, NULL, 'A' },
		{ "connections", required_argument, NULL, 'C' },
		{ "layout", required_argument, NULL, 'L' },
		{ "owner", required_argument, NULL, 'O' },
		{ 0 },
	};
	struct copy c = { .run = cmd, .began_ms = clock_monotonic_ms() };
	struct wishes wishes = { .kind = &kinds[0] };
	int option, result;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1)
		if (!take_option(option, &c, &wishes)) {
			if (option != '?') /* getopt_long(3) has told of those */
				fprintf(stderr, "mailhaul: copy: '%s' is no value of that option\n",
				        optarg);
			return EXIT_CODE_USAGE;
		}
	if (cmd->argc - optind != 2)
		return EXIT_CODE_USAGE;
	result = run(&c, &wishes, cmd->argv + optind, err);
	copy_fini(&c);
	return result;
}
