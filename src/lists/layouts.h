/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * layouts -- the ways in which Mailman 2.1 is laid out on hosts. A layout is what is expected where
 * nothing else is said; the files in force have the last word (lists/paths.h).
 *
 * Sources: INSTALL of Mailman 2.1; the packagings of Debian 2.1.26 and Fedora 2.1.27; FreeBSD's
 * port. cPanel's, Plesk's and macOS Server's are of what their users report.
 */

#include "lists/paths.h"

#include <stdbool.h>

#define LISTS_LAYOUT_PLACES 6
#define LISTS_LAYOUT_OTHERS 8

struct lists_layout {
	const char *name;  /* "debian" */
	const char *title; /* "Debian or Ubuntu package" */
	/* directories with Mailman/ in them, the likeliest first; NULL-terminated */
	const char *places[LISTS_LAYOUT_PLACES];
	const char *prefix, *var; /* PREFIX and VAR_PREFIX; NULL: where it was found */
	struct {
		enum lists_path which;
		const char *path;
	} others[LISTS_LAYOUT_OTHERS]; /* not below these as usual; `path` NULL ends them */
	const char *settings; /* mm_cfg.py where it is not among the program's files, or NULL */
	const char *mark;     /* only hosts of this kind have it; NULL: nothing tells them */
	bool needs_mark;      /* without it, it is another one's layout */
	const char *user, *group;
	const char *url_pattern; /* DEFAULT_URL_PATTERN */
};
/* In the order in which they are tried. To add one, add a row. */
extern const struct lists_layout lists_layouts[];
extern const size_t lists_layouts_rows;

/* The paths of a layout. `prefix`, `var`: for one that may stand anywhere; else NULL. */
void lists_layout_paths(const struct lists_layout *layout, const char *prefix, const char *var,
                        struct lists_paths *out);

/* Source text of the Defaults.py that such an installation has, for where it is not there: paths,
 * and the settings that this program asks for. */
void lists_layout_defaults(const struct lists_layout *layout, const struct lists_paths *paths,
                           struct buf *out);
