/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/memory.h"
#include "lists/resolve.h"

#include <string.h>
#include <sys/stat.h>

#define DEPTH 100u
#define LINKS_MAX 1000u /* directories elsewhere that links lead to */

struct walk {
	struct host *h;
	struct lists_perms *p;
	struct strings seen; /* directories that were walked, without links */
	unsigned links;
};

static void walk_fini(struct walk *w)
{
	strings_fini(&w->seen);
}

/* Is `path` one of those that were walked, or below it? */
static bool was_seen(const struct walk *w, const char *path)
{
	for (size_t i = 0; i < w->seen.n; i++) {
		size_t n = strlen(w->seen.rows[i]);

		if (!strncmp(path, w->seen.rows[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

static char *join(const char *a, const char *b)
{
	if (!*a || !*b)
		return xstrdup(*a ? a : b);
	return xasprintf("%s/%s", strcmp(a, "/") == 0 ? "" : a, b);
}

static int walk_from(struct walk *w, enum lists_path variable, const char *below, const char *path,
                     unsigned depth, struct error *err);

/* A directory elsewhere that a link in an archive or a list leads to belongs to it. */
static int follow(struct walk *w, const struct lists_perm_row *row, struct error *err)
{
	AUTO_FREE char *end = NULL, *below = xstrdup(row->below);
	struct host_entry entry;
	int found;

	if (row->variable == LISTS_PUBLIC_ARCHIVE_FILE_DIR || w->links == LINKS_MAX)
		return 0;
	found = lists_resolve(w->h, row->path, &end, &entry, err);
	if (found <= 0 || !S_ISDIR(entry.mode) || was_seen(w, end))
		return found < 0 ? -1 : 0;
	w->links++;
	return walk_from(w, row->variable, below, end, DEPTH, err);
}

static int add_row(struct walk *w, enum lists_path variable, const char *below, const char *path,
                   const struct host_entry *e, struct error *err)
{
	struct lists_perms *p = w->p;
	size_t at = p->n;

	ARRAY_GROW(p->rows, p->n, p->room);
	p->rows[p->n++] = (struct lists_perm_row){
		.variable = variable,
		.below = join(below, e->path),
		.path = join(path, e->path),
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.links = e->links,
		.target = e->target ? xstrdup(e->target) : NULL,
	};
	if (!S_ISLNK(e->mode))
		return 0;
	/* the rows may move meanwhile */
	struct lists_perm_row row = p->rows[at];
	return follow(w, &row, err);
}

/* All of `path`, which has no links in it. */
static int walk_from(struct walk *w, enum lists_path variable, const char *below, const char *path,
                     unsigned depth, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };

	if (depth)
		strings_add(&w->seen, path);
	if (host_list(w->h, path, depth, &l, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_add(&w->p->troubles, why.text);
		return 0;
	}
	for (size_t i = 0; i < l.n; i++)
		if (add_row(w, variable, below, path, &l.rows[i], err) < 0)
			return -1;
	return 0;
}

static int walk_place(struct walk *w, enum lists_path variable, const char *below,
                      const char *place, unsigned depth, struct error *err)
{
	AUTO_FREE char *end = NULL;
	int found = place ? lists_resolve(w->h, place, &end, NULL, err) : 0;

	if (found <= 0 || was_seen(w, end) || (!strcmp(end, "/") && depth))
		return found < 0 ? -1 : 0;
	return walk_from(w, variable, below, end, depth, err);
}

/* Where an installation is its own group's, that is, one from source. */
static bool owns_program(const struct lists_installation *m)
{
	const struct lists_paths *p = &m->paths;

	return m->code && p->value[LISTS_PREFIX] && p->value[LISTS_VAR_PREFIX] &&
	       !strcmp(p->value[LISTS_PREFIX], p->value[LISTS_VAR_PREFIX]) &&
	       !strcmp(m->code, p->value[LISTS_PREFIX]);
}

static int walk_program(struct walk *w, const struct lists_installation *m, struct error *err)
{
	static const char *const own[] = { "bin",      "cron",      "icons",   "Mailman",
		                           "messages", "pythonlib", "scripts", "templates" };
	static const char *const wrappers[] = { "cgi-bin", "mail" };

	for (size_t i = 0; owns_program(m) && i < ROWS(own); i++) {
		AUTO_FREE char *path = lists_paths_join(&m->paths, LISTS_PREFIX, own[i]);

		if (walk_place(w, LISTS_PREFIX, own[i], path, DEPTH, err) < 0)
			return -1;
	}
	for (size_t i = 0; m->code && i < ROWS(wrappers); i++) {
		AUTO_FREE char *path = lists_paths_join(&m->paths, LISTS_EXEC_PREFIX, wrappers[i]);

		if (walk_place(w, LISTS_EXEC_PREFIX, wrappers[i], path, DEPTH, err) < 0)
			return -1;
	}
	return m->code ? walk_place(w, LISTS_WRAPPER_DIR, "", m->paths.value[LISTS_WRAPPER_DIR],
	                            DEPTH, err)
	               : 0;
}

int lists_perms_walk(struct host *h, const struct lists_installation *m, struct lists_perms *p,
                     struct error *err)
{
	static const enum lists_path all[] = {
		LISTS_LIST_DATA_DIR,
		LISTS_PRIVATE_ARCHIVE_FILE_DIR,
		LISTS_PUBLIC_ARCHIVE_FILE_DIR,
		LISTS_QUEUE_DIR,
		LISTS_INQUEUE_DIR,
		LISTS_OUTQUEUE_DIR,
		LISTS_CMDQUEUE_DIR,
		LISTS_BOUNCEQUEUE_DIR,
		LISTS_NEWSQUEUE_DIR,
		LISTS_ARCHQUEUE_DIR,
		LISTS_SHUNTQUEUE_DIR,
		LISTS_VIRGINQUEUE_DIR,
		LISTS_BADQUEUE_DIR,
		LISTS_RETRYQUEUE_DIR,
		LISTS_DATA_DIR,
		LISTS_SPAM_DIR,
		LISTS_LOCK_DIR,
		LISTS_LOG_DIR,
	};
	static const enum lists_path alone[] = { LISTS_VAR_PREFIX, LISTS_SITE_PW_FILE,
		                                 LISTS_LISTCREATOR_PW_FILE };
	__attribute__((cleanup(walk_fini))) struct walk w = { .h = h, .p = p };

	for (size_t i = 0; i < ROWS(all); i++)
		if (walk_place(&w, all[i], "", m->paths.value[all[i]], DEPTH, err) < 0)
			return -1;
	for (size_t i = 0; i < ROWS(alone); i++)
		if (walk_place(&w, alone[i], "", m->paths.value[alone[i]], 0, err) < 0)
			return -1;
	return walk_program(&w, m, err);
}
