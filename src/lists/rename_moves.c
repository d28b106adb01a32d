/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_moves -- what has the list's name as its own: directories, held posts, links. */

#include "lists/rename_run.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "remote/tree.h"

#include <string.h>
#include <sys/stat.h>

/* ── files that get another name ─────────────────────────────────────────────────────────────── */

static int move_below(struct rename_run *r, const char *root, const char *from, const char *to,
                      struct error *err)
{
	AUTO_FREE char *old = xasprintf("%s/%s", root, from);
	AUTO_FREE char *new = xasprintf("%s/%s", root, to);

	return rename_path(r, old, new, err);
}

/* heldmsg-LIST-ID.pck, spam-LIST-ID.msg */
static int move_numbered(struct rename_run *r, enum lists_path which, const char *begin,
                         struct error *err)
{
	const char *root = rename_root(r, which);
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!root || host_list(r->o->host, root, 1, &listing, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < listing.n; i++) {
		const char *name = listing.rows[i].path;
		struct span list = carry_spam_list(name);
		AUTO_FREE char *to = NULL;

		if (which == LISTS_DATA_DIR)
			(void)carry_data_of(name, &list);
		if (!span_is(list, r->words.list))
			continue;
		to = xasprintf("%s%s%s", begin, r->words.list_to, list.p + list.n);
		if (move_below(r, root, name, to, err) < 0)
			return -1;
	}
	return 0;
}

static int move_archive(struct rename_run *r, struct error *err)
{
	const char *root = rename_root(r, LISTS_PRIVATE_ARCHIVE_FILE_DIR);
	AUTO_FREE char *old = xasprintf("%s.mbox", r->words.list);
	AUTO_FREE char *new = xasprintf("%s.mbox", r->words.list_to);
	AUTO_FREE char *dir = xasprintf("%s/%s", root ? root : "", r->o->dry_run ? old : new);

	if (!root)
		return 0;
	return move_below(r, root, r->words.list, r->words.list_to, err) < 0 ||
	                       move_below(r, root, old, new, err) < 0 ||
	                       move_below(r, dir, old, new, err) < 0
	               ? -1
	               : 0;
}

/* ── public links ────────────────────────────────────────────────────────────────────────────── */

static void link_failed(void *context, uint64_t id, const struct error *why)
{
	struct rename_run *r = context;

	carry_tell(&r->out->failed, rename_root(r, LISTS_PUBLIC_ARCHIVE_FILE_DIR), "%s", why->text);
}

static void link_noted(void *context, uint64_t id, const char *words)
{
}

static int write_link(struct rename_run *r, struct tree_writer *w, const struct host_entry *e,
                      const char *to, struct error *err)
{
	AUTO_FREE char *target = xasprintf("%s/%s", rename_root(r, LISTS_PRIVATE_ARCHIVE_FILE_DIR),
	                                   to);
	const struct tree_node node = { .kind = TREE_LINK,
		                        .uid = e->uid,
		                        .gid = e->gid,
		                        .mtime_ns = e->mtime_ns,
		                        .target = target };

	strings_addf(&r->out->moves, "%s/%s -> %s", rename_root(r, LISTS_PUBLIC_ARCHIVE_FILE_DIR),
	             e->path, to);
	return r->o->dry_run ? 0 : tree_write_link(w, 1, to, &node, err);
}

/* One round over what is public of the list: the new links, or the end of the old ones. */
static int link_round(struct rename_run *r, const char *root, const struct host_listing *listing,
                      bool remove, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(r->o->host, root);
	const struct tree_outcome outcome = { r, link_failed, link_noted };
	AUTO_FREE char *mbox = xasprintf("%s.mbox", r->words.list);
	AUTO_FREE char *mbox_to = xasprintf("%s.mbox", r->words.list_to);
	uint64_t done;
	bool any = false;

	for (size_t i = 0; i < listing->n; i++) {
		const struct host_entry *e = &listing->rows[i];
		bool is_mbox = !strcmp(e->path, mbox);
		const char *to = is_mbox ? mbox_to : r->words.list_to;

		if (!is_mbox && strcmp(e->path, r->words.list) != 0)
			continue;
		if (!S_ISLNK(e->mode)) {
			carry_tell(&r->out->failed, e->path,
			           "in the public archive, and no link: it is left");
			continue;
		}
		any = true;
		if (remove ? tree_write_remove(w, 1, e->path, false, err) < 0
		           : write_link(r, w, e, to, err) < 0)
			return -1;
	}
	return any && !r->o->dry_run ? tree_write_commit(w, &outcome, &done, err) : 0;
}

/* The new link is there for good before the old one goes: else, killed between the two, nobody would
 * know any more that the archive is public. */
static int move_links(struct rename_run *r, struct error *err)
{
	const char *root = rename_root(r, LISTS_PUBLIC_ARCHIVE_FILE_DIR);
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!root || host_list(r->o->host, root, 1, &listing, &ignored) < 0)
		return 0;
	if (link_round(r, root, &listing, false, err) < 0)
		return -1;
	return r->o->dry_run ? 0 : link_round(r, root, &listing, true, err);
}

int rename_move_all(struct rename_run *r, struct error *err)
{
	if (!rename_has_new_name(r))
		return 0;
	return move_numbered(r, LISTS_DATA_DIR, "heldmsg-", err) < 0 ||
	                       move_numbered(r, LISTS_SPAM_DIR, "spam-", err) < 0 ||
	                       move_archive(r, err) < 0 || move_links(r, err) < 0 ||
	                       move_below(r, rename_root(r, LISTS_LIST_DATA_DIR), r->words.list,
	                                  r->words.list_to, err) < 0
	               ? -1
	               : 0;
}
