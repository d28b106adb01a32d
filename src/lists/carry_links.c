/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_links -- a list or an archive that lies on another disk of old, behind a symbolic link. As a link
 * it would lead nowhere on new: what it leads to comes as a directory. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "lists/resolve.h"
#include "remote/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ── where a link's text leads, by its letters ───────────────────────────────────────────────── */

/* Out of the tree in which it has the place `path`. */
static bool leads_out(const char *path, const char *target)
{
	struct span rest = span_of(target), part;
	unsigned depth = 0;

	if (*target == '/')
		return true;
	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/'))
		depth++;
	while (span_next_part(&rest, '/', &part)) {
		if (!part.n || span_is(part, "."))
			continue;
		if (!span_is(part, ".."))
			depth++;
		else if (!depth--)
			return true;
	}
	return false;
}

/* ── what a root has at its top ──────────────────────────────────────────────────────────────── */

static bool is_owner(uint32_t id, uint32_t mailman, uint32_t of_root)
{
	return id && (id == mailman || id == of_root);
}

/* Whoever may write to a list's directory could name one there that only root reads, and have us bring it
 * to where he reads it: so it has to be Mailman's own. */
static int may_follow(struct carry_run *r, const char *root, const struct host_entry *e,
                      struct error *err)
{
	const struct lists_installation *m = r->o->old;
	const struct system_user *user = m->user ? system_user_named(&r->old_users, m->user) : NULL;
	const struct system_group *group = m->group ? system_group_named(&r->old_users, m->group)
	                                            : NULL;
	struct host_entry top = { 0 };

	if (host_hello(r->o->from)->uid)
		return 1;
	if (lists_resolve(r->o->from, root, NULL, &top, err) < 0)
		return -1;
	return is_owner(e->uid, user ? user->uid : 0, top.uid) ||
	       is_owner(e->gid, group ? group->gid : 0, top.gid);
}

int carry_link_look(struct carry_run *r, const char *root, const struct host_entry *e,
                    struct carry_link *out, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, e->path);
	struct host_entry end = { 0 };
	int found = lists_resolve(r->o->from, path, &out->end, &end, err);

	out->is = CARRY_LINK_LOST;
	if (found < 0)
		return -1;
	if (!found) {
		out->why = "which leads nowhere there";
		return 0;
	}
	if (!S_ISDIR(end.mode) || (e->target && !leads_out(e->path, e->target))) {
		out->is = CARRY_LINK_KEPT;
		return 0;
	}
	found = may_follow(r, root, &end, err);
	if (found > 0)
		out->is = CARRY_LINK_FOLLOWED;
	else
		out->why = "which is neither of Mailman's user nor of its group";
	return found < 0 ? -1 : 0;
}

void carry_link_fini(struct carry_link *l)
{
	free(l->end);
	*l = (struct carry_link){ 0 };
}

/* ── one of them ─────────────────────────────────────────────────────────────────────────────── */

static void not_removed(void *context, uint64_t id, const struct error *why)
{
	struct carry_pass *p = context;

	carry_tell(&p->run->out->failed, p->to, "%s", why->text);
}

static void noted(void *context, uint64_t id, const char *words)
{
}

/* Of an earlier pass, or of a person: new's copy is a directory in its place. */
static int clear_new(struct carry_pass *p, const char *name, struct error *err)
{
	struct host *to = p->run->o->to;
	AUTO_FREE char *path = xasprintf("%s/%s", p->to, name);
	AUTO_LISTING struct host_listing there = { 0 };
	struct error why = { 0 };
	uint64_t done;

	if (host_list(to, path, 0, &there, &why) < 0 || !there.n || !S_ISLNK(there.rows[0].mode))
		return why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	if (p->run->verify)
		carry_differs(p, name, "is a symbolic link on new");
	if (p->run->verify || p->run->o->dry_run)
		return 0;

	AUTO_TREE_WRITER struct tree_writer *writer = tree_writer_new(to, p->to);
	const struct tree_outcome outcome = { p, not_removed, noted };

	if (tree_write_remove(writer, 1, name, false, err) < 0)
		return -1;
	return tree_write_commit(writer, &outcome, &done, err);
}

static void lose(struct carry_pass *p, const char *name, const char *target, const char *why)
{
	AUTO_FREE char *list = span_dup(carry_list_of(p, name));

	carry_tell(&p->run->out->failed, *list ? list : p->part->name,
	           "%s/%s is a symbolic link on old, to %s, %s: what it stands for was not carried",
	           p->from, name, target, why);
}

/* Its directory is made in the root before that is looked at, so that the root's time is the last that is
 * set. */
static int follow(struct carry_pass *p, const char *name, const char *end, struct error *err)
{
	const struct carry_run *r = p->run;
	AUTO_FREE char *from = xstrdup(end), *to = xasprintf("%s/%s", p->to, name);
	struct carry_pass below = { .run = p->run, .part = p->part, .from = from, .to = to };
	int result;

	if (clear_new(p, name, err) < 0)
		return -1;
	if (!r->o->dry_run && !r->verify && !host_has(r->o->to, p->to) &&
	    host_mkdir(r->o->to, p->to, 02770, r->uid, r->gid, err) < 0)
		return -1;
	below.prefix = name;
	carry_tell(&p->run->out->notes, name,
	           "%s/%s is a symbolic link on old, to %s: what it leads to is carried, and is a "
	           "directory on new",
	           p->from, name, end);
	result = carry_copy(&below, err);
	carry_pass_forget(&below);
	return result;
}

static bool has_links(const struct carry_part *part)
{
	return part->path == LISTS_LIST_DATA_DIR || part->path == LISTS_TEMPLATE_DIR ||
	       part->path == LISTS_PRIVATE_ARCHIVE_FILE_DIR;
}

static int look_at(struct carry_pass *p, const char *root, const struct host_entry *e,
                   struct error *err)
{
	/* what it is to be */
	const struct tree_node node = { .kind = TREE_DIR, .mode = 0770 };
	const char *target = e->target ? e->target : "?";
	struct carry_link link = { 0 };
	int result;

	if (!*e->path || !S_ISLNK(e->mode) || !p->part->belongs(p, e->path, &node))
		return 0;
	result = carry_link_look(p->run, root, e, &link, err);
	if (result == 0 && link.is != CARRY_LINK_KEPT)
		strings_add(&p->elsewhere, e->path);
	if (result == 0 && link.is == CARRY_LINK_LOST)
		lose(p, e->path, target, link.why);
	if (result == 0 && link.is == CARRY_LINK_FOLLOWED)
		result = follow(p, e->path, link.end, err);
	carry_link_fini(&link);
	return result;
}

int carry_links_before(struct carry_pass *p, struct error *err)
{
	AUTO_FREE char *root = NULL;
	AUTO_LISTING struct host_listing listing = { 0 };
	int found = has_links(p->part) ? lists_resolve(p->run->o->from, p->from, &root, NULL, err)
	                               : 0;

	if (found <= 0)
		return found;
	if (host_list(p->run->o->from, root, 1, &listing, err) < 0)
		return -1;
	for (size_t i = 0; i < listing.n; i++)
		if (look_at(p, root, &listing.rows[i], err) < 0)
			return -1;
	return 0;
}

/* ── links further down ──────────────────────────────────────────────────────────────────────── */

bool carry_link_is_elsewhere(const struct carry_pass *p, const char *path)
{
	return !p->prefix && p->elsewhere.n && strings_has(&p->elsewhere, path);
}

void carry_link_met(struct carry_pass *p, const char *path, const char *target)
{
	if (!has_links(p->part) || !leads_out(path, target))
		return;
	strings_add(&p->out_paths, path);
	strings_add(&p->out_targets, target);
}

/* Such a link is carried as it is, and is right where new has what it leads to. */
int carry_links_after(struct carry_pass *p, struct error *err)
{
	for (size_t i = 0; i < p->out_paths.n; i++) {
		const char *path = p->out_paths.rows[i], *target = p->out_targets.rows[i];
		const char *slash = strrchr(path, '/');
		AUTO_FREE char *end = *target == '/' ? xstrdup(target)
		                                     : xasprintf("%s/%.*s/%s", p->to,
		                                                 slash ? (int)(slash - path) : 0,
		                                                 path, target);
		int found = lists_resolve(p->run->o->to, end, NULL, NULL, err);

		if (found < 0)
			return -1;
		if (!found)
			lose(p, path, target, "which new does not have");
	}
	return 0;
}

void carry_pass_forget(struct carry_pass *p)
{
	strings_fini(&p->elsewhere);
	strings_fini(&p->out_paths);
	strings_fini(&p->out_targets);
	strings_fini(&p->differ);
}
