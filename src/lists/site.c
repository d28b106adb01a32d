/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/site.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/charset.h"
#include "lists/events.h"
#include "lists/queue.h"
#include "lists/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LISTS_DEPTH 3u

bool lists_is_unreached(const struct error *err)
{
	return err->retry == ERROR_RETRY_REACH;
}

int lists_file_parse(struct buf *octets, struct value_file *out, struct error *err)
{
	static const struct read_limits limits = { 0 };

	*out = (struct value_file){ 0 };
	return value_file_read(out, octets, &limits, err);
}

int lists_file_read(struct host *h, const char *path, struct value_file *out, struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };

	*out = (struct value_file){ 0 };
	if (host_read(h, path, LISTS_FILE_MAX, &octets, err) < 0)
		return -1;
	return lists_file_parse(&octets, out, err);
}

int lists_site_file(const struct lists_site *s, const char *path, struct value_file *out,
                    struct error *err)
{
	AUTO_BUF struct buf octets = { 0 };
	uint64_t size;

	*out = (struct value_file){ 0 };
	if (lists_ahead_part(s->ahead, s->h, path, 0, LISTS_FILE_MAX, &octets, &size, err) < 0)
		return -1;
	if (size > octets.n && octets.n == LISTS_FILE_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EFBIG,
		                 "%s is longer than %llu octets", path, LISTS_FILE_MAX);
	return lists_file_parse(&octets, out, err);
}

static int listing_of(struct lists_ahead *ahead, struct host *h, const char *path, unsigned depth,
                      struct host_listing *out, struct error *err)
{
	AUTO_FREE char *end = NULL;
	int is;

	if (lists_ahead_list(ahead, h, path, depth, out, err) < 0)
		return -1;
	if (!out->n || !S_ISLNK(out->rows[0].mode))
		return 0;
	is = lists_resolve(h, path, &end, NULL, err);
	if (is < 0)
		return -1;
	host_listing_fini(out);
	if (!is)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, ENOENT,
		                 "%s: a link that leads nowhere", path);
	return host_list(h, end, depth, out, err);
}

int lists_listing(struct host *h, const char *path, unsigned depth, struct host_listing *out,
                  struct error *err)
{
	return listing_of(NULL, h, path, depth, out, err);
}

int lists_site_listing(const struct lists_site *s, const char *path, unsigned depth,
                       struct host_listing *out, struct error *err)
{
	return listing_of(s->ahead, s->h, path, depth, out, err);
}

size_t lists_entry_at(const struct host_listing *l, const char *path)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->rows[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct host_entry *lists_entry(const struct host_listing *l, const char *path)
{
	size_t at = lists_entry_at(l, path);

	return at < l->n && strcmp(l->rows[at].path, path) == 0 ? &l->rows[at] : NULL;
}

bool lists_name_is_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("-+_.=", c))
			return false;
	}
	return name.n > 0 && name.p[0] != '.';
}

/* What makes a directory a list, in Mailman's own order. */
static const char *const configs[] = { "config.pck", "config.pck.last", "config.db",
	                               "config.db.last" };

static bool has_config(const struct lists_site *s, const char *name)
{
	for (size_t i = 0; i < ROWS(configs); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", name, configs[i]);

		if (lists_entry(&s->lists, path))
			return true;
	}
	return false;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct host_entry *)a)->path, ((const struct host_entry *)b)->path);
}

/* The directory of one list can be a link too: what is behind it is put where the link stands. */
static int follow_one(struct lists_site *s, size_t at, struct error *err)
{
	AUTO_FREE char *name = xstrdup(s->lists.rows[at].path);
	AUTO_FREE char *path = lists_paths_join(s->paths, LISTS_LIST_DATA_DIR, name);
	AUTO_LISTING struct host_listing l = { 0 };
	struct span who = span_of(name);

	if (lists_listing(s->h, path, LISTS_DEPTH - 1, &l, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		lists_findings_add(&s->findings, "LIST_DATA_DIR", &who, "%s", err->text);
		return 0;
	}
	for (size_t i = 0; i < l.n; i++) {
		struct host_entry *e = &l.rows[i];
		AUTO_FREE char *below = e->path;

		e->path = NULL;
		if (!*below) {
			s->lists.rows[at].mode = e->mode;
			continue;
		}
		ARRAY_GROW(s->lists.rows, s->lists.n, s->lists.room);
		s->lists.rows[s->lists.n] = *e;
		s->lists.rows[s->lists.n++].path = xasprintf("%s/%s", name, below);
		e->target = NULL;
	}
	return 0;
}

static int follow_links(struct lists_site *s, struct error *err)
{
	size_t n = s->lists.n;

	for (size_t i = 0; i < n; i++)
		if (S_ISLNK(s->lists.rows[i].mode) && !strchr(s->lists.rows[i].path, '/') &&
		    follow_one(s, i, err) < 0)
			return -1;
	if (s->lists.n > n)
		qsort(s->lists.rows, s->lists.n, sizeof *s->lists.rows, compare_entries);
	return 0;
}

static void find_names(struct lists_site *s)
{
	for (size_t i = 0; i < s->lists.n; i++) {
		const struct host_entry *e = &s->lists.rows[i];
		struct span name = span_of(e->path);

		if (!name.n || span_find(name, '/') >= 0 || S_ISREG(e->mode))
			continue;
		if (!has_config(s, e->path))
			lists_findings_add(&s->findings, "LIST_DATA_DIR", &name,
			                   "a directory without a config.pck is no list");
		else if (!lists_name_is_good(name))
			lists_findings_add(&s->findings, "LIST_DATA_DIR", &name,
			                   "Mailman takes no list of such a name");
		else
			strings_add(&s->names, e->path);
	}
	strings_sort(&s->names);
}

/* A directory that is not there is empty. */
static int list_one(struct lists_site *s, enum lists_path which, unsigned depth,
                    struct host_listing *out, struct error *err)
{
	const char *path = s->paths->value[which], *name = lists_path_kinds[which].name;

	if (path && lists_listing(s->h, path, depth, out, err) == 0)
		return 0;
	if (path && (lists_is_unreached(err) || which == LISTS_LIST_DATA_DIR))
		return error_context(err, "%s", name);
	if (!path && which == LISTS_LIST_DATA_DIR)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "it is not known where the lists are: LIST_DATA_DIR");
	lists_findings_add(&s->findings, name, NULL, "%s", path ? err->text : "is not known");
	return 0;
}

const char *lists_site_charset(const struct lists_site *s, struct span language,
                               int64_t data_version)
{
	return lists_settings_charset(s->settings, language, data_version);
}

int lists_site_read(struct lists_site *out, struct host *h, const struct lists_paths *paths,
                    const struct lists_settings *settings, bool queues, struct error *err)
{
	*out = (struct lists_site){ .h = h, .paths = paths, .settings = settings };
	if (list_one(out, LISTS_LIST_DATA_DIR, LISTS_DEPTH, &out->lists, err) < 0 ||
	    follow_links(out, err) < 0 || list_one(out, LISTS_DATA_DIR, 1, &out->data, err) < 0 ||
	    list_one(out, LISTS_PUBLIC_ARCHIVE_FILE_DIR, 1, &out->public_links, err) < 0)
		return -1;
	find_names(out);
	if (!queues)
		return 0;
	return lists_queue_read(out, err) < 0 ? -1 : lists_events_read(out, err);
}

void lists_site_fini(struct lists_site *s)
{
	for (size_t i = 0; i < s->queue_n; i++)
		lists_queued_fini(&s->queue[i]);
	free(s->queue);
	for (size_t i = 0; i < s->events_n; i++)
		lists_event_fini(&s->events[i]);
	free(s->events);
	lists_ahead_free(s->ahead);
	strings_fini(&s->names);
	host_listing_fini(&s->lists);
	host_listing_fini(&s->data);
	host_listing_fini(&s->public_links);
	lists_findings_fini(&s->findings);
	*s = (struct lists_site){ 0 };
}
