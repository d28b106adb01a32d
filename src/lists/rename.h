/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rename -- a list of a Mailman 2.1 gets another web host, mail host, URL scheme or path, or name: in every place
 * that holds one of them. Mailman's own fix_url changes two attributes, and its move_list no message that
 * is held or queued.
 *
 * Changed (lists/rename_values.h says what in each): the list's configuration, requests, tokens, page
 * templates, pages and texts of its archive; for another name also entries of queues, bounce events,
 * other lists that name it, and the names of its directories, held posts, preserved spam and public
 * links. Not changed: messages, in whatever file; the archive's mbox; people's addresses; what other
 * programs read (aliases, mm_cfg.py), which is told.
 *
 * Each file is replaced as a whole, by a rename, and the configuration last, for the old names stand in
 * it; the list's directory after that. So it may be killed anywhere, and is done to its end by being
 * given again.
 */

#include "lists/paths.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>

struct lists_rename_options {
	struct host *host;                     /* borrowed; with control unless dry_run */
	const struct lists_installation *site; /* borrowed */
	struct state *state;                   /* borrowed */
	const char *list;                      /* all borrowed; NULL: it stays */
	const char *to, *mail_host, *web_host, *url_scheme;
	const char *url_path; /* begins and ends with a slash */
	bool dry_run;
	bool all_lines; /* keep every line that changes; else the first few of each file */
};

struct lists_rename_result {
	struct strings diff;  /* "FILE: PLACE", then lines with "- " and "+ "; all fit to print */
	struct strings moves; /* "FROM -> TO" */
	struct strings failed, notes;
	size_t files, changes;
};
#define AUTO_LISTS_RENAME __attribute__((cleanup(lists_rename_result_fini)))
void lists_rename_result_fini(struct lists_rename_result *r);

/* `out` zeroed by the caller. 0 when it came to its end: look at out->failed. */
int lists_rename(const struct lists_rename_options *o, struct lists_rename_result *out,
                 struct error *err) MUST_CHECK;
