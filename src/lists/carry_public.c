/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_public -- archives/public on new: a link for each archive that is public, and nothing else of
 * ours. Saving a list in Mailman makes a missing link, and never mends a wrong one. */

#include "lists/carry_inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pickle/read.h"
#include "remote/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct public
{
	struct carry_run *r;
	const char *old_dir, *dir, *private;    /* of new, but for the first */
	struct host_listing old, new, archives; /* one level */
	struct tree_writer *writer;
	uint64_t changes;
};

static const struct host_entry *find(const struct host_listing *l, const char *name)
{
	for (size_t low = 0, high = l->n; low < high;) {
		size_t at = low + (high - low) / 2;
		int order = strcmp(name, l->rows[at].path);

		if (!order)
			return &l->rows[at];
		if (order < 0)
			high = at;
		else
			low = at + 1;
	}
	return NULL;
}

static int list(struct host *h, const char *path, struct host_listing *out, struct error *err)
{
	struct error why = { 0 };

	host_listing_fini(out);
	if (!path || host_list(h, path, 1, out, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

static int look(struct public *p, struct error *err)
{
	const struct lists_carry_options *o = p->r->o;

	p->old_dir = o->old->paths.value[LISTS_PUBLIC_ARCHIVE_FILE_DIR];
	p->dir = o->new->paths.value[LISTS_PUBLIC_ARCHIVE_FILE_DIR];
	p->private = o->new->paths.value[LISTS_PRIVATE_ARCHIVE_FILE_DIR];
	if (list(o->from, p->old_dir, &p->old, err) < 0 || list(o->to, p->dir, &p->new, err) < 0)
		return -1;
	return list(o->to, p->private, &p->archives, err);
}

static void fini(struct public *p)
{
	host_listing_fini(&p->old);
	host_listing_fini(&p->new);
	host_listing_fini(&p->archives);
	tree_writer_free(p->writer);
}

/* Not as data of a link: somebody has copied what it leads to. Mailman can't make such a list private
 * again: it fails in the middle of saving it, and leaves its lock. */
static void tell_copies(struct public *p)
{
	for (size_t i = 0; i < p->old.n; i++) {
		const struct host_entry *e = &p->old.rows[i];
		AUTO_FREE char *path = xasprintf("%s/%s", p->old_dir, e->path);
		const struct carry_list *l = carry_list_named(p->r, span_of(e->path));

		if (!*e->path || S_ISLNK(e->mode))
			continue;
		if (l && S_ISDIR(e->mode))
			carry_tell(&p->r->out->notes, path,
			           "is a copy of the archive, and no link to it; new gets a link%s",
			           l->is_public ? ""
			                        : " neither, for the list's archive is private");
		else if (!l && !span_ends(span_of(e->path), ".mbox"))
			carry_tell(&p->r->out->notes, path, "belongs to no list: left");
	}
}

/* Names that a list may have there: LIST and LIST.mbox. */
static char *name_of(const struct carry_list *l, unsigned which)
{
	return xasprintf("%s%s", l->name, which ? ".mbox" : "");
}

/* What the link has to say; NULL: there is none to be. */
static char *target_of(const struct public *p, const struct carry_list *l, unsigned which)
{
	AUTO_FREE char *name = name_of(l, which);

	if (!l->is_public || (which && !find(&p->old, name)) || !p->dir || !p->private)
		return NULL;
	return xasprintf("%s/%s", p->private, name);
}

/* ── putting aside, taking out ───────────────────────────────────────────────────────────────── */

static int put_aside(struct public *p, const char *name, struct error *err)
{
	struct host *to = p->r->o->to;
	AUTO_FREE char *dir = xasprintf("%s.before-mailhaul", p->dir);
	AUTO_FREE char *from = xasprintf("%s/%s", p->dir, name);
	AUTO_FREE char *aside = xasprintf("%s/%s", dir, name);

	carry_tell(&p->r->out->notes, from, "is no link; it is put into %s, which nobody can read",
	           dir);
	p->r->out->links++;
	if (p->r->o->dry_run)
		return 0;
	for (unsigned i = 2; host_has(to, aside); i++) {
		free(aside);
		aside = xasprintf("%s/%s.%u", dir, name, i);
	}
	if (!host_has(to, dir) && host_mkdir(to, dir, 0700, 0, 0, err) < 0)
		return -1;
	return host_rename(to, from, aside, err);
}

static int take_out(struct public *p, const char *name, struct error *err)
{
	p->r->out->links++;
	if (p->r->o->dry_run)
		return 0;
	p->changes++;
	return tree_write_remove(p->writer, p->changes, name, false, err);
}

/* What must not be seen goes before anything else comes. */
static int clear_name(struct public *p, const struct carry_list *l, unsigned which,
                      struct error *err)
{
	AUTO_FREE char *name = name_of(l, which), *target = target_of(p, l, which);
	const struct host_entry *e = find(&p->new, name);

	if (!e)
		return 0;
	if (!S_ISLNK(e->mode))
		return put_aside(p, name, err);
	return target ? 0 : take_out(p, name, err);
}

static void failed(void *context, uint64_t id, const struct error *why)
{
	struct public *p = context;

	carry_tell(&p->r->out->failed, p->dir, "%s", why->text);
}

static void noted(void *context, uint64_t id, const char *words)
{
}

static int commit(struct public *p, struct error *err)
{
	const struct tree_outcome outcome = { p, failed, noted };
	uint64_t done;

	return p->changes ? tree_write_commit(p->writer, &outcome, &done, err) : 0;
}

static int before(struct public *p, struct error *err)
{
	if (look(p, err) < 0)
		return -1;
	tell_copies(p);
	if (!p->dir || !p->new.n)
		return 0;
	p->writer = tree_writer_new(p->r->o->to, p->dir);
	for (size_t i = 0; i < p->r->lists_n; i++)
		for (unsigned which = 0; which < 2; which++)
			if (p->r->lists[i].goes && clear_name(p, &p->r->lists[i], which, err) < 0)
				return -1;
	return commit(p, err);
}

int carry_public_before(struct carry_run *r, struct error *err)
{
	struct public p = { .r = r };
	int result = before(&p, err);

	fini(&p);
	return result < 0 ? error_context(err, "public archives") : 0;
}

/* ── links ───────────────────────────────────────────────────────────────────────────────────── */

/* What has arrived says "private", or can't be read: old has changed its mind meanwhile. */
static int take_arrived(void *context, size_t index, struct buf *content, const struct error *why,
                        struct error *err)
{
	struct carry_run *r = context;
	struct carry_list *l = &r->lists[index];
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct error bad = { 0 };
	int64_t private = 1;

	if (content && value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) == 0 &&
	    file.n)
		(void)value_get_int(value_dict_find(file.rows[0], SPAN("archive_private")),
		                    &private);
	l->is_public = l->is_public && private == 0;
	return 0;
}

static int ask_arrived(struct carry_run *r, struct error *err)
{
	AUTO_FREE const char **paths = xcalloc(r->lists_n + 1, sizeof *paths);

	for (size_t i = 0; i < r->lists_n; i++)
		paths[i] = r->lists[i].config;
	return carry_fetch(r->o->to, r->o->new->paths.value[LISTS_LIST_DATA_DIR], paths, r->lists_n,
	                   take_arrived, r, err);
}

static bool is_right(const struct host_entry *e, const char *target)
{
	return e && S_ISLNK(e->mode) && e->target && !strcmp(e->target, target);
}

/* Apache with SymLinksIfOwnerMatch follows a link of the owner of what it leads to. */
static int make_link(struct public *p, const struct carry_list *l, unsigned which,
                     struct error *err)
{
	AUTO_FREE char *name = name_of(l, which), *target = target_of(p, l, which);
	const struct host_entry *archive = find(&p->archives, name);
	struct tree_node node = { .kind = TREE_LINK, .target = target };

	if (!target || is_right(find(&p->new, name), target))
		return 0;
	/* nothing was archived yet: the list's next save makes the link */
	if (!archive && !p->r->o->dry_run)
		return 0;
	p->r->out->links++;
	if (p->r->o->dry_run)
		return 0;
	node.uid = archive->uid;
	node.gid = archive->gid;
	node.mtime_ns = clock_wall_ms() * 1000000;
	p->changes++;
	return tree_write_link(p->writer, p->changes, name, &node, err);
}

static int after(struct public *p, struct error *err)
{
	if (!p->r->o->dry_run && ask_arrived(p->r, err) < 0)
		return -1;
	if (look(p, err) < 0)
		return -1;
	if (!p->dir)
		return 0;
	if (!p->new.n && !p->r->o->dry_run &&
	    host_mkdir(p->r->o->to, p->dir, 02775, p->r->uid, p->r->gid, err) < 0)
		return -1;
	p->writer = tree_writer_new(p->r->o->to, p->dir);
	for (size_t i = 0; i < p->r->lists_n; i++)
		for (unsigned which = 0; which < 2; which++)
			if (p->r->lists[i].goes &&
			    (clear_name(p, &p->r->lists[i], which, err) < 0 ||
			     make_link(p, &p->r->lists[i], which, err) < 0))
				return -1;
	return commit(p, err);
}

int carry_public_after(struct carry_run *r, struct error *err)
{
	struct public p = { .r = r };
	int result = after(&p, err);

	fini(&p);
	return result < 0 ? error_context(err, "public archives") : 0;
}

/* ── verify ──────────────────────────────────────────────────────────────────────────────────── */

static void judge(struct public *p, const struct carry_list *l, unsigned which)
{
	AUTO_FREE char *name = name_of(l, which), *target = target_of(p, l, which);
	AUTO_FREE char *place = xasprintf("%s: %s/%s", l->name, p->dir, name);
	const struct host_entry *e = find(&p->new, name);

	if (!target && e)
		carry_tell(&p->r->out->failed, place,
		           "is in public, and the archive is private on old");
	else if (target && !e && find(&p->archives, name))
		carry_tell(&p->r->out->failed, place,
		           "is missing, and the archive is public on old");
	else if (target && e && !is_right(e, target))
		carry_tell(&p->r->out->failed, place, "leads to %s, and not to %s",
		           e->target ? e->target : "itself: it is no link", target);
}

static int verify(struct public *p, struct error *err)
{
	if (look(p, err) < 0)
		return -1;
	for (size_t i = 0; p->dir && i < p->r->lists_n; i++)
		for (unsigned which = 0; which < 2; which++)
			if (p->r->lists[i].goes)
				judge(p, &p->r->lists[i], which);
	return 0;
}

int carry_public_verify(struct carry_run *r, struct error *err)
{
	struct public p = { .r = r };
	int result = verify(&p, err);

	fini(&p);
	return result < 0 ? error_context(err, "public archives") : 0;
}
