/* SPDX-License-Identifier: BSD-2-Clause */

/* copy -- the copy engine alone: no move, no configuration, a state of its own. */

#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/copy.h"
#include "remote/mailbox.h"

#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16u
#define WORDS_TOLD 20u

struct copy {
	struct cmd_run *run;
	char *from, *to; /* absolute paths on their hosts */
	struct host *from_host, *to_host;
	struct state *state;
	struct progress *progress;
	struct copy_options options;
	struct mailbox_account *accounts; /* two for each mailbox: on SRC, on DST */
	size_t accounts_n;                /* mailboxes */
	struct copy_result result;
};

static void copy_fini(struct copy *c)
{
	for (size_t i = 0; i < 2 * c->accounts_n; i++)
		mailbox_account_fini(&c->accounts[i]);
	free(c->accounts);
	copy_result_fini(&c->result);
	progress_free(c->progress);
	state_close(c->state);
	host_close(c->from_host);
	host_close(c->to_host);
	free(c->from);
	free(c->to);
}

/* ── places ──────────────────────────────────────────────────────────────────────────────────── */

/* "[user@]host:/path", or a path here, as rsync(1) and scp(1) have it: a colon before any slash. */
static int open_place(const char *word, const char *name, bool control, struct host **host,
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
	return host_open(host, &place, err);
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

/* ── mailboxes ───────────────────────────────────────────────────────────────────────────────── */

static char *join(const char *path, const char *below)
{
	return *below ? xasprintf("%s/%s", strcmp(path, "/") ? path : "", below) : xstrdup(path);
}

static void add_account(struct copy *c, const struct mailbox_found *found)
{
	struct mailbox_account *pair = &c->accounts[2 * c->accounts_n++];

	for (int side = 0; side < 2; side++)
		pair[side] = (struct mailbox_account){
			.user = xstrdup(*found->path ? found->path : "INBOX"),
			.root = join(side ? c->to : c->from, found->path),
			.format = MAILBOX_MAILDIR,
			.layout = found->layout,
			.uid = found->uid,
			.gid = found->gid,
		};
}

static int make_roots(struct copy *c, const struct mailbox_found_list *found, struct error *err)
{
	for (size_t i = 0; i < c->accounts_n && !c->run->dry_run; i++) {
		const struct mailbox_account *to = &c->accounts[2 * i + 1];
		const struct mailbox_found *f = &found->rows[i];

		if (!host_has(c->to_host, to->root) &&
		    host_mkdir(c->to_host, to->root, f->mode, f->uid, f->gid, err) < 0)
			return -1;
	}
	return 0;
}

static int find_maildirs(struct copy *c, struct error *err)
{
	AUTO_MAILBOX_FOUND struct mailbox_found_list found = { 0 };

	if (mailbox_find(c->from_host, c->from, DEPTH_MAX, &found, err) < 0)
		return -1;
	if (!found.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "there is no Maildir in %s", c->from);
	c->accounts = xcalloc(2 * found.n, sizeof *c->accounts);
	for (size_t i = 0; i < found.n; i++)
		add_account(c, &found.rows[i]);
	return make_roots(c, &found, err);
}

static void show(void *context, const struct copy_progress *p)
{
	struct copy *c = context;

	progress_at(c->progress, p->messages, p->total_messages, p->octets, p->account);
}

static int copy_mailboxes(struct copy *c, struct error *err)
{
	AUTO_FREE struct copy_account *pairs = xcalloc(c->accounts_n + 1, sizeof *pairs);

	for (size_t i = 0; i < c->accounts_n; i++)
		pairs[i] = (struct copy_account){ &c->accounts[2 * i], &c->accounts[2 * i + 1],
			                          NULL };
	c->progress = progress_new(c->run, c->run->dry_run ? "compare" : "copy");
	c->options.progress = show;
	c->options.context = c;
	return copy_accounts(c->from_host, c->to_host, pairs, c->accounts_n, c->state, &c->options,
	                     &c->result, err);
}

/* ── the end ─────────────────────────────────────────────────────────────────────────────────── */

static json_t *words_json(const struct strings *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->rows[i]));
	return list;
}

static void tell_json(const struct copy *c)
{
	const struct copy_result *r = &c->result;
	json_t *document = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "files",
		(json_int_t)r->files, "messages", (json_int_t)r->old_messages, "bytes_read",
		(json_int_t)host_octets_read(c->from_host), "bytes_sent",
		(json_int_t)host_octets_sent(c->to_host), "renamed", (json_int_t)r->renamed,
		"created", (json_int_t)r->copied, "removed", (json_int_t)r->removed, "unchanged",
		(json_int_t)r->unchanged, "failed", (json_int_t)r->skipped.n, "seconds", r->seconds,
		"skipped", words_json(&r->skipped), "extra", words_json(&r->extra));

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void print_words(const struct copy *c, const char *title, const struct strings *words)
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

static void tell(const struct copy *c)
{
	const struct copy_result *r = &c->result;
	char octets[16];

	if (c->run->json) {
		tell_json(c);
		return;
	}
	if (!c->run->quiet)
		printf("%zu mailboxes: %llu messages%s (%s), %llu renamed, %llu removed, %llu "
		       "unchanged\n",
		       c->accounts_n, (unsigned long long)r->copied,
		       c->run->dry_run ? " would be copied" : " copied",
		       text_size(octets, r->copied_octets), (unsigned long long)r->renamed,
		       (unsigned long long)r->removed, (unsigned long long)r->unchanged);
	print_words(c, "could not be copied", &r->skipped);
	print_words(c, "at the destination only, left alone", &r->extra);
}

static int run(struct copy *c, const char *chosen_state, char *const places[2], struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	int result;

	if (open_place(places[0], "source", false, &c->from_host, &c->from, err) < 0 ||
	    open_place(places[1], "destination", !c->run->dry_run, &c->to_host, &c->to, err) < 0 ||
	    open_state(c, chosen_state, places[0], places[1], err) < 0 || find_maildirs(c, err) < 0)
		return -1;
	result = copy_mailboxes(c, err);
	c->result.seconds = (double)(clock_monotonic_ms() - began_ms) / 1000;
	if (result < 0)
		return -1;
	tell(c);
	return c->result.skipped.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int cmd_copy(struct cmd_run *cmd, struct error *err)
{
	static const struct option options[] = {
		{ "delete-extra", no_argument, NULL, 'd' },
		{ "look-everywhere", no_argument, NULL, 'l' },
		{ "state", required_argument, NULL, 's' },
		{ 0 },
	};
	struct copy c = { .run = cmd, .options = { .dry_run = cmd->dry_run } };
	const char *state = NULL;
	int option, result;

	while ((option = getopt_long(cmd->argc, cmd->argv, "", options, NULL)) != -1) {
		if (option == 'd')
			c.options.delete_extra = true;
		else if (option == 'l')
			c.options.look_everywhere = true;
		else if (option == 's')
			state = optarg;
		else
			return EXIT_CODE_USAGE;
	}
	if (cmd->argc - optind != 2)
		return EXIT_CODE_USAGE;
	result = run(&c, state, cmd->argv + optind, err);
	copy_fini(&c);
	return result;
}
