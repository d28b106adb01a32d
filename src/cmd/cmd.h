/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * cmd -- the verbs. One file a verb, one row a verb (cmd/table.c).
 *
 * cmd_main() reads the global options and opens what the row's `needs` says, in this order: the
 * configuration, the state, the hosts; then calls run(). A verb prints for a person on a terminal,
 * plain lines into a pipe, one JSON document with --json; it reports failure by filling *err and
 * returning -1, and a "no" by returning EXIT_CODE_NO.
 */

#include "base/error.h"
#include "config/config.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>

enum cmd_needs {
	CMD_NEEDS_CONFIG = 1 << 0,
	CMD_NEEDS_STATE = 1 << 1,      /* to change; takes the move's lock */
	CMD_NEEDS_STATE_READ = 1 << 2, /* to look */
	CMD_NEEDS_OLD = 1 << 3,
	CMD_NEEDS_NEW = 1 << 4,
	CMD_NEEDS_CONTROL_NEW = 1 << 5, /* the new host's agent may change it */
	CMD_NEEDS_CONTROL_OLD = 1 << 6, /* the old host's too: only the cut-over and its way back */
};

struct cmd_run {
	int argc; /* of the verb itself: argv[0] is its name; parse with getopt_long(3) */
	char **argv;
	const char *move_dir;
	bool json, dry_run, quiet, verbose;
	struct config *config; /* what `needs` asked for, else NULL; owned by cmd_main() */
	struct state *state;
	struct host *old_host, *new_host;
};

struct cmd {
	const char *name;
	const char
		*window;   /* "before", "during", "after", "any time", "tools", or NULL: internal */
	const char *usage; /* what follows the verb */
	const char *summary; /* one line */
	unsigned needs;
	/* An exit code, or -1 with *err set. */
	int (*run)(struct cmd_run *run, struct error *err);
};

extern const struct cmd cmd_table[];
extern const unsigned cmd_table_rows;

/* The whole program; returns its exit code. */
int cmd_main(int argc, char **argv);

/* Progress of long work, on standard error. On a terminal one line that is rewritten, with rate and
 * time left; into a pipe a plain line every ten seconds; nothing with --quiet or --json. */
struct progress;
struct progress *progress_new(const struct cmd_run *run, const char *what);
/* `total` 0: not known yet. Octets may be 0 where there are none. */
void progress_at(struct progress *p, uint64_t done, uint64_t total, uint64_t octets,
                 const char *now);
void progress_free(struct progress *p); /* ends the line; NULL is allowed */
