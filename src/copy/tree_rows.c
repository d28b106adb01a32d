/* SPDX-License-Identifier: BSD-2-Clause */

/* tree_rows -- does what was found to be done, a batch at a time: read on old, written on new,
 * durable, and only then in the ledger. */

#include "copy/tree_pass.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 4000u
#define BATCH_OCTETS (64u << 20)
/* Within a batch (a file may be large), progress is told at every so many. */
#define TELL_OCTETS (16u << 20)

void tree_row_fini(struct tree_row *row)
{
	free(row->path);
	free(row->to);
	tree_node_fini(&row->node);
	tree_attributes_fini(&row->attributes);
}

void tree_pass_add(struct tree_pass *p, struct tree_row *row)
{
	ARRAY_GROW(p->rows, p->rows_n, p->rows_room);
	p->rows[p->rows_n++] = *row;
	if (row->action == TREE_SEND) {
		p->rows_octets += row->node.size;
		p->progress.total_files++;
		p->progress.total_octets += row->node.size;
	}
}

static void clear(struct tree_pass *p)
{
	for (size_t i = 0; i < p->rows_n; i++)
		tree_row_fini(&p->rows[i]);
	p->rows_n = 0;
	p->rows_octets = 0;
}

/* ── from old to new ─────────────────────────────────────────────────────────────────────────── */

struct travel {
	struct tree_pass *p;
	struct tree_writer *writer;
	struct tree_wanted *wanted;
	size_t *rows; /* of p->rows, for each wanted */
	size_t n;
	size_t asked, asked_first; /* asked for; first of the request that is collected */
	size_t sizes[TREE_FETCH_AHEAD];
	size_t ahead;
	bool open; /* a file is begun at the writer, or held back */
	bool held; /* the rules see it first */
	struct tree_whole whole;
	bool skip; /* the answer at hand is of no use */
};

static struct tree_row *row_at(struct travel *t, size_t index)
{
	return &t->p->rows[t->rows[t->asked_first + index]];
}

/* They belong to the host: it gives its own. */
static bool is_of_host(const char *name)
{
	return !strcmp(name, "security.selinux") || !strcmp(name, "security.ima") ||
	       !strcmp(name, "security.evm") || !strcmp(name, "security.SMACK64");
}

static void tell_others(struct tree_pass *p, const struct tree_row *row,
                        const struct tree_attributes *attributes)
{
	for (size_t i = 0; i < attributes->others.n; i++) {
		AUTO_BUF struct buf words = { 0 };

		if (is_of_host(attributes->others.rows[i]))
			continue;
		buf_add_text(&words, "attribute ");
		buf_add_printable(&words, span_of(attributes->others.rows[i]));
		buf_add_text(&words, " is not carried");
		tree_pass_tell(&p->out->not_kept, row->path, buf_text(&words));
	}
}

static void hold(struct tree_whole *w, size_t id, const struct tree_node *node,
                 struct tree_attributes *attributes)
{
	tree_whole_fini(w);
	w->id = id;
	w->node = *node;
	w->node.target = NULL;
	w->attributes = *attributes;
	*attributes = (struct tree_attributes){ 0 };
}

static int begin(void *context, size_t index, const struct tree_node *node,
                 const struct tree_attributes *attributes, struct error *err)
{
	struct travel *t = context;
	struct tree_row *row = row_at(t, index);
	AUTO_TREE_ATTRIBUTES struct tree_attributes mapped = { 0 };
	struct tree_node now = *node;

	t->skip = node->kind != row->node.kind;
	if (t->skip)
		return 0;
	for (size_t i = 0; i < attributes->n; i++)
		tree_attributes_add(&mapped, attributes->rows[i].name,
		                    buf_span(&attributes->rows[i].value));
	tell_others(t->p, row, attributes);
	tree_pass_map_node(t->p, row->path, &now);
	tree_pass_map_attributes(t->p, &mapped);
	if (row->action == TREE_SET) {
		/* the digest that is known may be that of an older content */
		row->known = row->known && tree_node_same_version(&row->node, node);
		row->node = *node;
		return tree_write_set(t->writer, t->rows[t->asked_first + index], row->path, &now,
		                      &mapped, err);
	}
	row->node = *node;
	t->open = true;
	t->held = tree_pass_reads(t->p, row->path, node);
	if (t->held) {
		hold(&t->whole, t->rows[t->asked_first + index], &now, &mapped);
		return 0;
	}
	return tree_write_file(t->writer, t->rows[t->asked_first + index], row->path, &now, &mapped,
	                       err);
}

static int take_held(struct travel *t, size_t index, uint64_t offset, struct span octets)
{
	struct tree_row *row = row_at(t, index);

	if (tree_whole_add(&t->whole, offset, octets) == 0)
		return 0;
	t->open = false;
	row->failed = true;
	tree_pass_failed(t->p, row->path, "it is too large to be looked into");
	return 0;
}

static int bytes(void *context, size_t index, uint64_t offset, struct span octets,
                 struct error *err)
{
	struct travel *t = context;
	struct tree_pass *p = t->p;
	uint64_t before = p->progress.under_way;

	p->out->bytes_read += octets.n;
	p->out->bytes_sent += t->open && !t->held ? octets.n : 0;
	p->progress.under_way += octets.n;
	if (p->options->progress && before / TELL_OCTETS != p->progress.under_way / TELL_OCTETS)
		p->options->progress(p->options->context, &p->progress);
	if (t->open && t->held)
		return take_held(t, index, offset, octets);
	return t->open ? tree_write_bytes(t->writer, offset, octets, err) : 0;
}

static int done(void *context, size_t index, const struct digest *digest, bool young,
                struct error *err)
{
	struct travel *t = context;
	struct tree_row *row = row_at(t, index);

	/* the content that a SET relies on may have been read when it was young */
	row->young = young || (row->action == TREE_SET && row->young);
	if (t->skip) {
		row->failed = true;
		tree_pass_failed(t->p, row->path, "it is something else on the old side by now");
		return 0;
	}
	if (!t->open)
		return 0;
	t->open = false;
	row->known = true;
	row->digest = *digest;
	if (t->held)
		return tree_whole_end(t->p, &t->whole, row, t->writer, err);
	return tree_write_done(t->writer, digest, err);
}

static int failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct travel *t = context;
	struct tree_row *row = row_at(t, index);
	bool was_open = t->open && !t->held;

	t->open = false;
	row->failed = true;
	if (why->sys_errno == ENOENT) {
		row->gone = true;
	} else if (why->retry == ERROR_RETRY_LATER && !row->again) {
		row->again = true;
	} else {
		row->again = false;
		tree_pass_failed(t->p, row->path, why->text);
	}
	return was_open ? tree_write_drop(t->writer, err) : 0;
}

static int ask(struct travel *t, struct error *err)
{
	size_t n = tree_fetch_fits(t->wanted + t->asked, t->n - t->asked);

	if (tree_fetch_send(t->p->from, t->p->options->from_root, t->wanted + t->asked, n, err) < 0)
		return -1;
	t->sizes[t->ahead++] = n;
	t->asked += n;
	return 0;
}

static int collect(struct travel *t, struct error *err)
{
	const struct tree_fetch fetch = { t, begin, bytes, done, failed };
	size_t n = t->sizes[0];

	memmove(t->sizes, t->sizes + 1, --t->ahead * sizeof *t->sizes);
	if (tree_fetch_collect(t->p->from, t->wanted + t->asked_first, n, &fetch, err) < 0)
		return -1;
	t->asked_first += n;
	return 0;
}

static int travel(struct travel *t, struct error *err)
{
	while (t->asked < t->n || t->ahead) {
		while (t->asked < t->n && t->ahead < TREE_FETCH_AHEAD)
			if (ask(t, err) < 0)
				return -1;
		if (collect(t, err) < 0)
			return -1;
	}
	return 0;
}

static int fetch_rows(struct tree_pass *p, struct tree_writer *w, bool again, struct error *err)
{
	AUTO_FREE struct tree_wanted *wanted = xcalloc(p->rows_n + 1, sizeof *wanted);
	AUTO_FREE size_t *rows = xcalloc(p->rows_n + 1, sizeof *rows);
	struct travel t = { .p = p, .writer = w, .wanted = wanted, .rows = rows };
	struct error ignored = { 0 };
	int result;

	for (size_t i = 0; i < p->rows_n; i++) {
		struct tree_row *row = &p->rows[i];

		if ((row->action != TREE_SEND && row->action != TREE_SET) || row->again != again)
			continue;
		/* a dry run reads what may not belong to it */
		if (!w && (row->action != TREE_SEND || !tree_pass_reads(p, row->path, &row->node)))
			continue;
		if (again)
			row->failed = false;
		wanted[t.n] = (struct tree_wanted){ row->path, row->action == TREE_SEND
			                                               ? TREE_WANT_CONTENT
			                                               : TREE_WANT_META };
		rows[t.n++] = i;
	}
	result = travel(&t, err);
	/* answers that are still on their way would be taken for those to later requests */
	while (t.ahead--)
		(void)!host_collect(p->from, NULL, NULL, NULL, &ignored);
	tree_whole_fini(&t.whole);
	return result;
}

/* ── a batch ─────────────────────────────────────────────────────────────────────────────────── */

static int write_small(struct tree_pass *p, struct tree_writer *w, size_t id, struct error *err)
{
	struct tree_row *row = &p->rows[id];
	struct tree_node mapped = row->node;

	switch (row->action) {
	case TREE_MAKE_DIR:
		return tree_write_dir(w, id, row->path, err);
	case TREE_REMOVE:
		return tree_write_remove(w, id, row->path, true, err);
	case TREE_LINK_TO:
		tree_pass_map_node(p, row->path, &mapped);
		return tree_write_link(w, id, row->path, &mapped, err);
	case TREE_HARD_TO:
		return tree_write_hard(w, id, row->path, row->to, err);
	case TREE_HASH_OLD:
	case TREE_HASH_BOTH:
	case TREE_SEND:
	case TREE_SET:
	case TREE_RECORD:
		break;
	}
	return 0;
}

static void write_failed(void *context, uint64_t id, const struct error *why)
{
	struct tree_pass *p = context;

	if (id >= p->rows_n || p->rows[id].failed)
		return;
	p->rows[id].failed = true;
	tree_pass_failed(p, p->rows[id].path, why->text);
}

static void write_noted(void *context, uint64_t id, const char *words)
{
	struct tree_pass *p = context;

	if (id < p->rows_n)
		tree_pass_tell(&p->out->not_kept, p->rows[id].path, words);
}

static uint64_t expected(const struct tree_pass *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->rows_n; i++)
		n += !p->rows[i].failed && !p->rows[i].left && p->rows[i].action != TREE_RECORD;
	return n;
}

static int write_rows(struct tree_pass *p, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(p->to, p->options->to_root);
	const struct tree_outcome outcome = { p, write_failed, write_noted };
	uint64_t done;

	for (size_t i = 0; i < p->rows_n; i++)
		if (write_small(p, w, i, err) < 0)
			return -1;
	if (fetch_rows(p, w, false, err) < 0 || fetch_rows(p, w, true, err) < 0 ||
	    tree_write_commit(w, &outcome, &done, err) < 0)
		return -1;
	if (done == expected(p))
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
	                 "host %s says that %llu of %llu changes are done", host_name(p->to),
	                 (unsigned long long)done, (unsigned long long)expected(p));
}

static int forget_row(struct tree_pass *p, const struct tree_row *row, const char *dir,
                      const char *name, struct error *err)
{
	if (!p->options->delete_brought)
		return 0;
	if (tree_ledger_remove(p->ledger, dir, name, err) < 0)
		return -1;
	return row->node.kind == TREE_DIR ? tree_ledger_forget(p->ledger, row->path, err) : 0;
}

static int record_row(struct tree_pass *p, const struct tree_row *row, struct error *err)
{
	const char *slash = strrchr(row->path, '/');
	AUTO_FREE char *dir = xstrndup(row->path, slash ? (size_t)(slash - row->path) : 0);
	bool content = row->action == TREE_SEND || row->action == TREE_SET ||
	               row->action == TREE_RECORD;
	struct tree_record record = {
		.name = slash ? (char *)(uintptr_t)(slash + 1) : row->path,
		.kind = row->node.kind,
		.size = row->node.size,
		.inode = row->node.inode,
		.mtime_ns = row->node.mtime_ns,
		.ctime_ns = row->young ? 0 : row->node.ctime_ns,
		.digest = row->digest,
	};

	if (row->left || row->action == TREE_REMOVE)
		return forget_row(p, row, dir, record.name, err);
	if (!content || (row->node.kind == TREE_FILE && !row->known))
		return 0;
	return tree_ledger_put(p->ledger, dir, &record, err);
}

static int record(struct tree_pass *p, struct error *err)
{
	if (state_begin(p->state, err) < 0)
		return -1;
	for (size_t i = 0; i < p->rows_n; i++) {
		if (!p->rows[i].failed && record_row(p, &p->rows[i], err) < 0) {
			state_abandon(p->state);
			return -1;
		}
	}
	if (state_commit(p->state, err) == 0)
		return 0;
	state_abandon(p->state);
	return -1;
}

static void count_sent(struct tree_pass *p, const struct tree_row *row)
{
	p->out->updated += row->there;
	p->out->created += !row->there;
	if (row->action != TREE_SEND)
		return;
	p->progress.files++;
	p->progress.octets += row->node.size;
}

static void count(struct tree_pass *p, const struct tree_row *row)
{
	if (row->action == TREE_SEND || row->gone)
		tree_pass_link_replaced(p, row->link, row->failed);
	p->out->vanished += row->gone;
	if (row->left)
		p->out->entries--;
	if (row->failed || row->quiet || row->left)
		return;
	if (p->options->dry_run)
		tree_pass_found_row(p, row);
	switch (row->action) {
	case TREE_REMOVE:
		p->out->removed++;
		break;
	case TREE_HARD_TO:
		p->out->hard_links++;
		count_sent(p, row);
		break;
	case TREE_MAKE_DIR:
	case TREE_LINK_TO:
	case TREE_SEND:
		count_sent(p, row);
		break;
	case TREE_SET:
		p->out->attributes++;
		break;
	case TREE_RECORD:
		p->out->unchanged++;
		break;
	case TREE_HASH_OLD:
	case TREE_HASH_BOTH:
		break;
	}
}

/* The full disk of new as a person wants to read of it; other errors pass. */
static int explain(struct tree_pass *p, struct error *err)
{
	struct host_space space = { 0 };
	struct error ignored = { 0 };
	char has[16];

	if ((err->sys_errno != ENOSPC && err->sys_errno != EDQUOT) ||
	    host_space(p->to, p->options->to_root, &space, &ignored) < 0)
		return -1;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, err->sys_errno,
	          "host %s: no room in %s: %s and %llu files are free", host_name(p->to),
	          p->options->to_root, text_size(has, space.free_octets),
	          (unsigned long long)space.free_inodes);
	return error_hint(err, "make room there, then give the same command again; it goes on "
	                       "where it stopped");
}

int tree_pass_run(struct tree_pass *p, struct error *err)
{
	if (!p->rows_n)
		return 0;
	if (tree_pass_hash(p, err) < 0)
		return -1;
	if (p->options->dry_run ? fetch_rows(p, NULL, false, err) < 0
	                        : tree_pass_coming(p, err) < 0 || write_rows(p, err) < 0)
		return explain(p, err);
	if (!p->options->dry_run && record(p, err) < 0)
		return -1;
	for (size_t i = 0; i < p->rows_n; i++)
		count(p, &p->rows[i]);
	clear(p);
	p->progress.under_way = 0;
	if (p->options->progress)
		p->options->progress(p->options->context, &p->progress);
	return 0;
}

int tree_pass_run_full(struct tree_pass *p, struct error *err)
{
	return p->rows_n >= BATCH_ROWS || p->rows_octets >= BATCH_OCTETS ? tree_pass_run(p, err)
	                                                                 : 0;
}
