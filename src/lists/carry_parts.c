/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_parts -- which files go where, and how they are to be on new. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "remote/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_below(const char *path)
{
	return strchr(path, '/') != NULL;
}

/* ── what belongs ────────────────────────────────────────────────────────────────────────────── */

static bool list_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	const char *slash = strrchr(path, '/');

	if (carry_is_lock(path) ||
	    (node->kind == TREE_FILE && carry_is_torn(slash ? slash + 1 : path)))
		return false;
	return carry_goes(p->run, carry_first(path));
}

/* LIST, or LIST.mbox; also of lists that are no more: their archive is all that is left of them. */
static bool archive_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	struct span name = carry_first(path);

	if (carry_is_lock(path))
		return false;
	if (!carry_list_named(p->run, name) && span_ends(name, ".mbox"))
		name.n -= strlen(".mbox");
	return carry_goes(p->run, name);
}

static bool data_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	struct span list;

	if (is_below(path) || node->kind == TREE_DIR || carry_is_lock(path))
		return false;
	switch (carry_data_of(path, &list)) {
	case CARRY_DATA_HELD:
		return carry_goes(p->run, list);
	case CARRY_DATA_BOUNCES:
	case CARRY_DATA_SITE:
		return !p->run->o->lists || !p->run->o->lists->n;
	case CARRY_DATA_OTHER:
		if (!p->run->some)
			carry_tell(&p->run->out->notes, path,
			           "in %s, and nothing that Mailman puts there: left", p->from);
		return false;
	case CARRY_DATA_TORN:
		carry_tell(&p->run->out->notes, path, "what a save left that did not end: left");
		return false;
	case CARRY_DATA_PASSWORD:
	case CARRY_DATA_GENERATED:
	case CARRY_DATA_OF_HOST:
		break;
	}
	return false;
}

static bool queue_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	AUTO_FREE char *where = NULL;

	if (is_below(path) || carry_is_lock(path))
		return false;
	if (p->run->o->entries)
		return carry_is_chosen(p, path);
	where = xasprintf("%s/%s", p->from, path);
	if (node->kind != TREE_FILE) {
		carry_tell(&p->run->out->notes, where, "%s in a queue: left",
		           tree_kind_words(node->kind));
		return false;
	}
	switch (carry_entry_of(path)) {
	case CARRY_ENTRY_WAITS:
	case CARRY_ENTRY_IN_WORK:
	case CARRY_ENTRY_KEPT:
		return true; /* whose it is stands in the file: carry_queue_read() */
	case CARRY_ENTRY_TORN:
		carry_tell(&p->run->out->notes, where,
		           "was never whole; who brought the message still has it: left");
		return false;
	case CARRY_ENTRY_OLD:
		carry_tell(&p->run->out->failed, where,
		           "half an entry of Mailman 2.1.4 or older, which no newer one reads: let "
		           "old's runner finish it");
		return false;
	case CARRY_ENTRY_ODD:
		carry_tell(&p->run->out->failed, where,
		           "a runner ends when it meets that name, each time it starts: left; "
		           "rename it to TIME+HASH.pck, or take it away");
		return false;
	case CARRY_ENTRY_NONE:
		carry_tell(&p->run->out->notes, where, "no entry of a queue: left");
		return false;
	}
	return false;
}

static bool maildir_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	return true;
}

static bool spam_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	struct span list = carry_spam_list(path);

	if (is_below(path) || node->kind == TREE_DIR)
		return false;
	return list.n ? carry_goes(p->run, list) : !p->run->o->lists || !p->run->o->lists->n;
}

static bool log_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	return !span_is(carry_first(path), "before-move");
}

/* The site's own pages, and those of each host that a list is on; the rest comes with the program. */
static bool template_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	struct span name = carry_first(path);

	if (!is_below(path) && node->kind != TREE_DIR)
		return false;
	if (span_is(name, "site"))
		return true;
	for (size_t i = 0; i < p->run->lists_n; i++)
		if (p->run->lists[i].host_name && span_is(name, p->run->lists[i].host_name))
			return true;
	if (!is_below(path) && !carry_is_language(path))
		carry_tell(&p->run->out->notes, path,
		           "a directory of templates of no language and no list's host: left");
	return false;
}

/* The one file that the variable names. */
static bool password_belongs(struct carry_pass *p, const char *path, const struct tree_node *node)
{
	const char *file = p->run->o->old->paths.value[p->part->path];
	const char *slash = strrchr(file, '/');

	return node->kind == TREE_FILE && !strcmp(path, slash ? slash + 1 : file);
}

/* clang-format off */

/* Modes: "at least", as bin/check_perms has it. Order: see carry.h. */
const struct carry_part carry_parts[] = {
	/* name, variable, below, of lists, queue, file, dir, belongs */
	{ "lists", LISTS_LIST_DATA_DIR, NULL, true, false, 0660, 02770, list_belongs },
	{ "archives", LISTS_PRIVATE_ARCHIVE_FILE_DIR, NULL, true, false, 0660, 02770, archive_belongs },
	{ "data", LISTS_DATA_DIR, NULL, true, false, 0660, 02770, data_belongs },
	{ "spam", LISTS_SPAM_DIR, NULL, true, false, 0660, 02770, spam_belongs },
	{ "site password", LISTS_SITE_PW_FILE, NULL, false, false, 0640, 0, password_belongs },
	{ "creator password", LISTS_LISTCREATOR_PW_FILE, NULL, false, false, 0640, 0, password_belongs },
	{ "templates", LISTS_TEMPLATE_DIR, NULL, false, false, 0440, 02750, template_belongs },
	{ "logs", LISTS_LOG_DIR, "before-move", false, false, 0660, 02770, log_belongs },
	{ "queue in", LISTS_INQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue out", LISTS_OUTQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue commands", LISTS_CMDQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue bounces", LISTS_BOUNCEQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue news", LISTS_NEWSQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue archive", LISTS_ARCHQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue shunt", LISTS_SHUNTQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue virgin", LISTS_VIRGINQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue bad", LISTS_BADQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue retry", LISTS_RETRYQUEUE_DIR, NULL, true, true, 0660, 02770, queue_belongs },
	{ "queue maildir", LISTS_MAILDIR_DIR, NULL, false, false, 0660, 02770, maildir_belongs },
};
/* clang-format on */
const unsigned carry_parts_rows = ROWS(carry_parts);

/* ── how it is to be on new ──────────────────────────────────────────────────────────────────── */

static uint32_t dir_mode(const struct carry_pass *p, const char *path, uint32_t mode)
{
	const char *slash = strrchr(path, '/');

	mode |= p->part->dir_mode;
	/* who can list it sees private archives; index files hold addresses */
	if (p->part->path == LISTS_PRIVATE_ARCHIVE_FILE_DIR && !*path)
		mode &= ~04u;
	if (p->part->path == LISTS_PRIVATE_ARCHIVE_FILE_DIR && slash && !strcmp(slash, "/database"))
		mode &= ~07u;
	return p->part->is_queue ? mode & ~07u : mode;
}

char *carry_below_part(const struct carry_pass *p, const char *path)
{
	const char *prefix = p->prefix ? p->prefix : "";

	return xasprintf("%s%s%s", prefix, *prefix && *path ? "/" : "", path);
}

void carry_dress(void *context, const char *path, struct tree_node *node)
{
	const struct carry_pass *p = context;
	AUTO_FREE char *below = carry_below_part(p, path);

	if (!*path && (p->there || p->is_others)) {
		node->mode = p->mode;
		node->uid = p->uid;
		node->gid = p->gid;
		if (p->is_others)
			node->mtime_ns = p->mtime_ns;
		return;
	}
	if (!carry_is_mapped_uid(p->run, node->uid))
		node->uid = p->run->uid;
	node->gid = p->run->gid;
	if (node->kind == TREE_DIR)
		node->mode = dir_mode(p, below, node->mode);
	else if (node->kind == TREE_FILE && p->part->file_mode == 0640)
		node->mode = 0640;
	else if (node->kind == TREE_FILE)
		node->mode |= p->part->file_mode;
}

static bool belongs(void *context, const char *path, const struct tree_node *node)
{
	struct carry_pass *p = context;
	AUTO_FREE char *below = carry_below_part(p, path);

	if (carry_link_is_elsewhere(p, path) || !p->part->belongs(p, below, node))
		return false;
	if (node->kind == TREE_LINK && node->target)
		carry_link_met(p, path, node->target);
	return true;
}

static bool reads(void *context, const char *path, const struct tree_node *node)
{
	const struct carry_pass *p = context;

	return p->part->is_queue;
}

static void found(void *context, const char *path, enum copy_tree_found what)
{
	static const char *const words[] = {
		[COPY_TREE_MISSING] = "is missing on new",
		[COPY_TREE_ATTRIBUTES] = "has another owner, mode, time or attribute on new",
		[COPY_TREE_EXTRA] = "is on new alone",
	};
	struct carry_pass *p = context;

	/* what new alone has is no part of a pass, unless it was brought: that is counted */
	if (!p->run->verify && what != COPY_TREE_EXTRA)
		strings_addf(&p->run->out->changed, "%s/%s", p->from, path);
	if (!p->run->verify)
		return;
	if (what == COPY_TREE_CONTENT)
		strings_add(&p->differ, path);
	else if (*path || p->prefix) /* the root belongs to the installation: `lists perms` */
		carry_differs(p, path, words[what]);
}

/* ── one part ────────────────────────────────────────────────────────────────────────────────── */

static void show(void *context, const struct copy_tree_progress *progress)
{
	const struct carry_pass *p = context;

	p->run->o->progress(p->run->o->context, progress->files, progress->octets, p->part->name);
}

static void keep(struct carry_pass *p, struct copy_tree_result *t)
{
	struct lists_carry_result *out = p->run->out;

	ARRAY_GROW(out->parts, out->parts_n, out->parts_room);
	out->parts[out->parts_n++] = (struct lists_carry_part){
		.name = p->part->name,
		.from = xstrdup(p->from),
		.to = xstrdup(p->to),
		.entries = t->entries,
		.created = t->created,
		.updated = t->updated,
		.attributes = t->attributes,
		.removed = t->removed,
		.unchanged = t->unchanged,
		.failed = t->failed,
		.bytes_read = t->bytes_read,
		.bytes_sent = t->bytes_sent,
	};
	for (size_t i = 0; i < t->not_kept.n; i++) {
		const char *words = t->not_kept.rows[i], *colon = strstr(words, ": ");
		AUTO_FREE char *path = xstrndup(words,
		                                colon ? (size_t)(colon - words) : strlen(words));
		struct span list = carry_list_of(p, path);

		if (list.n)
			strings_addf(&out->failed, "%.*s: %s/%s", (int)list.n, list.p, p->from,
			             words);
		else
			strings_addf(&out->failed, "%s: %s/%s", p->part->name, p->from, words);
	}
	for (size_t i = 0; i < t->extra.n && !p->run->verify; i++)
		strings_addf(&out->notes, "%s: only new has %s/%s", p->part->name, p->to,
		             t->extra.rows[i]);
	for (size_t i = 0; i < t->notes.n; i++)
		if (!strings_has(&out->notes, t->notes.rows[i]))
			strings_add(&out->notes, t->notes.rows[i]);
}

int carry_copy(struct carry_pass *p, struct error *err)
{
	const struct carry_run *r = p->run;
	const struct copy_tree_rules rules = {
		p, belongs, carry_dress, reads, carry_queue_read, carry_queue_removes, found,
	};
	const struct copy_tree_options options = {
		.from_root = p->from,
		.to_root = p->to,
		.uids = r->uids,
		.uids_n = r->uids_n,
		.gids = r->gids,
		.gids_n = r->gids_n,
		.content = r->verify,
		.delete_brought = !r->o->entries,
		.dry_run = r->o->dry_run || r->verify,
		.rules = &rules,
		.progress = r->o->progress ? show : NULL,
		.context = p,
	};
	AUTO_COPY_TREE_RESULT struct copy_tree_result result = { 0 };

	if (copy_tree(r->o->from, r->o->to, &options, r->o->state, &result, err) < 0)
		return -1;
	keep(p, &result);
	if (carry_links_after(p, err) < 0)
		return -1;
	return r->verify ? carry_verify_values(p, err) : 0;
}

/* A root that we make has another mode until the end of the pass, which may not come: that it is ours
 * has to be known before it is made. */
static char *root_fact(const struct carry_pass *p)
{
	return xasprintf("lists.carry.made %s", p->to);
}

static int remember_root(struct carry_pass *p, struct error *err)
{
	AUTO_FREE char *fact = root_fact(p);

	if (p->run->o->dry_run || p->run->verify)
		return 0;
	return state_put(p->run->o->state, fact, "1", err);
}

static int check_root(struct carry_pass *p, struct error *err)
{
	AUTO_FREE char *fact = root_fact(p), *made = NULL;

	if (state_get(p->run->o->state, fact, &made, err) < 0)
		return -1;
	p->there = p->there && !made;
	return 0;
}

/* What stands at the root on new; where the packaging has a link (Debian's logs), what it leads to. */
static int look_at_root(struct carry_pass *p, struct error *err)
{
	static const char *const root[] = { "" };
	struct host *to = p->run->o->to;
	struct tree_dir dir = { 0 };
	int result;

	if (tree_scan_send(to, p->to, root, 1, err) < 0)
		return -1;
	result = tree_scan_collect(to, &dir, 1, err);
	if (result < 0 && err->sys_errno == ENOENT) {
		result = remember_root(p, err);
	} else if (result == 0) {
		p->there = !dir.failed;
		p->mode = dir.self.mode;
		p->uid = dir.self.uid;
		p->gid = dir.self.gid;
		p->mtime_ns = dir.self.mtime_ns;
		p->is_others = !dir.failed && lists_path_kinds[p->part->path].is_file;
	}
	tree_dir_fini(&dir);
	return result < 0 ? -1 : check_root(p, err);
}

/* Where it is and where it goes; false: on one side it is not known. */
static bool find_roots(struct carry_pass *p)
{
	const char *from = p->run->o->old->paths.value[p->part->path];
	const char *to = p->run->o->new->paths.value[p->part->path];
	bool is_file = lists_path_kinds[p->part->path].is_file;
	const char *slash;

	if (!from || !to || *from != '/' || *to != '/')
		return false;
	slash = strrchr(from, '/');
	p->from = xstrndup(from, is_file ? (size_t)(slash - from) : strlen(from));
	slash = strrchr(to, '/');
	p->to = p->part->below ? xasprintf("%s/%s", to, p->part->below)
	                       : xstrndup(to, is_file ? (size_t)(slash - to) : strlen(to));
	return true;
}

static int run_part(struct carry_pass *p, struct error *err)
{
	const char *name = lists_path_kinds[p->part->path].name;

	if (!find_roots(p)) {
		if (p->run->o->old->paths.value[p->part->path])
			carry_tell(&p->run->out->failed, name,
			           "is not known of new, so nothing was carried there");
		else if (p->part->path != LISTS_MAILDIR_DIR) /* few have one */
			carry_tell(&p->run->out->notes, name, "is not known of old");
		return 0;
	}
	if (!host_has(p->run->o->from, p->from))
		return 0;
	if (look_at_root(p, err) < 0 || carry_links_before(p, err) < 0)
		return -1;
	return carry_copy(p, err);
}

int carry_run_part(struct carry_run *r, const struct carry_part *part, struct error *err)
{
	struct carry_pass p = { .run = r, .part = part };
	int result = run_part(&p, err);

	free(p.from);
	free(p.to);
	carry_pass_forget(&p);
	return result;
}
