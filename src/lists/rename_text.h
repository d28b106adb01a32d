/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * rename_text -- a list's own addresses and URLs in any text, under its old name and hosts, become those
 * of the new ones. Pure; fit for any charset in which ASCII is ASCII.
 *
 * Changed are, without regard to case:
 *  - the list's addresses: LIST@HOST, LIST-owner@HOST, LIST-bounces+x=y@HOST ..., with "%40", " at " or a
 *    "\." of a regular expression too; and its List-Id, LIST.HOST
 *  - URLs of the web host with the list in them (.../listinfo/LIST, .../pipermail/LIST/2005-May/), or of
 *    the overview (.../mailman/listinfo); the path before the program, where it is web_page_url's
 *  - paths without a host, .../listinfo/LIST, /LIST.mbox/LIST.mbox, if the list gets another name
 * Other lists' and people's addresses on the same host stay, and so do other pages of the web host.
 */

#include "base/text.h"

#include <stdbool.h>

struct rename_words {               /* all borrowed */
	const char *list, *list_to; /* internal names; equal when it keeps its own */
	const char *mail, *mail_to; /* host_name */
	const char *web, *web_to;   /* host of web_page_url, with its port if it has one */
	const char *scheme_to;      /* "https"; NULL: each URL keeps its own */
	/* Path of web_page_url, "/mailman/", behind which Mailman's programs stand; path_to NULL: each
	 * URL keeps its own. */
	const char *path, *path_to;
	/* What stands in addresses in the place of `list`, in cPanel's form (lists/local_part.h); NULL:
	 * the list's name does. */
	const char *local, *local_to;
	const char *shown, *shown_to; /* real_name, which stands in pages; NULL: it stays */
	bool of_other; /* the text is another list's, which stays: so do URLs of the overview */
};

/* Appends `text` as it is to be. False: nothing in it changes. */
bool rename_text(const struct rename_words *w, struct span text, struct buf *out);
/* The same of one whole address, "LIST@HOST" or one of its others; no other text. */
bool rename_address(const struct rename_words *w, struct span address, struct buf *out);
/* The same of a page of the archive: also the name that it shows, in links to the list's own page and,
 * if `is_index`, in title and headline. Those of an article are its subject, and stay. */
bool rename_page_text(const struct rename_words *w, struct span page, bool is_index,
                      struct buf *out);
/* Whether an old host is still named in it: a person has to look. */
bool rename_mentions_host(const struct rename_words *w, struct span text);
