/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* copy -- what the files of `mailhaul copy` share. To add a kind: a function, a row in copy.c. */

#include "cmd/cmd.h"

#include <jansson.h>

struct copy {
	struct cmd_run *run; /* borrowed */
	char *from, *to;     /* absolute paths on their hosts */
	struct host *from_host, *to_host;
	struct state *state;
	struct progress *progress;
	bool delete_extra, look_everywhere;
	int64_t began_ms;
};

/* Each copies and prints what was done; an exit code, or -1 with *err set. With `found` false in the
 * end there is no Maildir in the source, and nothing was done. */
int copy_maildirs(struct copy *c, bool *found, struct error *err) MUST_CHECK;
int copy_a_tree(struct copy *c, struct error *err) MUST_CHECK;

/* For their words: a list of strings, all of it as JSON, or the first of them in lines. */
json_t *copy_words_json(const struct strings *words);
void copy_print_words(const struct copy *c, const char *title, const struct strings *words);
/* Since began_ms. */
double copy_seconds(const struct copy *c);
