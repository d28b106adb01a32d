/* SPDX-License-Identifier: BSD-2-Clause */

/* storage -- what each host has at each path variable, and whether two of them have the same. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "lists/resolve.h"
#include "lists/settings.h"

#include <string.h>

#define TRIES 5

bool storage_is_queue(enum lists_path which)
{
	return which >= LISTS_INQUEUE_DIR && which <= LISTS_RETRYQUEUE_DIR;
}

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

static int count_waiting(struct doctor_host *host, struct doctor_place *p, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	p->waiting = 0;
	if (host_list(host->h, p->end, 1, &l, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	for (size_t i = 0; i < l.n; i++) {
		struct span name = span_of(l.rows[i].path);

		p->waiting += span_ends(name, ".pck") || span_ends(name, ".bak");
	}
	return 0;
}

int storage_look(struct doctor_host *host, const char *path, struct doctor_place *p,
                 struct error *err)
{
	struct host_space space = { 0 };
	struct host_entry entry;
	struct error why = { 0 };
	int found;

	*p = (struct doctor_place){ .path = path };
	if (!path)
		return 0;
	found = lists_resolve_near(host->h, &host->known, p->path, &p->end, &entry, err);
	if (found <= 0)
		return found;
	p->is_there = true;
	p->inode = entry.inode;
	p->mtime_ns = entry.mtime_ns;
	p->mount = mounts_find(&host->mounts, p->end);
	if (host_space(host->h, p->end, &space, &why) == 0) {
		p->device = space.device;
		p->fs_id = space.fs_id;
	} else if (is_unreached(&why, err)) {
		return -1;
	}
	return 0;
}

static int look(struct doctor_host *host, enum lists_path which, struct error *err)
{
	struct doctor_place *p = &host->places[which];

	free(p->end);
	if (storage_look(host, host->m->paths.value[which], p, err) < 0)
		return -1;
	return p->is_there && storage_is_queue(which) ? count_waiting(host, p, err) : 0;
}

/* Something may come or go between two looks at what is one. */
static bool is_moving(const struct doctor *d, enum lists_path which)
{
	const struct doctor_place *first = &d->hosts[0].places[which];

	for (size_t i = 1; i < d->n; i++) {
		const struct doctor_place *p = &d->hosts[i].places[which];

		if (p->is_there && first->is_there && p->inode == first->inode &&
		    p->mtime_ns != first->mtime_ns)
			return true;
	}
	return false;
}

int storage_read(struct doctor *d, struct error *err)
{
	for (enum lists_path which = 0; which < LISTS_PATHS; which++)
		for (int i = 0; i < TRIES; i++) {
			for (size_t j = 0; j < d->n; j++)
				if (look(&d->hosts[j], which, err) < 0)
					return -1;
			if (!is_moving(d, which))
				break;
		}
	return 0;
}

/* ── comparing ───────────────────────────────────────────────────────────────────────────────── */

static enum doctor_same say(bool same, struct buf *how, const char *words)
{
	if (how)
		buf_addf(how, words, same ? "the same" : "not the same");
	return same ? DOCTOR_SAME : DOCTOR_OTHER;
}

static bool is_from_one_source(const struct doctor_place *a, const struct doctor_place *b)
{
	AUTO_BUF struct buf in_a = { 0 }, in_b = { 0 };

	mount_within(a->mount, a->end, &in_a);
	mount_within(b->mount, b->end, &in_b);
	return !strcmp(a->mount->source, b->mount->source) &&
	       span_equal(buf_span(&in_a), buf_span(&in_b));
}

/* Of one kernel, device and inode say all. */
static enum doctor_same compare_here(const struct doctor_place *a, const struct doctor_place *b,
                                     struct buf *how)
{
	if (a->device && b->device)
		return say(a->device == b->device && a->inode == b->inode, how,
		           "one machine: device and inode are %s");
	return say(a->inode == b->inode && a->mtime_ns == b->mtime_ns, how,
	           "inode and time of change are %s");
}

/* Of two machines, numbers of local disks say nothing: copies of one disk image have them alike. */
static enum doctor_same compare_apart(const struct doctor_place *a, const struct doctor_place *b,
                                      struct buf *how)
{
	bool a_local = a->mount && !mount_is_shared(a->mount);
	bool b_local = b->mount && !mount_is_shared(b->mount);
	bool alike = a->inode == b->inode && a->mtime_ns == b->mtime_ns;

	if (a_local && b_local)
		return say(false, how, "both are disks of their own machine, so %s");
	if (a->mount && b->mount && !a_local && !b_local && is_from_one_source(a, b))
		return say(true, how, "mount source and directory in it are %s");
	if (a->fs_id && b->fs_id && !a_local && !b_local && a->fs_id != b->fs_id && !alike)
		return say(false, how, "file-system ids are %s");
	return say(alike, how, "inode and time of change are %s; --probe proves it");
}

enum doctor_same storage_compare(const struct doctor *d, const struct doctor_place *p, size_t a,
                                 const struct doctor_place *q, size_t b, struct buf *how)
{
	const char *k = d->hosts[a].kernel, *l = d->hosts[b].kernel;

	if (!p->path || !q->path)
		return DOCTOR_UNKNOWN;
	if (!p->is_there && !q->is_there)
		return DOCTOR_NEITHER;
	if (!p->is_there || !q->is_there) {
		if (how)
			buf_addf(how, "it is not there on %s", d->hosts[p->is_there ? b : a].name);
		return DOCTOR_OTHER;
	}
	return k && l && !strcmp(k, l) ? compare_here(p, q, how) : compare_apart(p, q, how);
}

enum doctor_same doctor_compare(const struct doctor *d, enum lists_path which, size_t a, size_t b,
                                struct buf *how)
{
	enum doctor_token token = d->tokens[which][a][b];

	if (!token)
		return storage_compare(d, &d->hosts[a].places[which], a, &d->hosts[b].places[which],
		                       b, how);
	if (how)
		buf_addf(how, "probe: what %s wrote there was %sfound on %s", d->hosts[a].name,
		         token == DOCTOR_TOKEN_SEEN ? "" : "not ", d->hosts[b].name);
	return token == DOCTOR_TOKEN_SEEN ? DOCTOR_SAME : DOCTOR_OTHER;
}

enum doctor_same doctor_shared(const struct doctor *d, enum lists_path which)
{
	for (size_t i = 0; i < d->n; i++) {
		enum doctor_same same = i == d->back ? DOCTOR_SAME
		                                     : doctor_compare(d, which, d->back, i, NULL);

		if (same != DOCTOR_SAME)
			return same;
	}
	return DOCTOR_SAME;
}

/* Where the settings say it: "mm_cfg.py line 3". */
static void add_place_of_setting(const struct lists_installation *m, enum lists_path which,
                                 struct buf *out)
{
	const struct lists_setting *s = lists_setting(m->settings, lists_path_kinds[which].name);

	if (!s || !s->file)
		return;
	const char *slash = strrchr(s->file, '/');
	buf_addf(out, " (%s line %u)", slash ? slash + 1 : s->file, s->line);
}

void doctor_describe(const struct doctor *d, enum lists_path which, size_t host, struct buf *out)
{
	const struct doctor_host *h = &d->hosts[host];
	const struct doctor_place *p = &h->places[which];

	buf_addf(out, "%s: %s", h->name, p->path ? p->path : "its settings do not tell");
	if (!p->path)
		return;
	add_place_of_setting(h->m, which, out);
	if (!p->is_there) {
		buf_add_text(out, ", which is not there");
		return;
	}
	if (strcmp(p->end, p->path) != 0)
		buf_addf(out, ", by a link %s", p->end);
	if (p->mount)
		buf_addf(out, ", %s on %s", p->mount->type, p->mount->source);
	buf_addf(out, ", device %llx, inode %llu", (unsigned long long)p->device,
	         (unsigned long long)p->inode);
	if (p->fs_id)
		buf_addf(out, ", file-system id %llx", (unsigned long long)p->fs_id);
	if (p->waiting)
		buf_addf(out, ", %llu wait", (unsigned long long)p->waiting);
}
