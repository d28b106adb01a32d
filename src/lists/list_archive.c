/* SPDX-License-Identifier: BSD-2-Clause */

/* list_archive -- the mbox, pipermail's pages and its state, and what makes them public. */

#include "lists/list_inside.h"

#include "base/memory.h"
#include "lists/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *lists_link_name(enum lists_link link)
{
	static const char *const names[] = {
		[LISTS_LINK_NONE] = "none",
		[LISTS_LINK_RIGHT] = "link",
		[LISTS_LINK_OTHER] = "link to elsewhere",
		[LISTS_LINK_IS_DIRECTORY] = "no link, but a copy",
	};

	return names[link];
}

/* Whether both end at one place: an archive can stand behind further links. 1, 0, -1. */
static int is_one_place(const struct lists_reading *r, const char *a, const char *b,
                        struct error *err)
{
	AUTO_FREE char *end_a = NULL, *end_b = NULL;
	int is = lists_resolve(r->site->h, a, &end_a, NULL, err);

	if (is == 1)
		is = lists_resolve(r->site->h, b, &end_b, NULL, err);
	return is == 1 ? strcmp(end_a, end_b) == 0 : is;
}

static int look_at_link(const struct lists_reading *r, const char *name, enum lists_link *link,
                        char **target, struct error *err)
{
	const struct lists_paths *paths = r->site->paths;
	const struct host_entry *e = lists_entry(&r->site->public_links, name);
	AUTO_FREE char *here = lists_paths_join(paths, LISTS_PUBLIC_ARCHIVE_FILE_DIR, name);
	AUTO_FREE char *right = lists_paths_join(paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, name);
	int is = 0;

	*link = !e                  ? LISTS_LINK_NONE
	        : !S_ISLNK(e->mode) ? LISTS_LINK_IS_DIRECTORY
	                            : LISTS_LINK_OTHER;
	if (*link != LISTS_LINK_OTHER || !right || !e->target)
		return 0;
	/* the likely case costs no question; and where the archive is not there, it is right too */
	if (strcmp(right, e->target) != 0)
		is = is_one_place(r, here, right, err);
	else
		is = 1;
	if (is < 0)
		return -1;
	if (is)
		*link = LISTS_LINK_RIGHT;
	else if (target)
		*target = xstrdup(e->target);
	return 0;
}

static void check_links(struct lists_list *l)
{
	const struct lists_archive *a = &l->archive;

	if (a->public_pages == LISTS_LINK_IS_DIRECTORY)
		lists_findings_add(&l->findings, "PUBLIC_ARCHIVE_FILE_DIR", NULL,
		                   "a directory, not a link: it no longer follows the archive, and "
		                   "the list cannot be made private");
	else if (a->is_private && a->public_pages != LISTS_LINK_NONE)
		lists_findings_add(&l->findings, "PUBLIC_ARCHIVE_FILE_DIR", NULL,
		                   "the archive is private, and a link makes it public");
	else if (a->public_pages == LISTS_LINK_OTHER)
		lists_findings_add(&l->findings, "PUBLIC_ARCHIVE_FILE_DIR", NULL,
		                   "the link leads to %s: Mailman never mends that",
		                   a->public_target);
	else if (!a->is_private && a->public_pages == LISTS_LINK_NONE && a->has_pages)
		lists_findings_add(&l->findings, "PUBLIC_ARCHIVE_FILE_DIR", NULL,
		                   "the archive is public, and the link is missing");
	if (a->is_private && a->public_mbox != LISTS_LINK_NONE)
		lists_findings_add(&l->findings, "PUBLIC_ARCHIVE_FILE_DIR", NULL,
		                   "the archive is private, and its mbox is public");
}

/* VOLUME/NNNNNN.html: the number; -1 for any other file. */
static int64_t page_number(const char *path)
{
	struct span rest = span_of(path), volume, file, more;
	uint64_t number;

	if (!span_next_part(&rest, '/', &volume) || !span_next_part(&rest, '/', &file) ||
	    span_next_part(&rest, '/', &more) || file.n < 11 || !span_ends(file, ".html"))
		return -1;
	file.n -= strlen(".html");
	return span_parse_u64(file, &number) ? (int64_t)number : -1;
}

static int read_state(struct lists_list *l, const struct lists_reading *r, const char *dir,
                      struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/pipermail.pck", dir);
	AUTO_VALUE_FILE struct value_file f = { 0 };
	struct lists_archive *a = &l->archive;

	if (lists_site_file(r->site, path, &f, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		lists_findings_add(&l->findings, "pipermail.pck", NULL,
		                   "cannot be read, and the next post would overwrite pages: %s",
		                   err->text);
		return 0;
	}
	(void)value_get_int(value_dict_find(f.rows[0], SPAN("sequence")), &a->sequence);
	a->volumes = value_count(value_dict_find(f.rows[0], SPAN("archives")));
	return 0;
}

static int read_pages(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	AUTO_FREE char *dir = lists_paths_join(r->site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                                       l->name);
	AUTO_LISTING struct host_listing files = { 0 };
	struct lists_archive *a = &l->archive;

	if (!dir)
		return 0;
	if (lists_site_listing(r->site, dir, 2, &files, err) < 0)
		return lists_is_unreached(err) ? -1 : 0;
	a->has_pages = true;
	for (size_t i = 0; i < files.n; i++) {
		int64_t number = page_number(files.rows[i].path);

		a->pages += number >= 0;
		if (number > a->highest)
			a->highest = number;
	}
	a->has_state = lists_entry(&files, "pipermail.pck") != NULL;
	if (a->has_state && read_state(l, r, dir, err) < 0)
		return -1;
	if (a->pages && !a->has_state)
		lists_findings_add(&l->findings, "pipermail.pck", NULL,
		                   "is not there: the next post would overwrite the first page, or "
		                   "the pages are another archiver's");
	if (a->has_state && a->sequence >= 0 && a->sequence <= a->highest)
		lists_findings_add(&l->findings, "pipermail.pck", NULL,
		                   "the next message is number %lld, and there is a page %lld: it "
		                   "would be overwritten",
		                   (long long)a->sequence, (long long)a->highest);
	return 0;
}

int lists_read_archive(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	AUTO_FREE char *mbox_name = xasprintf("%s.mbox", l->name);
	AUTO_FREE char *below = xasprintf("%s/%s", mbox_name, mbox_name);
	AUTO_FREE char *mbox = lists_paths_join(r->site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR,
	                                        below);
	struct lists_archive *a = &l->archive;
	/* what does not say so is not public */
	int64_t private = 1;

	(void)value_get_int(lists_list_attribute(l, "archive_private"), &private);
	a->is_private = private != 0;
	if (lists_read_mbox(&a->mbox, r, mbox, err) < 0 || read_pages(l, r, err) < 0)
		return -1;
	if (a->mbox.is_counted && a->mbox.messages != a->mbox.separators)
		lists_findings_add(&l->findings, mbox_name, NULL,
		                   "%llu lines begin with \"From \", %llu of them begin a message: "
		                   "do not rebuild the archive from it",
		                   (unsigned long long)a->mbox.messages,
		                   (unsigned long long)a->mbox.separators);
	if (look_at_link(r, l->name, &a->public_pages, &a->public_target, err) < 0 ||
	    look_at_link(r, mbox_name, &a->public_mbox, NULL, err) < 0)
		return -1;
	check_links(l);
	return 0;
}
