/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/take.h"

#include "base/memory.h"
#include "lists/carry_entry.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "lists/notes.h"
#include "state/carried.h"
#include "state/mailing_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ASIDE ".moved-by-mailhaul"
#define RECORD_EVERY 200u /* entries put aside between two records of it */

static const enum lists_path queues[] = {
	LISTS_INQUEUE_DIR,   LISTS_OUTQUEUE_DIR,   LISTS_CMDQUEUE_DIR,   LISTS_BOUNCEQUEUE_DIR,
	LISTS_NEWSQUEUE_DIR, LISTS_ARCHQUEUE_DIR,  LISTS_SHUNTQUEUE_DIR, LISTS_VIRGINQUEUE_DIR,
	LISTS_BADQUEUE_DIR,  LISTS_RETRYQUEUE_DIR,
};

/* One call under way. */
struct taking {
	const struct lists_take *t;
	char *from_name, *to_name;  /* owned; of the hosts, in state/carried.h */
	struct carried_files files; /* of this direction */
	struct carried_files
		other;          /* the same, of the other business: a wave's, or the cut-over's */
	struct strings entries; /* that are to go now */
};

static void taking_fini(struct taking *g)
{
	free(g->from_name);
	free(g->to_name);
	carried_files_fini(&g->files);
	carried_files_fini(&g->other);
	strings_fini(&g->entries);
}
#define AUTO_TAKING __attribute__((cleanup(taking_fini)))

/* Postfix's queue has rows of its own under the bare names. */
static int taking_begin(struct taking *g, const struct lists_take *t, struct error *err)
{
	const char *mine = t->wave ? "waves of lists" : "lists";
	const char *others = t->wave ? "lists" : "waves of lists";
	AUTO_FREE char *other = xasprintf("%s: %s", host_name(t->to), others);

	g->t = t;
	g->from_name = xasprintf("%s: lists", host_name(t->from));
	g->to_name = xasprintf("%s: %s", host_name(t->to), mine);
	if (carried_load(t->state, g->from_name, other, &g->other, err) < 0)
		return -1;
	return carried_load(t->state, g->from_name, g->to_name, &g->files, err);
}

static void PRINTF_LIKE(2, 3) say(const struct lists_take *t, const char *format, ...)
{
	AUTO_FREE char *words = NULL;
	va_list arguments;

	if (!t->tell)
		return;
	va_start(arguments, format);
	if (vasprintf(&words, format, arguments) < 0)
		abort();
	va_end(arguments);
	t->tell(t->context, words);
}

/* ── names and places ────────────────────────────────────────────────────────────────────────── */

/* The queue's default name, which is the same on all hosts. */
char *lists_take_name(enum lists_path queue, const char *name)
{
	return xasprintf("%s/%s", lists_path_kinds[queue].below, name);
}

static enum lists_path queue_of(const char *entry)
{
	for (size_t i = 0; i < ROWS(queues); i++)
		if (span_is(carry_first(entry), lists_path_kinds[queues[i]].below))
			return queues[i];
	return LISTS_QUEUE_DIR;
}

static const char *file_of(const char *entry)
{
	return entry + carry_first(entry).n + 1;
}

static char *place_of(const struct lists_installation *m, const char *entry, const char *aside)
{
	return xasprintf("%s%s/%s", m->paths.value[queue_of(entry)], aside, file_of(entry));
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct carried_file *)a)->path,
	              ((const struct carried_file *)b)->path);
}

/* A record says that it is the other host's. */
static bool is_in(const struct carried_files *files, const char *entry)
{
	const struct carried_file key = { .path = (char *)(uintptr_t)entry };
	const struct carried_file *f = files->n ? bsearch(&key, files->rows, files->n,
	                                                  sizeof *files->rows, by_path)
	                                        : NULL;

	return f && (f->phase == CARRIED_PLACED || f->phase == CARRIED_ASIDE);
}

static bool is_taken(const struct taking *g, const char *entry)
{
	return is_in(&g->files, entry) || is_in(&g->other, entry);
}

/* ── 1. look ─────────────────────────────────────────────────────────────────────────────────── */

static int list_queue(struct host *h, const char *dir, struct host_listing *out, struct error *err)
{
	struct error why = { 0 };

	if (!dir || host_list(h, dir, 1, out, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

static bool is_entry(const struct host_entry *e)
{
	enum carry_entry what;

	if (!*e->path || !S_ISREG(e->mode))
		return false;
	what = carry_entry_of(e->path);
	return what == CARRY_ENTRY_WAITS || what == CARRY_ENTRY_IN_WORK || what == CARRY_ENTRY_KEPT;
}

/* Whose the entries of one queue are. */
struct asked {
	struct taking *g;
	const struct mailing_lists *known;
	enum lists_path queue;
	const char *const *names;
};

static bool is_wanted(const struct asked *a, const char *list)
{
	const struct mailing_list *l;

	if (a->g->t->lists)
		return strings_has(a->g->t->lists, list);
	l = mailing_list_named(a->known, list);
	return !l || l->phase != MAILING_LIST_OPENED;
}

static int take_entry(void *context, size_t index, struct buf *content, const struct error *why,
                      struct error *err)
{
	struct asked *a = context;
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_FREE char *name = lists_take_name(a->queue, a->names[index]), *list = NULL;
	struct carry_entry_words words;
	struct error bad = { 0 };

	/* one that can't be read says not whose it is, and stays with those that are not named */
	if (content && carry_entry_read(arena, buf_span(content), &words, &bad) == 0)
		list = words.list.n ? span_dup(words.list) : xstrdup("mailman");
	if (list ? is_wanted(a, list) : !a->g->t->lists)
		strings_add(&a->g->entries, name);
	return 0;
}

static int choose_entries(struct asked *a, const char *dir, const struct strings *names,
                          struct error *err)
{
	a->names = (const char *const *)names->rows;
	return carry_fetch(a->g->t->from, dir, a->names, names->n, take_entry, a, err);
}

static int look_at_queue(struct asked *a, struct error *err)
{
	const struct lists_take *t = a->g->t;
	const char *dir = t->old->paths.value[a->queue];
	AUTO_LISTING struct host_listing listing = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (list_queue(t->from, dir, &listing, err) < 0)
		return -1;
	for (size_t i = 0; i < listing.n; i++) {
		AUTO_FREE char *name = lists_take_name(a->queue, listing.rows[i].path);

		if (!is_entry(&listing.rows[i]) || is_taken(a->g, name))
			continue;
		strings_add(t->lists || t->back ? &names : &a->g->entries,
		            t->lists || t->back ? listing.rows[i].path : name);
	}
	return names.n ? choose_entries(a, dir, &names, err) : 0;
}

static int look(struct taking *g, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	struct asked a = { .g = g, .known = &known };

	if (mailing_lists_load(g->t->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(queues); i++) {
		a.queue = queues[i];
		if (g->t->other && !g->t->other->takes(a.queue))
			continue;
		if (look_at_queue(&a, err) < 0)
			return -1;
	}
	strings_sort(&g->entries);
	return 0;
}

int lists_take_look(const struct lists_take *t, struct strings *entries, struct error *err)
{
	AUTO_TAKING struct taking g = { 0 };

	if (taking_begin(&g, t, err) < 0 || look(&g, err) < 0)
		return error_context(err, "queues of lists");
	for (size_t i = 0; i < g.entries.n; i++)
		strings_add(entries, g.entries.rows[i]);
	return 0;
}

int lists_queues_count(struct host *h, const struct lists_paths *paths, uint64_t *n,
                       struct error *err)
{
	static const enum lists_path worked[] = {
		LISTS_INQUEUE_DIR,     LISTS_OUTQUEUE_DIR,    LISTS_CMDQUEUE_DIR,
		LISTS_BOUNCEQUEUE_DIR, LISTS_VIRGINQUEUE_DIR, LISTS_ARCHQUEUE_DIR,
		LISTS_NEWSQUEUE_DIR,
	};

	*n = 0;
	for (size_t i = 0; i < ROWS(worked); i++) {
		AUTO_LISTING struct host_listing listing = { 0 };

		if (list_queue(h, paths->value[worked[i]], &listing, err) < 0)
			return -1;
		for (size_t k = 0; k < listing.n; k++)
			*n += is_entry(&listing.rows[k]) &&
			      carry_entry_of(listing.rows[k].path) != CARRY_ENTRY_KEPT;
	}
	return 0;
}

int lists_queues_look(struct host *h, const struct lists_paths *paths, struct strings *bad,
                      struct error *err)
{
	for (size_t i = 0; i < ROWS(queues); i++) {
		const char *dir = paths->value[queues[i]];
		AUTO_LISTING struct host_listing listing = { 0 };

		if (list_queue(h, dir, &listing, err) < 0)
			return -1;
		for (size_t k = 0; k < listing.n; k++) {
			AUTO_FREE char *place = xasprintf("%s/%s", dir, listing.rows[k].path);
			enum carry_entry what = carry_entry_of(listing.rows[k].path);

			if (!S_ISREG(listing.rows[k].mode) || carry_is_lock(listing.rows[k].path))
				continue;
			if (what == CARRY_ENTRY_ODD)
				carry_tell(bad, place, "a runner ends when it meets that name");
			else if (what == CARRY_ENTRY_OLD)
				carry_tell(bad, place, "half an entry of Mailman 2.1.4 or older");
		}
	}
	return 0;
}

/* ── 2. copy, 3. record ──────────────────────────────────────────────────────────────────────── */

static int failed(const struct lists_take *t, const struct lists_carry_result *r, struct error *err)
{
	for (size_t i = 0; i < r->failed.n; i++)
		say(t, "%s", r->failed.rows[i]);
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%zu entries of Mailman's queues could not be brought, the first: %s",
	                 r->failed.n, r->failed.rows[0]);
}

static int copy(struct taking *g, struct error *err)
{
	const struct lists_take *t = g->t;
	const struct lists_carry_options options = {
		.from = t->from,
		.to = t->to,
		.old = t->old,
		.new = t->new,
		.state = t->state,
		.entries = &g->entries,
		.is_part = true,
		.back = t->back ? "queues" : NULL,
	};
	const struct lists_notes told = { t->state, t->since_ms, t->tell, t->context };
	AUTO_LISTS_CARRY struct lists_carry_result done = { 0 }, compared = { 0 };

	if (lists_carry(&options, &done, err) < 0)
		return -1;
	if (done.failed.n)
		return failed(t, &done, err);
	if (lists_carry_verify(&options, &compared, err) < 0)
		return -1;
	if (compared.failed.n)
		return failed(t, &compared, err);
	return lists_notes_tell(&told, &done.notes, err) < 0
	               ? -1
	               : lists_notes_tell(&told, &compared.notes, err);
}

static int bring(struct taking *g, struct error *err)
{
	const struct lists_take_other *other = g->t->other;

	return other ? other->give(g->t->context, &g->entries, err) : copy(g, err);
}

static int record(struct taking *g, struct error *err)
{
	AUTO_FREE struct carried_file *rows = xcalloc(g->entries.n + 1, sizeof *rows);

	for (size_t i = 0; i < g->entries.n; i++)
		rows[i] = (struct carried_file){ .path = g->entries.rows[i],
			                         .phase = CARRIED_PLACED };
	if (carried_put(g->t->state, g->from_name, g->to_name, rows, g->entries.n, err) < 0)
		return -1;
	carried_files_fini(&g->files);
	return carried_load(g->t->state, g->from_name, g->to_name, &g->files, err);
}

/* ── 4. aside ────────────────────────────────────────────────────────────────────────────────── */

static int make_aside(struct host *h, const struct lists_installation *m, enum lists_path queue,
                      struct error *err)
{
	AUTO_FREE char *dir = xasprintf("%s" ASIDE, m->paths.value[queue]);

	return host_has(h, dir) ? 0 : host_mkdir(h, dir, 0700, 0, 0, err);
}

/* Renames; what is not there any more was renamed before. */
static int rename_once(struct host *h, const char *from, const char *to, struct error *err)
{
	struct error why = { 0 };

	if (host_rename(h, from, to, &why) == 0 || why.sys_errno == ENOENT)
		return 0;
	*err = why;
	return -1;
}

/* An entry that went there and back goes aside more than once, by the same name. *place becomes where it
 * is; the caller's. */
static int put_aside(struct host *h, const struct lists_installation *m, const char *entry,
                     char **place, struct error *err)
{
	AUTO_FREE char *from = place_of(m, entry, ""), *first = place_of(m, entry, ASIDE);
	AUTO_FREE char *last = xstrdup(first), *to = xstrdup(first);
	bool there = host_has(h, from);

	for (unsigned i = 2; host_has(h, to); i++) {
		free(last);
		last = to;
		to = xasprintf("%s.%u", first, i);
	}
	if (there && rename_once(h, from, to, err) < 0)
		return -1;
	free(*place);
	*place = xstrdup(there ? to : last);
	return 0;
}

/* Gives all rows of one phase another one, acting on each before. */
static int each_row(struct taking *g, enum carried_phase phase, enum carried_phase next,
                    int (*act)(struct taking *g, struct carried_file *f, struct error *err),
                    uint64_t *n, struct error *err)
{
	size_t first = 0, changed = 0;

	for (size_t at = 0; at < g->files.n; at++) {
		struct carried_file *f = &g->files.rows[at];

		if (f->phase != phase)
			continue;
		if (act(g, f, err) < 0)
			return -1;
		f->phase = next;
		*n += 1;
		if (++changed < RECORD_EVERY)
			continue;
		if (carried_put(g->t->state, g->from_name, g->to_name, g->files.rows + first,
		                at + 1 - first, err) < 0)
			return -1;
		first = at + 1;
		changed = 0;
	}
	return !changed ? 0
	                : carried_put(g->t->state, g->from_name, g->to_name, g->files.rows + first,
	                              g->files.n - first, err);
}

static int originals_aside(struct taking *g, struct carried_file *f, struct error *err)
{
	return put_aside(g->t->from, g->t->old, f->path, &f->new_path, err);
}

static int aside(struct taking *g, uint64_t *n, struct error *err)
{
	bool dirs[LISTS_PATHS] = { false };

	for (size_t i = 0; i < g->files.n; i++) {
		enum lists_path queue = queue_of(g->files.rows[i].path);

		if (g->files.rows[i].phase != CARRIED_PLACED || dirs[queue])
			continue;
		if (make_aside(g->t->from, g->t->old, queue, err) < 0)
			return -1;
		dirs[queue] = true;
	}
	return each_row(g, CARRIED_PLACED, CARRIED_ASIDE, originals_aside, n, err);
}

int lists_take(const struct lists_take *t, uint64_t *moved, struct error *err)
{
	AUTO_TAKING struct taking g = { 0 };
	uint64_t n = 0;

	*moved = 0;
	if (taking_begin(&g, t, err) < 0 || look(&g, err) < 0)
		return -1;
	if (g.entries.n && (bring(&g, err) < 0 || record(&g, err) < 0))
		return error_context(err, "queues of lists");
	*moved = g.entries.n;
	if (!t->originals_stay && aside(&g, &n, err) < 0)
		return error_context(err, "queues of lists");
	return 0;
}

/* ── the way back ────────────────────────────────────────────────────────────────────────────── */

/* The copy first: at no moment does each host have one. */
static int give_back(struct taking *g, struct carried_file *f, struct error *err)
{
	const struct lists_take *t = g->t;
	AUTO_FREE char *to = place_of(t->old, f->path, ""), *copy = NULL;

	if (!t->other && (make_aside(t->to, t->new, queue_of(f->path), err) < 0 ||
	                  put_aside(t->to, t->new, f->path, &copy, err) < 0))
		return -1;
	/* one that is not aside yet, or never goes there, lies where it lay; one may have gone aside just
	 * before it could be recorded */
	if (t->originals_stay || host_has(t->from, to))
		return 0;
	if (f->phase != CARRIED_ASIDE && put_aside(t->from, t->old, f->path, &f->new_path, err) < 0)
		return -1;
	return rename_once(t->from, f->new_path, to, err);
}

/* All copies at once, before any original is given back. */
static int drop(struct taking *g, struct error *err)
{
	const struct lists_take_other *other = g->t->other;
	AUTO_STRINGS struct strings names = { 0 };

	for (size_t i = 0; i < g->files.n; i++)
		if (g->files.rows[i].phase == CARRIED_PLACED ||
		    g->files.rows[i].phase == CARRIED_ASIDE)
			strings_add(&names, g->files.rows[i].path);
	return other && names.n ? other->drop(g->t->context, &names, err) : 0;
}

int lists_take_undo(const struct lists_take *t, uint64_t *moved, struct error *err)
{
	AUTO_TAKING struct taking g = { 0 };

	*moved = 0;
	if (taking_begin(&g, t, err) < 0 || drop(&g, err) < 0 ||
	    each_row(&g, CARRIED_PLACED, CARRIED_STAGED, give_back, moved, err) < 0 ||
	    each_row(&g, CARRIED_ASIDE, CARRIED_STAGED, give_back, moved, err) < 0)
		return error_context(err, "queues of lists");
	return 0;
}

static int forget(struct taking *g, struct carried_file *f, struct error *err)
{
	return 0;
}

int lists_take_forget(const struct lists_take *t, struct error *err)
{
	AUTO_TAKING struct taking g = { 0 };
	uint64_t n = 0;

	if (taking_begin(&g, t, err) < 0 ||
	    each_row(&g, CARRIED_PLACED, CARRIED_STAGED, forget, &n, err) < 0)
		return -1;
	return each_row(&g, CARRIED_ASIDE, CARRIED_STAGED, forget, &n, err);
}
