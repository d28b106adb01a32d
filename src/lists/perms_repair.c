/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/clock.h"
#include "base/memory.h"
#include "remote/tree.h"

#include <string.h>

#define BATCH 200u

/* A batch of findings that is under way. */
struct repair {
	struct host *h;
	const struct lists_perms *p;
	FILE *journal;
	struct tree_writer *writer;
	size_t first;        /* of the findings in the fetch */
	const size_t *which; /* numbers of the findings */
	bool *failed;        /* by number of the finding */
	size_t sent;
	size_t done, failures;
};

/* Below "/", as remote/tree.h wants it. */
static const char *below_root(const char *path)
{
	return path + 1;
}

static void fail(struct repair *r, size_t finding, const char *why)
{
	AUTO_BUF struct buf words = { 0 };

	if (!r->failed[finding])
		r->failures++;
	r->failed[finding] = true;
	buf_add_printable(&words, span_of(r->p->findings[finding].path));
	fprintf(r->journal, "failed  %s: %s\n", buf_text(&words), why);
}

static void told_failed(void *context, uint64_t id, const struct error *why)
{
	fail(context, (size_t)id, why->text);
}

static void told_note(void *context, uint64_t id, const char *words)
{
	fail(context, (size_t)id, words);
}

/* ── modes and owners ────────────────────────────────────────────────────────────────────────── */

static bool has_acl(const struct tree_attributes *attributes)
{
	return tree_attributes_find(attributes, "system.posix_acl_access") != NULL;
}

/* What is there now: only what the finding is about is changed of it. */
static int take_node(void *context, size_t index, const struct tree_node *node,
                     const struct tree_attributes *attributes, struct error *err)
{
	struct repair *r = context;
	size_t number = r->which[r->first + index];
	const struct lists_perm_finding *f = &r->p->findings[number];
	struct tree_node wanted = *node;
	uint32_t add = f->should_mode & ~f->mode, drop = f->mode & ~f->should_mode;

	if (has_acl(attributes)) {
		fail(r, number, "it has an ACL, which a person has to judge");
		return 0;
	}
	wanted.mode = (node->mode | add) & ~drop;
	if (f->should_gid != f->gid)
		wanted.gid = f->should_gid;
	if (f->should_uid != f->uid)
		wanted.uid = f->should_uid;
	if (wanted.mode == node->mode && wanted.gid == node->gid && wanted.uid == node->uid)
		return 0; /* someone was faster */
	r->sent++;
	return tree_write_set(r->writer, number, below_root(f->path), &wanted, attributes, err);
}

static int take_bytes(void *context, size_t index, uint64_t offset, struct span bytes,
                      struct error *err)
{
	return 0;
}

static int take_done(void *context, size_t index, const struct digest *digest, bool young,
                     struct error *err)
{
	return 0;
}

static int take_failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct repair *r = context;

	fail(r, r->which[r->first + index], why->text);
	return 0;
}

static int mend_modes(struct repair *r, size_t n, struct error *err)
{
	AUTO_FREE struct tree_wanted *wanted = xcalloc(n + 1, sizeof *wanted);
	const struct tree_fetch fetch = { r, take_node, take_bytes, take_done, take_failed };

	for (size_t i = 0; i < n; i++)
		wanted[i] = (struct tree_wanted){ below_root(r->p->findings[r->which[i]].path),
			                          TREE_WANT_META };
	for (r->first = 0; r->first < n;) {
		size_t fits = tree_fetch_fits(wanted + r->first, n - r->first);

		if (tree_fetch_send(r->h, "/", wanted + r->first, fits, err) < 0 ||
		    tree_fetch_collect(r->h, wanted + r->first, fits, &fetch, err) < 0)
			return -1;
		r->first += fits;
	}
	return 0;
}

/* ── links ───────────────────────────────────────────────────────────────────────────────────── */

static int mend_link(struct repair *r, size_t number, struct error *err)
{
	const struct lists_perm_finding *f = &r->p->findings[number];
	struct tree_node link = { .kind = TREE_LINK,
		                  .mode = 0777,
		                  .uid = f->should_uid,
		                  .gid = f->should_gid,
		                  .mtime_ns = clock_wall_ms() * 1000000,
		                  .target = f->target };

	if (!f->target)
		return tree_write_remove(r->writer, number, below_root(f->path), false, err);
	return tree_write_link(r->writer, number, below_root(f->path), &link, err);
}

static bool is_link(const struct lists_perm_finding *f)
{
	return f->fault == LISTS_PERM_LINK || (f->fault == LISTS_PERM_LEAK && !f->should_mode);
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────── */

static void write_journal(struct repair *r, const size_t *which, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct lists_perm_finding *f = &r->p->findings[which[i]];
		AUTO_BUF struct buf path = { 0 };

		if (r->failed[which[i]])
			continue;
		r->done++;
		buf_add_printable(&path, span_of(f->path));
		if (is_link(f))
			fprintf(r->journal, "mended  %s: %s%s\n", buf_text(&path),
			        f->target ? "link to " : "taken away", f->target ? f->target : "");
		else
			fprintf(r->journal, "mended  %s: %04o %u:%u is now %04o %u:%u\n",
			        buf_text(&path), f->mode, f->uid, f->gid, f->should_mode,
			        f->should_uid, f->should_gid);
	}
	fflush(r->journal);
}

/* One batch: what is said to be mended is durable. */
static int mend(struct repair *r, const size_t *which, size_t n, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *writer = tree_writer_new(r->h, "/");
	AUTO_FREE size_t *modes = xcalloc(n + 1, sizeof *modes);
	const struct tree_outcome outcome = { r, told_failed, told_note };
	size_t modes_n = 0;
	uint64_t done;

	r->writer = writer;
	for (size_t i = 0; i < n; i++) {
		if (!is_link(&r->p->findings[which[i]]))
			modes[modes_n++] = which[i];
		else if (mend_link(r, which[i], err) < 0)
			return -1;
	}
	r->which = modes;
	if (mend_modes(r, modes_n, err) < 0 || tree_write_commit(writer, &outcome, &done, err) < 0)
		return -1;
	write_journal(r, which, n);
	return 0;
}

int lists_perms_repair(struct host *h, const struct lists_perms *p, FILE *journal, size_t *done,
                       size_t *failed, struct error *err)
{
	AUTO_FREE bool *failures = xcalloc(p->findings_n + 1, sizeof *failures);
	AUTO_FREE size_t *which = xcalloc(p->findings_n + 1, sizeof *which);
	struct repair r = { .h = h, .p = p, .journal = journal, .failed = failures };
	size_t n = 0;

	for (size_t i = 0; i < p->findings_n; i++)
		if (p->findings[i].mendable)
			which[n++] = i;
	for (size_t i = 0; i < n; i += BATCH)
		if (mend(&r, which + i, n - i < BATCH ? n - i : BATCH, err) < 0)
			return -1;
	*done = r.done;
	*failed = r.failures;
	return 0;
}
