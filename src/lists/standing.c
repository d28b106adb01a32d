/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/standing.h"

#include "base/memory.h"
#include "lists/resolve.h"

#include <string.h>
#include <sys/stat.h>

#define LOG_TAIL (4u << 20) /* octets of a post log that are looked at, at its end */
#define WEEK_S (7.0 * 86400)
#define LEAST_WEEKS (1.0 / 7) /* a day: less tells nothing of a week */

void lists_standing_fini(struct lists_standing *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->lists[i].name);
	free(s->lists);
	strings_fini(&s->odd_names);
	strings_fini(&s->programs);
	strings_fini(&s->unreadable);
	*s = (struct lists_standing){ 0 };
}

bool lists_standing_name_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !(c && strchr("-+_.=", c)))
			return false;
	}
	return name.n && !span_is(name, ".") && !span_is(name, "..");
}

static struct lists_standing_list *find_list(const struct lists_standing *s, struct span name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *at = s->lists[middle].name;
		int order = strncmp(at, name.p, name.n);

		if (!order)
			order = at[name.n] ? 1 : 0;
		if (!order)
			return &s->lists[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Lists a directory of the paths, links in front of it followed. 1, 0 it is not there or can't be
 * read (which is told), -1. */
static int list_path(struct host *h, struct lists_standing *s, const char *path, unsigned depth,
                     struct host_listing *out, struct error *err)
{
	AUTO_FREE char *end = NULL;
	struct error why = { 0 };
	int found = path ? lists_resolve(h, path, &end, NULL, err) : 0;

	if (found <= 0)
		return found;
	if (host_list(h, end, depth, out, &why) == 0)
		return 1;
	if (why.retry == ERROR_RETRY_REACH)
		return *err = why, -1;
	strings_addf(&s->unreadable, "%s: %s", path, why.text);
	return 0;
}

/* ── lists ───────────────────────────────────────────────────────────────────────────────────── */

static bool is_settings(struct span file)
{
	return span_is(file, "config.pck") || span_is(file, "config.pck.last") ||
	       span_is(file, "config.db") || span_is(file, "config.db.last");
}

/* First component of a path; *rest is what follows the slash, empty without one. */
static struct span first_of(const char *path, struct span *rest)
{
	const char *slash = strchr(path, '/');

	*rest = span_of(slash ? slash + 1 : "");
	return slash ? (struct span){ path, (size_t)(slash - path) } : span_of(path);
}

static void take_file(struct lists_standing_list *list, const struct host_entry *e,
                      struct span file)
{
	if (S_ISREG(e->mode))
		list->octets += e->size;
	if (span_is(file, "extend.py"))
		list->has_code = true;
	if (span_find(file, '/') >= 0)
		list->has_pages = true;
}

static void drop_lists_without_settings(struct lists_standing *s, const bool *has)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (has[i])
			s->lists[kept++] = s->lists[i];
		else
			free(s->lists[i].name);
	}
	s->n = kept;
}

/* A list on another disk, with a link to it in its place: the row becomes that of the directory, and what
 * lies there is added to `l`. */
static int follow_list(struct host *h, struct lists_standing *s, const char *root,
                       struct host_listing *l, size_t at, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, l->rows[at].path);
	AUTO_LISTING struct host_listing below = { 0 };
	struct host_entry end = { 0 };
	int found = lists_resolve(h, path, NULL, &end, err);

	if (found < 0)
		return -1;
	if (!found)
		strings_addf(&s->unreadable, "%s: a symbolic link that leads nowhere", path);
	if (!found || !S_ISDIR(end.mode))
		return 0;
	if (list_path(h, s, path, 2, &below, err) < 0)
		return -1;
	l->rows[at].mode = end.mode;
	l->rows[at].uid = end.uid;
	l->rows[at].gid = end.gid;
	for (size_t i = 0; i < below.n; i++) {
		struct host_entry row = below.rows[i];

		if (!*row.path)
			continue;
		row.path = xasprintf("%s/%s", l->rows[at].path, below.rows[i].path);
		row.target = row.target ? xstrdup(row.target) : NULL;
		ARRAY_GROW(l->rows, l->n, l->room);
		l->rows[l->n++] = row;
	}
	return 0;
}

static int follow_lists(struct host *h, struct lists_standing *s, const struct lists_paths *paths,
                        struct host_listing *l, struct error *err)
{
	const size_t n = l->n;

	for (size_t i = 0; i < n; i++) {
		const char *path = l->rows[i].path;

		if (S_ISLNK(l->rows[i].mode) && *path && !strchr(path, '/') &&
		    follow_list(h, s, paths->value[LISTS_LIST_DATA_DIR], l, i, err) < 0)
			return -1;
	}
	return 0;
}

static int read_lists(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                      struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_FREE bool *has = NULL;
	struct span file;

	if (list_path(h, s, paths->value[LISTS_LIST_DATA_DIR], 3, &l, err) < 0 ||
	    follow_lists(h, s, paths, &l, err) < 0)
		return -1;
	/* the rows at the top are in the order of their paths, so the names are too */
	for (size_t i = 0; i < l.n; i++) {
		struct span name = first_of(l.rows[i].path, &file);

		if (!S_ISDIR(l.rows[i].mode) || file.n || !name.n)
			continue;
		ARRAY_GROW(s->lists, s->n, s->room);
		s->lists[s->n++] = (struct lists_standing_list){ .name = span_dup(name),
			                                         .mode = l.rows[i].mode & 07777,
			                                         .uid = l.rows[i].uid,
			                                         .gid = l.rows[i].gid,
			                                         .posts_per_week = -1 };
	}
	has = xcalloc(s->n + 1, sizeof *has);
	for (size_t i = 0; i < l.n; i++) {
		struct span name = first_of(l.rows[i].path, &file);
		struct lists_standing_list *list = file.n ? find_list(s, name) : NULL;

		if (!list)
			continue;
		take_file(list, &l.rows[i], file);
		if (is_settings(file) && !lists_standing_name_good(name) &&
		    !strings_has(&s->odd_names, list->name))
			strings_add(&s->odd_names, list->name);
		else if (is_settings(file) && lists_standing_name_good(name))
			has[list - s->lists] = true;
	}
	drop_lists_without_settings(s, has);
	return 0;
}

int lists_standing_names(struct host *h, const struct lists_paths *paths, struct strings *out,
                         struct error *err)
{
	AUTO_LISTS_STANDING struct lists_standing s = { 0 };

	if (read_lists(h, paths, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++)
		strings_add(out, s.lists[i].name);
	return 0;
}

/* heldmsg-LIST-ID.pck; a list's name may have dashes in it. */
static void take_held(struct lists_standing *s, struct span name)
{
	struct lists_standing_list *list;
	size_t n = name.n;

	if (!span_starts(name, "heldmsg-") ||
	    (!span_ends(name, ".pck") && !span_ends(name, ".txt")))
		return;
	while (n && name.p[n - 1] != '-')
		n--;
	if (n <= strlen("heldmsg-"))
		return;
	list = find_list(s,
	                 (struct span){ name.p + strlen("heldmsg-"), n - 1 - strlen("heldmsg-") });
	if (list)
		list->held++;
}

static int read_held(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                     struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (list_path(h, s, paths->value[LISTS_DATA_DIR], 1, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		take_held(s, span_of(l.rows[i].path));
	return 0;
}

/* LIST.mbox is on another disk. */
static int add_linked_mbox(struct host *h, const struct lists_paths *paths,
                           struct lists_standing *s, struct span name, struct error *err)
{
	AUTO_FREE char *words = span_dup(name);
	AUTO_FREE char *below = xasprintf("%s/%s", words, words);
	AUTO_FREE char *path = lists_paths_join(paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, below);
	struct lists_standing_list *list = NULL;
	struct host_entry end = { 0 };
	int found = lists_resolve(h, path, NULL, &end, err);

	if (span_ends(name, ".mbox"))
		list = find_list(s, (struct span){ name.p, name.n - strlen(".mbox") });
	if (list && found > 0 && S_ISREG(end.mode))
		list->mbox_octets = end.size;
	return found < 0 ? -1 : 0;
}

static int read_archives(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                         struct error *err)
{
	AUTO_LISTING struct host_listing private = { 0 }, public = { 0 };

	if (list_path(h, s, paths->value[LISTS_PRIVATE_ARCHIVE_FILE_DIR], 2, &private, err) < 0 ||
	    list_path(h, s, paths->value[LISTS_PUBLIC_ARCHIVE_FILE_DIR], 1, &public, err) < 0)
		return -1;
	for (size_t i = 0; i < private.n; i++) {
		struct span file, name = first_of(private.rows[i].path, &file);
		struct lists_standing_list *list = NULL;

		if (span_ends(name, ".mbox") && span_equal(name, file))
			list = find_list(s, (struct span){ name.p, name.n - strlen(".mbox") });
		if (list)
			list->mbox_octets = private.rows[i].size;
		else if (S_ISLNK(private.rows[i].mode) && !file.n &&
		         add_linked_mbox(h, paths, s, name, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < public.n; i++) {
		struct lists_standing_list *list = find_list(s, span_of(public.rows[i].path));

		if (list)
			list->is_public = true;
	}
	return 0;
}

/* ── queues ──────────────────────────────────────────────────────────────────────────────────── */

static void take_queued(struct lists_standing_queue *q, struct span name)
{
	if (span_ends(name, ".pck") || span_ends(name, ".db"))
		q->waiting++;
	else if (span_ends(name, ".bak"))
		q->in_work++;
	else if (span_ends(name, ".psv"))
		q->kept++;
	else if (span_ends(name, ".tmp"))
		q->unwhole++;
	else if (!span_ends(name, ".msg")) /* beside a .db */
		q->others++;
}

static int read_queues(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                       struct error *err)
{
	for (enum lists_path i = LISTS_INQUEUE_DIR; i <= LISTS_RETRYQUEUE_DIR; i++) {
		AUTO_LISTING struct host_listing l = { 0 };
		struct lists_standing_queue *q = &s->queues[i];
		int found = list_path(h, s, paths->value[i], 1, &l, err);

		if (found < 0)
			return -1;
		q->which = i;
		q->is_there = found;
		for (size_t j = 0; j < l.n; j++)
			if (S_ISREG(l.rows[j].mode))
				take_queued(q, span_of(l.rows[j].path));
	}
	return 0;
}

/* ── the post log ────────────────────────────────────────────────────────────────────────────── */

/* "Mar 01 02:13:07 2026" as seconds, as if it were UTC: only differences matter. */
static bool parse_stamp(struct span line, int64_t *seconds)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const int days[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	uint64_t day, hour, minute, second, year;
	const char *found;
	char month[4] = { 0 };
	size_t number;

	if (line.n < 20)
		return false;
	memcpy(month, line.p, 3);
	found = strstr(months, month);
	number = found ? (size_t)(found - months) : 1;
	if (number % 3 || !span_parse_u64(span_trim((struct span){ line.p + 4, 2 }), &day) ||
	    !span_parse_u64((struct span){ line.p + 7, 2 }, &hour) ||
	    !span_parse_u64((struct span){ line.p + 10, 2 }, &minute) ||
	    !span_parse_u64((struct span){ line.p + 13, 2 }, &second) ||
	    !span_parse_u64((struct span){ line.p + 16, 4 }, &year) || year < 1970)
		return false;
	*seconds = (int64_t)((year - 1970) * 365 + (year - 1969) / 4 + (uint64_t)days[number / 3] +
	                     (number >= 6 && year % 4 == 0) + day) *
	                   86400 +
	           (int64_t)(hour * 3600 + minute * 60 + second);
	return true;
}

void lists_standing_count_posts(struct lists_standing *s, struct span log, int64_t *first,
                                int64_t *last)
{
	struct span line;

	while (span_next_line(&log, &line)) {
		ssize_t at = span_find_text(line, ") post to ");
		struct lists_standing_list *list;
		struct span name;
		int64_t when;

		if (at < 0 || !parse_stamp(line, &when))
			continue;
		*first = !*first || when < *first ? when : *first;
		*last = when > *last ? when : *last;
		line = span_from(line, (size_t)at + strlen(") post to "));
		list = span_next_word(&line, &name) ? find_list(s, name) : NULL;
		if (list)
			list->posts++;
	}
}

static int read_log(struct host *h, struct lists_standing *s, const char *path, int64_t *first,
                    int64_t *last, struct error *err)
{
	AUTO_FREE char *end = NULL;
	AUTO_BUF struct buf text = { 0 };
	struct host_entry entry;
	struct error why = { 0 };
	uint64_t size;
	int found = lists_resolve(h, path, &end, &entry, err);

	if (found <= 0)
		return found;
	if (host_read_part(h, end, entry.size > LOG_TAIL ? entry.size - LOG_TAIL : 0, LOG_TAIL,
	                   &text, &size, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_addf(&s->unreadable, "%s: %s", path, why.text);
		return 0;
	}
	lists_standing_count_posts(s, buf_span(&text), first, last);
	return 0;
}

static int read_posts(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                      struct error *err)
{
	static const char *const names[] = { "post", "post.1" };
	int64_t first = 0, last = 0;

	for (size_t i = 0; paths->value[LISTS_LOG_DIR] && i < ROWS(names); i++) {
		AUTO_FREE char *path = lists_paths_join(paths, LISTS_LOG_DIR, names[i]);

		if (read_log(h, s, path, &first, &last, err) < 0)
			return -1;
	}
	if (!first)
		return 0;
	s->log_weeks = (double)(last - first) / WEEK_S;
	if (s->log_weeks < LEAST_WEEKS)
		s->log_weeks = LEAST_WEEKS;
	for (size_t i = 0; i < s->n; i++)
		s->lists[i].posts_per_week = (double)s->lists[i].posts / s->log_weeks;
	return 0;
}

/* ── programs ────────────────────────────────────────────────────────────────────────────────── */

static int read_programs(struct host *h, const struct lists_paths *paths, struct lists_standing *s,
                         struct error *err)
{
	static const enum lists_path places[] = { LISTS_BIN_DIR, LISTS_SCRIPTS_DIR };

	for (size_t i = 0; i < ROWS(places); i++) {
		AUTO_LISTING struct host_listing l = { 0 };

		if (list_path(h, s, paths->value[places[i]], 1, &l, err) < 0)
			return -1;
		for (size_t j = 0; j < l.n; j++) {
			struct span name = span_of(l.rows[j].path);

			if (!name.n || S_ISDIR(l.rows[j].mode) || span_ends(name, ".pyc") ||
			    span_ends(name, ".pyo") || lists_standing_is_own(name.p))
				continue;
			strings_addf(&s->programs, "%s/%s", paths->value[places[i]], name.p);
		}
	}
	return 0;
}

int lists_standing_read(struct host *h, const struct lists_paths *paths, struct lists_standing *out,
                        struct error *err)
{
	AUTO_LISTS_STANDING struct lists_standing s = { 0 };

	if (read_lists(h, paths, &s, err) < 0 || read_held(h, paths, &s, err) < 0 ||
	    read_archives(h, paths, &s, err) < 0 || read_queues(h, paths, &s, err) < 0 ||
	    read_posts(h, paths, &s, err) < 0 || read_programs(h, paths, &s, err) < 0)
		return -1;
	*out = s;
	s = (struct lists_standing){ 0 };
	return 0;
}
