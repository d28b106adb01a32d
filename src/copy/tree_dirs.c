/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_dirs -- looks into the directories of both sides, some at a time, and finds what is to be
 * done. */

#include "copy/tree_pass.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Directories in one request; fewer when they hold so many names together. */
#define SCAN_DIRS 256u
#define SCAN_ENTRIES 50000u

struct tree_todo {
	char *path; /* owned */
	bool on_new;
	int64_t known_ctime_ns; /* in the ledger; 0: none */
};

/* One directory, on both sides. */
struct look {
	struct tree_pass *p;
	const struct tree_todo *at;
	const struct tree_dir *old, *new; /* new: empty when it is not there */
	struct tree_records known;
};

static void add_todo(struct tree_pass *p, char *path, bool on_new, int64_t known_ctime_ns)
{
	ARRAY_GROW(p->todo, p->todo_n, p->todo_room);
	p->todo[p->todo_n++] = (struct tree_todo){ path, on_new, known_ctime_ns };
}

static char *path_of(const char *dir, const char *name)
{
	return xasprintf("%s%s%s", dir, *dir ? "/" : "", name);
}

static void add(struct look *l, enum tree_action action, const char *path,
                const struct tree_node *node, bool there)
{
	struct tree_row row = { .action = action, .path = xstrdup(path), .there = there };

	row.node = *node;
	row.node.target = node->target ? xstrdup(node->target) : NULL;
	tree_pass_add(l->p, &row);
}

/* What has the name on new and is no directory goes when the new thing comes. A directory holds
 * other things as well: it goes only when the caller said so. */
static bool make_way(struct look *l, const char *path, const struct tree_node *there)
{
	if (!there || there->kind != TREE_DIR)
		return true;
	if (!l->p->options->delete_extra) {
		tree_pass_failed(l->p, path, "there is a directory in its place on the new side");
		return false;
	}
	add(l, TREE_REMOVE, path, there, true);
	return true;
}

/* ── by kind ─────────────────────────────────────────────────────────────────────────────────── */

static void look_at_dir(struct look *l, const char *path, const struct tree_node *node,
                        const struct tree_node *there, const struct tree_record *known)
{
	bool on_new = there && there->kind == TREE_DIR;

	if (!on_new)
		add(l, TREE_MAKE_DIR, path, node, there != NULL);
	else
		l->p->out->unchanged++;
	add_todo(l->p, xstrdup(path), on_new,
	         known && known->kind == TREE_DIR ? known->ctime_ns : 0);
}

static void look_at_link(struct look *l, const char *path, const struct tree_node *node,
                         const struct tree_node *there)
{
	struct tree_node mapped = *node;

	tree_pass_map_node(l->p, path, &mapped);
	mapped.mode = there ? there->mode : 0; /* a link has none */
	if (there && there->kind == TREE_LINK && !strcmp(there->target, node->target) &&
	    tree_pass_same_attributes(l->p, &mapped, there))
		l->p->out->unchanged++;
	else if (make_way(l, path, there))
		add(l, TREE_LINK_TO, path, node, there != NULL);
}

static bool is_known_version(const struct tree_record *known, const struct tree_node *node)
{
	return known->mtime_ns == node->mtime_ns && known->ctime_ns == node->ctime_ns &&
	       known->inode == node->inode;
}

/* What the ledger and the times of both sides say of a file that new has too. */
static enum tree_action judge(struct look *l, const char *path, const struct tree_node *node,
                              const struct tree_node *there, const struct tree_record *known)
{
	struct tree_node mapped = *node;
	bool reads = tree_pass_reads(l->p, path, node);

	if (there->kind != TREE_FILE || (!reads && there->size != node->size))
		return TREE_SEND;
	/* one of its names may be outside of the tree */
	if (node->links == 1 && there->links > 1)
		return TREE_SEND;
	/* new has what we brought, then; old was only touched, perhaps */
	if (known && known->kind == TREE_FILE && known->ctime_ns && !l->p->options->content &&
	    known->size == node->size && tree_pass_same_time(known->mtime_ns, there->mtime_ns)) {
		if (!is_known_version(known, node))
			return TREE_HASH_OLD;
	} else {
		/* what the rules change differs on new, and only a new reading tells how */
		return tree_pass_same_time(node->mtime_ns, there->mtime_ns) &&
		                       (!reads || l->p->options->content)
		               ? TREE_HASH_BOTH
		               : TREE_SEND;
	}
	tree_pass_map_node(l->p, path, &mapped);
	if (tree_pass_same_attributes(l->p, &mapped, there))
		return TREE_RECORD;
	return node->links > 1 ? TREE_SEND : TREE_SET;
}

static void look_at_file(struct look *l, const char *path, const struct tree_node *node,
                         const struct tree_node *there, const struct tree_record *known)
{
	struct tree_row row = { .action = TREE_SEND, .node = *node, .there = there != NULL };

	if (!make_way(l, path, there))
		return;
	if (node->links > 1 && !tree_pass_first_name(l->p, path, node, there, &row.link))
		return;
	if (there && there->kind == TREE_FILE)
		row.action = judge(l, path, node, there, known);
	if (row.action == TREE_RECORD) { /* and the ledger has it */
		l->p->out->unchanged++;
		return;
	}
	row.path = xstrdup(path);
	row.known = known && known->kind == TREE_FILE;
	if (row.known)
		row.digest = known->digest;
	tree_pass_add(l->p, &row);
}

static void look_at(struct look *l, const struct tree_entry *e)
{
	AUTO_FREE char *path = path_of(l->at->path, e->name);
	const struct tree_entry *there = l->new ? tree_dir_find(l->new, e->name) : NULL;
	const struct tree_node *new_node = there ? &there->node : NULL;
	const struct tree_record *known = tree_records_find(&l->known, e->name);
	AUTO_FREE char *words = NULL;

	if (!tree_pass_belongs(l->p, path, &e->node))
		return;
	l->p->out->entries++;
	if (tree_name_is_temporary(e->name) || !tree_path_fits(path)) {
		tree_pass_failed(l->p, path,
		                 tree_path_fits(path) ? "names that begin so are for what is "
		                                        "under way"
		                                      : "the path is too long");
		return;
	}
	switch (e->node.kind) {
	case TREE_DIR:
		look_at_dir(l, path, &e->node, new_node, known);
		break;
	case TREE_LINK:
		look_at_link(l, path, &e->node, new_node);
		break;
	case TREE_FILE:
		look_at_file(l, path, &e->node, new_node, known);
		break;
	case TREE_UNKNOWN:
		tree_pass_failed(l->p, path, "it could not be looked at");
		break;
	case TREE_FIFO:
	case TREE_SOCKET:
	case TREE_DEVICE:
		words = xasprintf("%s is not copied", tree_kind_words(e->node.kind));
		tree_pass_tell(&l->p->out->not_kept, path, words);
		break;
	}
}

/* ── what only new has ───────────────────────────────────────────────────────────────────────── */

static bool is_to_go(const struct look *l, const char *path, const struct tree_entry *e)
{
	const struct tree_record *known = tree_records_find(&l->known, e->name);

	if (l->p->options->delete_extra)
		return true;
	return l->p->options->delete_brought && known &&
	       (known->kind == TREE_DIR) == (e->node.kind == TREE_DIR) &&
	       tree_pass_removes(l->p, path, &e->node);
}

static void look_at_extra(struct look *l, const struct tree_entry *e)
{
	AUTO_FREE char *path = path_of(l->at->path, e->name);
	const char *words = e->node.kind == TREE_DIR ? "a directory, and what is in it"
	                                             : tree_kind_words(e->node.kind);

	if (tree_name_is_temporary(e->name)) {
		struct tree_row row = { .action = TREE_REMOVE, .there = true, .quiet = true };

		row.path = TAKE(path);
		tree_pass_add(l->p, &row);
		return;
	}
	if (!tree_pass_belongs(l->p, path, &e->node))
		return;
	/* a name that was moved while its directory was read is missing, and there */
	if (l->old->settled && is_to_go(l, path, e)) {
		add(l, TREE_REMOVE, path, &e->node, true);
		if (!l->p->options->delete_extra)
			return;
	}
	tree_pass_found(l->p, path, COPY_TREE_EXTRA);
	tree_pass_tell(&l->p->out->extra, path, words);
}

/* The ledger's rows of what is not on old any more. */
static int forget_gone(struct look *l, struct error *err)
{
	bool begun = false;
	int result = 0;

	for (size_t i = 0; result == 0 && i < l->known.n; i++) {
		const struct tree_record *known = &l->known.rows[i];
		AUTO_FREE char *path = path_of(l->at->path, known->name);

		if (!*known->name || tree_dir_find(l->old, known->name))
			continue;
		/* what is still to be removed is forgotten when it is */
		if (l->p->options->delete_brought && l->new &&tree_dir_find(l->new, known->name))
			continue;
		if (!begun && state_begin(l->p->state, err) < 0)
			return -1;
		begun = true;
		result = tree_ledger_remove(l->p->ledger, l->at->path, known->name, err);
		if (result == 0 && known->kind == TREE_DIR)
			result = tree_ledger_forget(l->p->ledger, path, err);
	}
	if (begun && result == 0)
		result = state_commit(l->p->state, err);
	if (begun && result < 0)
		state_abandon(l->p->state);
	return result;
}

/* ── a directory ─────────────────────────────────────────────────────────────────────────────── */

/* Its own attributes are given at the end: what happens in it changes its mtime. */
static void look_at_self(struct look *l, bool touched)
{
	struct tree_node mapped = l->old->self;
	struct tree_row row = { .action = TREE_SET, .node = l->old->self, .there = true };
	bool same;

	tree_pass_map_node(l->p, l->at->path, &mapped);
	same = l->new &&tree_pass_same_attributes(l->p, &mapped, &l->new->self);
	if (same && !touched && l->at->known_ctime_ns == l->old->self.ctime_ns &&
	    !l->p->options->content)
		return;
	row.quiet = same || touched || !l->new;
	row.path = xstrdup(l->at->path);
	ARRAY_GROW(l->p->dirs, l->p->dirs_n, l->p->dirs_room);
	l->p->dirs[l->p->dirs_n++] = row;
}

static int look_into(struct look *l, struct error *err)
{
	size_t rows = l->p->rows_n, names = l->p->names_n;

	if (tree_ledger_load(l->p->ledger, l->at->path, &l->known, err) < 0)
		return -1;
	for (size_t i = 0; i < l->old->n; i++)
		look_at(l, &l->old->rows[i]);
	for (size_t i = 0; l->new &&i < l->new->n; i++)
		if (!tree_dir_find(l->old, l->new->rows[i].name))
			look_at_extra(l, &l->new->rows[i]);
	look_at_self(l, l->p->rows_n != rows || l->p->names_n != names);
	return l->p->options->dry_run || !l->old->settled ? 0 : forget_gone(l, err);
}

static int look_at_pair(struct tree_pass *p, const struct tree_todo *at, const struct tree_dir *old,
                        const struct tree_dir *new, struct error *err)
{
	struct look l = { .p = p, .at = at, .old = old, .new = new };
	int result;

	if (old->failed || (new &&new->failed)) {
		tree_pass_failed(p, at->path, old->failed ? old->why.text : new->why.text);
		return 0;
	}
	result = look_into(&l, err);
	tree_records_fini(&l.known);
	return result < 0 ? -1 : tree_pass_run_full(p, err);
}

/* ── all of them ─────────────────────────────────────────────────────────────────────────────── */

/* The last n of what is to do, out of the list. */
struct group {
	struct tree_todo *rows;
	const char **paths, **new_paths;
	struct tree_dir *old, *new;
	size_t n, new_n;
};

static void group_take(struct tree_pass *p, struct group *g, size_t n)
{
	g->n = n;
	p->todo_n -= n;
	memcpy(g->rows, p->todo + p->todo_n, n * sizeof *g->rows);
	for (size_t i = 0; i < n; i++) {
		g->paths[i] = g->rows[i].path;
		if (g->rows[i].on_new)
			g->new_paths[g->new_n++] = g->rows[i].path;
	}
}

static void group_fini(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->rows[i].path);
		tree_dir_fini(&g->old[i]);
		tree_dir_fini(&g->new[i]);
	}
}

static int group_scan(struct tree_pass *p, struct group *g, struct error *err)
{
	const struct copy_tree_options *o = p->options;
	struct error ignored = { 0 };
	int result;

	if (tree_scan_send(p->from, o->from_root, g->paths, g->n, err) < 0)
		return -1;
	if (g->new_n && tree_scan_send(p->to, o->to_root, g->new_paths, g->new_n, err) < 0) {
		(void)!host_collect(p->from, NULL, NULL, NULL, &ignored);
		return -1;
	}
	result = tree_scan_collect(p->from, g->old, g->n, err);
	if (g->new_n && tree_scan_collect(p->to, g->new, g->new_n, result < 0 ? &ignored : err) < 0)
		result = -1;
	return result;
}

static int group_look(struct tree_pass *p, struct group *g, size_t *entries, struct error *err)
{
	size_t next_new = 0;

	if (group_scan(p, g, err) < 0)
		return -1;
	for (size_t i = 0; i < g->n; i++) {
		AUTO_BUF struct buf title = { 0 };
		const struct tree_dir *new = g->rows[i].on_new ? &g->new[next_new++] : NULL;

		buf_add_printable(&title, span_of(g->rows[i].path));
		p->progress.path = buf_text(&title);
		*entries += g->old[i].n + (new ? new->n : 0);
		if (look_at_pair(p, &g->rows[i], &g->old[i], new, err) < 0)
			return -1;
	}
	p->progress.path = "";
	return 0;
}

static int next_group(struct tree_pass *p, size_t n, size_t *entries, struct error *err)
{
	AUTO_FREE struct tree_todo *rows = xcalloc(n, sizeof *rows);
	AUTO_FREE const char **paths = xcalloc(n, sizeof *paths);
	AUTO_FREE const char **new_paths = xcalloc(n, sizeof *new_paths);
	AUTO_FREE struct tree_dir *old = xcalloc(n, sizeof *old);
	AUTO_FREE struct tree_dir *new = xcalloc(n, sizeof *new);
	struct group g = {
		.rows = rows, .paths = paths, .new_paths = new_paths, .old = old, .new = new
	};
	int result;

	group_take(p, &g, n);
	result = group_look(p, &g, entries, err);
	group_fini(&g);
	return result;
}

static int set_dirs(struct tree_pass *p, struct error *err)
{
	/* what is in a directory first: its own mode may keep us out */
	while (p->dirs_n) {
		tree_pass_add(p, &p->dirs[--p->dirs_n]);
		if (tree_pass_run_full(p, err) < 0)
			return -1;
	}
	return tree_pass_run(p, err);
}

int tree_pass_dirs(struct tree_pass *p, bool root_on_new, struct error *err)
{
	AUTO_TREE_RECORDS struct tree_records root = { 0 };
	const struct tree_record *known;
	size_t n = 1;

	if (tree_ledger_load(p->ledger, "", &root, err) < 0)
		return -1;
	known = tree_records_find(&root, "");
	add_todo(p, xstrdup(""), root_on_new, known ? known->ctime_ns : 0);
	while (p->todo_n) {
		size_t entries = 0;

		if (next_group(p, n < p->todo_n ? n : p->todo_n, &entries, err) < 0)
			return -1;
		if (entries > SCAN_ENTRIES)
			n = n > 1 ? n / 2 : 1;
		else if (n < SCAN_DIRS)
			n *= 2;
	}
	if (tree_pass_run(p, err) < 0 || tree_pass_names(p, err) < 0)
		return -1;
	for (size_t i = 0; p->options->dry_run && i < p->dirs_n; i++)
		if (!p->dirs[i].quiet)
			tree_pass_found(p, p->dirs[i].path, COPY_TREE_ATTRIBUTES);
	return p->options->dry_run ? 0 : set_dirs(p, err);
}

void tree_pass_dirs_fini(struct tree_pass *p)
{
	for (size_t i = 0; i < p->todo_n; i++)
		free(p->todo[i].path);
	for (size_t i = 0; i < p->dirs_n; i++)
		tree_row_fini(&p->dirs[i]);
	free(p->todo);
	free(p->dirs);
}
