/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/resolve.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40u /* path_resolution(7) */
#define PATH_MAX_OCTETS 8192u

/* What is there by one name, nothing followed. */
struct looked {
	bool is_there;
	struct host_entry entry; /* without path and target */
	char *target;            /* owned; of a link */
};
/* All names of a path are asked for together, for most have no link in them: what stands behind one is
 * thrown away. */
struct looking {
	struct host *h;
	struct looked rows[HOST_AHEAD];
	size_t n, next;
};

static void forget(struct looking *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->rows[i].target);
	l->n = l->next = 0;
}

static int collect(struct looking *l, size_t n, struct error *err)
{
	for (; l->n < n; l->n++) {
		AUTO_LISTING struct host_listing found = { 0 };
		struct looked *row = &l->rows[l->n];
		struct error why = { 0 };

		*row = (struct looked){ 0 };
		if (host_list_collect(l->h, &found, &why) < 0 && why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		if (!found.n)
			continue;
		row->is_there = true;
		row->entry = found.rows[0];
		row->entry.path = row->entry.target = NULL;
		row->target = S_ISLNK(row->entry.mode) ? TAKE(found.rows[0].target) : NULL;
	}
	return 0;
}

/* `path`, and each name below it up to what is no name ("..": where it leads is not known yet). */
static int ask(struct looking *l, struct span path, struct span rest, struct error *err)
{
	AUTO_BUF struct buf name = { 0 };
	struct span part;
	size_t n = 0;

	forget(l);
	buf_add_span(&name, path);
	for (;;) {
		if (host_list_send(l->h, buf_text(&name), 0, err) < 0)
			return -1;
		n++;
		do
			if (!span_next_part(&rest, '/', &part))
				return collect(l, n, err);
		while (!part.n);
		if (n == HOST_AHEAD || span_is(part, ".") || span_is(part, "..") ||
		    name.n + part.n > PATH_MAX_OCTETS)
			return collect(l, n, err);
		buf_add_char(&name, '/');
		buf_add_span(&name, part);
	}
}

/* One look: 1, 0, -1. *target is the caller's. */
static int look(struct looking *l, const struct buf *path, const struct buf *rest,
                struct host_entry *entry, char **target, struct error *err)
{
	struct looked *row;

	if (l->next == l->n && ask(l, buf_span(path), buf_span(rest), err) < 0)
		return -1;
	row = &l->rows[l->next++];
	if (!row->is_there)
		return 0;
	*entry = row->entry;
	*target = row->target;
	row->target = NULL;
	if (*target)
		forget(l);
	return 1;
}

/* "/a/b" becomes "/a", "/a" and "/" become "". */
static void drop_last(struct buf *path)
{
	while (path->n && path->p[path->n - 1] != '/')
		path->n--;
	if (path->n)
		path->n--;
	if (path->p)
		path->p[path->n] = '\0';
}

/* What has still to be walked, behind a link. */
static void put_in_front(struct buf *rest, const char *target)
{
	AUTO_BUF struct buf both = { 0 };

	buf_addf(&both, "%s/", target);
	buf_add_span(&both, buf_span(rest));
	buf_reset(rest);
	buf_add_span(rest, buf_span(&both));
}

/* Cuts the first component off; false: there is none. */
static bool next_component(struct buf *rest, struct buf *component)
{
	size_t from = 0, to;

	while (from < rest->n && rest->p[from] == '/')
		from++;
	for (to = from; to < rest->n && rest->p[to] != '/';)
		to++;
	buf_reset(component);
	if (to > from)
		buf_add(component, rest->p + from, to - from);
	buf_drop_front(rest, to);
	return component->n > 0;
}

/* Does a name follow? Not "." or "..", for which what is before counts. */
static bool has_more(struct span rest)
{
	while (rest.n && *rest.p == '/')
		rest = span_from(rest, 1);
	return rest.n && *rest.p != '.';
}

/* One component; 1, 0, -1. */
static int step(struct looking *l, struct strings *known, const struct buf *path,
                const struct buf *rest, struct host_entry *entry, char **target, struct error *err)
{
	bool is_between = known && has_more(buf_span(rest));
	int found;

	if (is_between && strings_has(known, buf_text(path))) {
		l->next += l->next < l->n;
		return 1;
	}
	found = look(l, path, rest, entry, target, err);
	if (is_between && found > 0 && S_ISDIR(entry->mode))
		strings_add(known, buf_text(path));
	return found;
}

static int walk(struct looking *l, struct strings *known, const char *path, char **out,
                struct host_entry *entry, struct error *err)
{
	AUTO_BUF struct buf done = { 0 }, rest = { 0 }, component = { 0 };
	struct host_entry last = { .mode = S_IFDIR };
	unsigned links = 0;

	buf_add_text(&rest, path);
	while (next_component(&rest, &component)) {
		AUTO_FREE char *target = NULL;
		size_t before = done.n;
		int found;

		if (!strcmp(buf_text(&component), "."))
			continue;
		if (!strcmp(buf_text(&component), "..")) {
			drop_last(&done);
			forget(l);
			continue;
		}
		buf_addf(&done, "/%s", buf_text(&component));
		found = done.n + rest.n > PATH_MAX_OCTETS
		                ? 0
		                : step(l, known, &done, &rest, &last, &target, err);
		if (found <= 0)
			return found;
		if (!target)
			continue;
		if (++links > LINKS_MAX)
			return 0;
		put_in_front(&rest, target);
		done.n = *target == '/' ? 0 : before;
		done.p[done.n] = '\0';
	}
	if (out)
		*out = done.n ? buf_take(&done) : xstrdup("/");
	if (entry)
		*entry = last;
	return 1;
}

int lists_resolve(struct host *h, const char *path, char **out, struct host_entry *entry,
                  struct error *err)
{
	return lists_resolve_near(h, NULL, path, out, entry, err);
}

int lists_resolve_near(struct host *h, struct strings *known, const char *path, char **out,
                       struct host_entry *entry, struct error *err)
{
	struct looking l = { .h = h };
	int found = walk(&l, known, path, out, entry, err);

	forget(&l);
	return found;
}
