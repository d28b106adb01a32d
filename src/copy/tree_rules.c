/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_rules -- what the caller says of its files, struct copy_tree_rules. */

#include "copy/tree_pass.h"

#include "base/memory.h"
#include "tree/digest.h"
#include "wire/wire.h"

#include <string.h>

bool tree_pass_belongs(const struct tree_pass *p, const char *path, const struct tree_node *node)
{
	const struct copy_tree_rules *rules = p->options->rules;

	return !rules || !rules->belongs || rules->belongs(rules->context, path, node);
}

bool tree_pass_reads(const struct tree_pass *p, const char *path, const struct tree_node *node)
{
	const struct copy_tree_rules *rules = p->options->rules;

	return rules && rules->read && rules->reads && rules->reads(rules->context, path, node);
}

bool tree_pass_removes(const struct tree_pass *p, const char *path, const struct tree_node *node)
{
	const struct copy_tree_rules *rules = p->options->rules;

	return !rules || !rules->removes || rules->removes(rules->context, path, node);
}

void tree_pass_found(const struct tree_pass *p, const char *path, enum copy_tree_found what)
{
	const struct copy_tree_rules *rules = p->options->rules;

	if (p->options->dry_run && rules && rules->found)
		rules->found(rules->context, path, what);
}

void tree_pass_found_row(const struct tree_pass *p, const struct tree_row *row)
{
	switch (row->action) {
	case TREE_SEND:
	case TREE_LINK_TO:
	case TREE_HARD_TO:
	case TREE_MAKE_DIR:
		tree_pass_found(p, row->path, row->there ? COPY_TREE_CONTENT : COPY_TREE_MISSING);
		break;
	case TREE_SET:
		tree_pass_found(p, row->path, COPY_TREE_ATTRIBUTES);
		break;
	case TREE_REMOVE:
		if (!p->options->delete_extra)
			tree_pass_found(p, row->path, COPY_TREE_EXTRA);
		break;
	case TREE_HASH_OLD:
	case TREE_HASH_BOTH:
	case TREE_RECORD:
		break;
	}
}

/* ── coming ──────────────────────────────────────────────────────────────────────────────────── */

/* A row that proves nothing (ctime 0), but says whose file it is. */
static int record_coming(struct tree_pass *p, const struct tree_row *row, struct error *err)
{
	const char *slash = strrchr(row->path, '/');
	AUTO_FREE char *dir = xstrndup(row->path, slash ? (size_t)(slash - row->path) : 0);
	const struct tree_record record = {
		.name = slash ? (char *)(uintptr_t)(slash + 1) : row->path,
		.kind = row->action == TREE_MAKE_DIR ? TREE_DIR : TREE_FILE,
	};

	return tree_ledger_put(p->ledger, dir, &record, err);
}

static bool is_coming(const struct tree_row *row)
{
	return row->action == TREE_MAKE_DIR || (row->action == TREE_SEND && !row->known);
}

int tree_pass_coming(struct tree_pass *p, struct error *err)
{
	bool begun = false;

	for (size_t i = 0; p->options->delete_brought && i < p->rows_n; i++) {
		if (!is_coming(&p->rows[i]))
			continue;
		if (!begun && state_begin(p->state, err) < 0)
			return -1;
		begun = true;
		if (record_coming(p, &p->rows[i], err) < 0) {
			state_abandon(p->state);
			return -1;
		}
	}
	if (!begun || state_commit(p->state, err) == 0)
		return 0;
	state_abandon(p->state);
	return -1;
}

/* ── a file as a whole ───────────────────────────────────────────────────────────────────────── */

void tree_whole_fini(struct tree_whole *w)
{
	buf_fini(&w->content);
	tree_attributes_fini(&w->attributes);
	*w = (struct tree_whole){ 0 };
}

int tree_whole_add(struct tree_whole *w, uint64_t offset, struct span octets)
{
	if (offset + octets.n > COPY_TREE_READ_MAX || offset < w->content.n)
		return -1;
	if (offset > w->content.n) { /* a hole */
		size_t n = (size_t)offset - w->content.n;

		memset(buf_room(&w->content, n), 0, n);
		buf_grown(&w->content, n);
	}
	buf_add_span(&w->content, octets);
	return 0;
}

static int write_whole(struct tree_whole *w, const struct tree_row *row, struct tree_writer *writer,
                       struct error *err)
{
	struct span all = buf_span(&w->content);
	struct tree_digest state;
	struct digest digest;

	w->node.size = all.n;
	tree_digest_begin(&state);
	tree_digest_add(&state, all.p, all.n);
	digest = tree_digest_end(&state);
	if (tree_write_file(writer, w->id, row->path, &w->node, &w->attributes, err) < 0)
		return -1;
	for (size_t at = 0; at < all.n; at += WIRE_CHUNK) {
		size_t n = all.n - at < WIRE_CHUNK ? all.n - at : WIRE_CHUNK;

		if (tree_write_bytes(writer, at, (struct span){ all.p + at, n }, err) < 0)
			return -1;
	}
	return tree_write_done(writer, &digest, err);
}

int tree_whole_end(struct tree_pass *p, struct tree_whole *w, struct tree_row *row,
                   struct tree_writer *writer, struct error *err)
{
	const struct copy_tree_rules *rules = p->options->rules;
	uint64_t size = w->node.size;

	if (tree_whole_add(w, size, SPAN("")) < 0) { /* a hole at its end */
		row->failed = true;
		tree_pass_failed(p, row->path, "it is too large to be looked into");
		return 0;
	}
	row->left = rules->read(rules->context, row->path, &w->content) == COPY_TREE_LEAVE;
	if (row->left || !writer)
		return 0;
	p->out->bytes_sent += w->content.n;
	return write_whole(w, row, writer, err);
}
