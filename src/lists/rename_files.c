/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_files -- reads files, some at a time, has them edited, and writes those that change. */

#include "lists/rename_run.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/carry_inside.h"
#include "remote/tree.h"
#include "tree/digest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT_ONCE 128u
#define LINES_A_FILE 6u

struct changed {
	size_t index; /* of the group's paths */
	struct buf content;
};
struct editing {
	struct rename_run *r;
	const struct rename_group *g;
	size_t first; /* path of the batch */
	struct changed rows[AT_ONCE];
	size_t n;
};

static void keep_diff(struct editing *e, const char *where, const struct rename_diff *d)
{
	struct lists_rename_result *out = e->r->out;

	out->files++;
	out->changes += d->changes;
	strings_add(&out->diff, where);
	for (size_t i = 0; i < d->lines.n; i++) {
		if (i == LINES_A_FILE && !e->r->o->all_lines) {
			strings_addf(&out->diff, "  ... and %zu more lines", d->lines.n - i);
			break;
		}
		strings_addf(&out->diff, "  %s", d->lines.rows[i]);
	}
}

static int take_file(void *context, size_t index, struct buf *content, const struct error *why,
                     struct error *err)
{
	struct editing *e = context;
	const char *path = e->g->paths.rows[e->first + index];
	AUTO_FREE char *where = xasprintf("%s/%s", e->g->root, path);
	struct rename_words words = e->r->words;
	struct rename_diff diff = { 0 };
	struct error bad = { 0 };
	int result = -1;

	words.of_other = e->g->of_others;
	if (content) {
		result = e->g->edit(&words, content, &diff, &bad);
		why = &bad;
	}
	if (result < 0)
		carry_tell(e->g->must_read ? &e->r->out->failed : &e->r->out->notes, where, "%s",
		           why->text);
	for (size_t i = 0; i < diff.left.n; i++)
		carry_tell(&e->r->out->notes, where, "%s", diff.left.rows[i]);
	if (result == 1) {
		keep_diff(e, where, &diff);
		e->rows[e->n++] = (struct changed){ e->first + index, *content };
		*content = (struct buf){ 0 };
	}
	rename_diff_fini(&diff);
	return 0;
}

/* ── writing ─────────────────────────────────────────────────────────────────────────────────── */

static int write_one(struct editing *e, struct tree_writer *w, const struct changed *c,
                     struct error *err)
{
	const char *path = e->g->paths.rows[c->index];
	AUTO_FREE char *where = xasprintf("%s/%s", e->g->root, path);
	AUTO_LISTING struct host_listing listing = { 0 };
	const struct tree_attributes none = { 0 };
	struct tree_node node = { .kind = TREE_FILE, .size = c->content.n };
	struct tree_digest state;
	struct digest digest;

	if (host_list(e->r->o->host, where, 0, &listing, err) < 0)
		return -1;
	node.mode = listing.rows[0].mode & 07777;
	node.uid = listing.rows[0].uid;
	node.gid = listing.rows[0].gid;
	node.mtime_ns = e->g->keep_mtime ? listing.rows[0].mtime_ns : clock_wall_ms() * 1000000;
	tree_digest_begin(&state);
	tree_digest_add(&state, c->content.p, c->content.n);
	digest = tree_digest_end(&state);
	if (tree_write_file(w, c->index, path, &node, &none, err) < 0)
		return -1;
	for (size_t at = 0; at < c->content.n; at += WIRE_CHUNK) {
		size_t n = c->content.n - at < WIRE_CHUNK ? c->content.n - at : WIRE_CHUNK;

		if (tree_write_bytes(w, at, (struct span){ c->content.p + at, n }, err) < 0)
			return -1;
	}
	return tree_write_done(w, &digest, err);
}

static void write_failed(void *context, uint64_t id, const struct error *why)
{
	struct editing *e = context;

	carry_tell(&e->r->out->failed, id < e->g->paths.n ? e->g->paths.rows[id] : "?", "%s",
	           why->text);
}

static void write_noted(void *context, uint64_t id, const char *words)
{
	struct editing *e = context;

	carry_tell(&e->r->out->notes, id < e->g->paths.n ? e->g->paths.rows[id] : "?", "%s", words);
}

static int write_batch(struct editing *e, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = NULL;
	const struct tree_outcome outcome = { e, write_failed, write_noted };
	uint64_t done;

	if (!e->n || e->r->o->dry_run)
		return 0;
	w = tree_writer_new(e->r->o->host, e->g->root);
	for (size_t i = 0; i < e->n; i++)
		if (write_one(e, w, &e->rows[i], err) < 0)
			return -1;
	return tree_write_commit(w, &outcome, &done, err);
}

int rename_files(struct rename_run *r, const struct rename_group *g, struct error *err)
{
	int result = 0;

	for (size_t at = 0; result == 0 && at < g->paths.n; at += AT_ONCE) {
		struct editing e = { .r = r, .g = g, .first = at };
		size_t n = g->paths.n - at < AT_ONCE ? g->paths.n - at : AT_ONCE;

		result = carry_fetch(r->o->host, g->root, (const char *const *)(g->paths.rows + at),
		                     n, take_file, &e, err);
		if (result == 0)
			result = write_batch(&e, err);
		for (size_t i = 0; i < e.n; i++)
			buf_fini(&e.rows[i].content);
	}
	return result;
}

int rename_path(struct rename_run *r, const char *from, const char *to, struct error *err)
{
	if (!host_has(r->o->host, from))
		return 0;
	strings_addf(&r->out->moves, "%s -> %s", from, to);
	return r->o->dry_run ? 0 : host_rename(r->o->host, from, to, err);
}
