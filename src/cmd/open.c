/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/open.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOVES "/var/lib/mailhaul"

/* Option, environment, this folder, then the only one below /var/lib/mailhaul. */
static int find_move(struct cmd_run *run, struct error *err)
{
	if (run->move_dir)
		return 0;
	if (access("move.yaml", F_OK) == 0) {
		run->move_dir = ".";
		return 0;
	}
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "there is no move.yaml in this folder");
	return error_hint(err,
	                  "-m MOVE names the move's folder (" MOVES "/NAME after `mailhaul init`)");
}

static const enum host_reach reaches[] = {
	[CONFIG_LOCAL] = HOST_LOCAL,
	[CONFIG_SSH] = HOST_SSH,
	[CONFIG_FOLDER] = HOST_FOLDER,
};

char *cmd_place_words(const char *given)
{
	struct span s = span_of(given);
	AUTO_FREE char *whole = NULL;

	if (span_is(s, "local") || span_starts(s, "ssh:") || span_starts(s, "folder:"))
		return xstrdup(given);
	if (span_is(s, "/"))
		return xstrdup("local");
	if (!strchr(given, '/') && given[0] != '.')
		return xasprintf("ssh:%s%s", *given && !strchr(given, '@') ? "root@" : "", given);
	/* one that is not there is for who opens it to tell */
	whole = given[0] == '/' ? NULL : realpath(given, NULL);
	return xasprintf("folder:%s", whole ? whole : given);
}

int cmd_open_place(struct host **out, const char *given, const char *name, bool control,
                   struct error *err)
{
	AUTO_FREE char *words = cmd_place_words(given);
	struct host_place place = { .name = name, .control = control };
	enum config_reach reach;
	const char *wrong = config_reach_read(words, &reach, &place.target);

	if (wrong)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "\"%s\" %s", words,
		                 wrong);
	place.reach = reaches[reach];
	return host_open(out, &place, err);
}

static int open_host(struct host **out, const struct config_host *h, const char *name, bool control,
                     struct error *err)
{
	AUTO_FREE const char **words = xcalloc(h->ssh_options_count + 1, sizeof *words);
	struct host_place place = {
		.name = name,
		.reach = reaches[h->reach],
		.target = h->target,
		.ssh_options = words,
		.control = control,
	};

	for (unsigned i = 0; i < h->ssh_options_count; i++)
		words[i] = h->ssh_options[i];
	return host_open(out, &place, err);
}

int cmd_open_old(struct cmd_run *run, struct host **out, struct error *err)
{
	return open_host(out, &run->config->old_host, "old", false, err);
}

/* What a host is, so that it is known again after a reboot. */
static char *identity(struct host *h)
{
	const struct wire_hello *hello = host_hello(h);
	bool folder = host_reach(h) == HOST_FOLDER;
	AUTO_FREE char *machine = span_dup(hello->machine_id);
	AUTO_FREE char *hostname = span_dup(hello->hostname);

	return xasprintf("%s %s %s", folder ? host_target(h) : "host", machine, hostname);
}

/* `keep`: it is noted when nothing was. */
static int check_known(struct cmd_run *run, struct host *h, const char *fact, bool keep,
                       struct error *err)
{
	AUTO_FREE char *now = identity(h), *then = NULL;

	if (state_get(run->state, fact, &then, err) < 0)
		return -1;
	if (then && strcmp(then, now) != 0) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the state in %s belongs to another pair: its %s host was \"%s\", this "
		          "one is \"%s\"",
		          run->move_dir, host_name(h), then, now);
		return error_hint(err,
		                  "a new pair is a new move: `mailhaul init` in another folder");
	}
	return then || !keep ? 0 : state_put(run->state, fact, now, err);
}

static int check_pair(struct cmd_run *run, struct error *err)
{
	const struct wire_hello *o = host_hello(run->old_host), *n = host_hello(run->new_host);

	if (span_equal(o->instance, n->instance)) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		          "the old and the new host are the same machine (%.*s)",
		          (int)o->hostname.n, o->hostname.p);
		return error_hint(err, "look at old.host and new.host in %s", run->config->file);
	}
	return 0;
}

static int open_hosts(struct cmd_run *run, unsigned needs, struct error *err)
{
	bool old = needs & CMD_NEEDS_CONTROL_OLD && !run->dry_run;
	bool new = needs &CMD_NEEDS_CONTROL_NEW && !run->dry_run;
	bool keep = needs & CMD_NEEDS_STATE;

	if (needs & CMD_NEEDS_NEW &&
	    open_host(&run->new_host, &run->config->new_host, "new", new, err) < 0)
		return -1;
	if (needs & CMD_NEEDS_OLD &&
	    open_host(&run->old_host, &run->config->old_host, "old", old, err) < 0)
		return -1;
	if (run->old_host && run->new_host && check_pair(run, err) < 0)
		return -1;
	if (!run->state)
		return 0;
	if (run->old_host && check_known(run, run->old_host, "pair.old", keep, err) < 0)
		return -1;
	return run->new_host ? check_known(run, run->new_host, "pair.new", keep, err) : 0;
}

int cmd_open(struct cmd_run *run, unsigned needs, struct error *err)
{
	if (!needs)
		return 0;
	if (find_move(run, err) < 0)
		return -1;

	AUTO_FREE char *file = xasprintf("%s/move.yaml", run->move_dir);
	if (needs & CMD_NEEDS_CONFIG && config_load(&run->config, file, err) < 0)
		return -1;
	if (needs & CMD_NEEDS_STATE && state_open(&run->state, run->move_dir, err) < 0)
		return -1;
	if (needs & CMD_NEEDS_STATE_READ && state_open_read(&run->state, run->move_dir, err) < 0)
		return -1;
	return open_hosts(run, needs, err);
}

void cmd_close(struct cmd_run *run)
{
	host_close(run->old_host);
	host_close(run->new_host);
	state_close(run->state);
	config_free(run->config);
	run->old_host = run->new_host = NULL;
	run->state = NULL;
	run->config = NULL;
}
