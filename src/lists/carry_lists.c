/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_lists -- which lists there are, which go, and whose archive is public. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/carry_names.h"
#include "lists/data_version.h"
#include "lists/resolve.h"
#include "pickle/read.h"
#include "state/mailing_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASIDE ".before-mailhaul"

/* Mailman takes the first that it can read. */
static const char *const configs[] = { "config.pck", "config.pck.last", "config.db",
	                               "config.db.last" };

static const char *const requests[] = { "request.pck", "request.db" };

/* ── the lists of old ────────────────────────────────────────────────────────────────────────── */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct carry_list *)a)->name, ((const struct carry_list *)b)->name);
}

struct carry_list *carry_list_named(const struct carry_run *r, struct span name)
{
	AUTO_FREE char *words = span_dup(name);
	const struct carry_list key = { .name = words };

	return r->lists_n ? bsearch(&key, r->lists, r->lists_n, sizeof *r->lists, by_name) : NULL;
}

bool carry_goes(const struct carry_run *r, struct span name)
{
	const struct carry_list *l = carry_list_named(r, name);

	if (l)
		return l->goes;
	for (size_t i = 0; i < r->opened.n; i++)
		if (span_is(name, r->opened.rows[i]))
			return false;
	return !r->o->lists || !r->o->lists->n;
}

static void add_list(struct carry_run *r, struct span name)
{
	struct carry_list *l;

	ARRAY_GROW(r->lists, r->lists_n, r->lists_room);
	l = &r->lists[r->lists_n++];
	*l = (struct carry_list){ .name = span_dup(name) };
	l->goes = (!r->o->lists || !r->o->lists->n || strings_has(r->o->lists, l->name)) &&
	          !strings_has(&r->opened, l->name);
	r->some = r->some || !l->goes;
}

static void add_file(struct carry_list *l, const char *file)
{
	for (size_t at = 0; at < ROWS(configs); at++)
		if (!strcmp(file, configs[at]))
			l->configs |= 1u << at;
	for (size_t at = 0; at < ROWS(requests); at++)
		if (!strcmp(file, requests[at]))
			l->requests |= 1u << at;
}

/* The config files of each list stand side by side in a sorted listing. */
static void add_lists(struct carry_run *r, const struct host_listing *listing)
{
	for (size_t i = 0; i < listing->n; i++) {
		const struct host_entry *e = &listing->rows[i];
		const struct span name = carry_first(e->path);
		const char *file = e->path + name.n + (e->path[name.n] == '/');

		if (!name.n)
			continue;
		for (size_t at = 0; at < ROWS(configs); at++)
			if (!strcmp(file, configs[at]) &&
			    (!r->lists_n || !span_is(name, r->lists[r->lists_n - 1].name)))
				add_list(r, name);
		if (r->lists_n && span_is(name, r->lists[r->lists_n - 1].name))
			add_file(&r->lists[r->lists_n - 1], file);
	}
}

/* A list on another disk. One that can't be followed is told of when its part goes. */
static int add_linked(struct carry_run *r, const char *root, const struct host_entry *e,
                      struct error *err)
{
	AUTO_LISTING struct host_listing below = { 0 };
	struct carry_link link = { 0 };
	struct carry_list found = { 0 };
	struct error why = { 0 };
	int result = carry_link_look(r, root, e, &link, err);

	if (result == 0 && link.is == CARRY_LINK_FOLLOWED &&
	    host_list(r->o->from, link.end, 1, &below, &why) < 0) {
		carry_tell(&r->out->failed, e->path, "%s", why.text);
		result = why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	}
	for (size_t i = 0; i < below.n; i++)
		add_file(&found, below.rows[i].path);
	if (result == 0 && found.configs) {
		add_list(r, span_of(e->path));
		r->lists[r->lists_n - 1].configs = found.configs;
		r->lists[r->lists_n - 1].requests = found.requests;
		r->lists[r->lists_n - 1].dir = TAKE(link.end);
	}
	carry_link_fini(&link);
	return result;
}

static int read_lists(struct carry_run *r, struct error *err)
{
	AUTO_LISTING struct host_listing listing = { 0 };
	AUTO_FREE char *root = NULL;
	const char *path = r->o->old->paths.value[LISTS_LIST_DATA_DIR];

	if (lists_resolve(r->o->from, path, &root, NULL, err) < 0 ||
	    host_list(r->o->from, root ? root : path, 2, &listing, err) < 0)
		return -1;
	add_lists(r, &listing);
	for (size_t i = 0; i < listing.n; i++)
		if (S_ISLNK(listing.rows[i].mode) && *listing.rows[i].path &&
		    !strchr(listing.rows[i].path, '/') &&
		    add_linked(r, root, &listing.rows[i], err) < 0)
			return -1;
	if (r->lists_n)
		qsort(r->lists, r->lists_n, sizeof *r->lists, by_name);
	return 0;
}

static int check_names(struct carry_run *r, struct error *err)
{
	for (size_t i = 0; i < r->lists_n; i++)
		if (!carry_list_name_is_good(span_of(r->lists[i].name)))
			carry_tell(
				&r->out->notes, r->lists[i].name,
				"Mailman does not see a list of that name; its files are carried");
	for (size_t i = 0; r->o->lists && i < r->o->lists->n; i++) {
		const char *name = r->o->lists->rows[i];

		if (!carry_list_named(r, span_of(name)))
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
			                 "host %s has no list %s in %s", host_name(r->o->from),
			                 name, r->o->old->paths.value[LISTS_LIST_DATA_DIR]);
		if (strings_has(&r->opened, name))
			carry_tell(&r->out->notes, name,
			           "it lives on new since it was opened, and is left alone");
	}
	return 0;
}

/* ── what their configurations say ───────────────────────────────────────────────────────────── */

struct asked {
	struct carry_run *r;
	size_t *rows; /* of r->lists, for each path */
};

/* "@LIST" and sibling lists work between lists of one host alone. */
static void look_at_references(struct carry_run *r, const struct carry_list *l, struct value config)
{
	static const char *const names[] = {
		"accept_these_nonmembers",  "hold_these_nonmembers",   "reject_these_nonmembers",
		"discard_these_nonmembers", "subscribe_auto_approval", "regular_include_lists",
		"regular_exclude_lists",
	};

	for (size_t i = 0; i < ROWS(names); i++) {
		struct value rows = value_dict_find(config, span_of(names[i]));

		for (size_t at = 0; at < value_count(rows); at++) {
			const struct carry_list *other;
			struct span text;
			ssize_t sign;

			if (!value_get_chars(value_item(rows, at), &text) ||
			    (sign = span_find(text, '@')) < 0)
				continue;
			/* "@LIST", or LIST@HOST of a sibling */
			if (sign == 0)
				text = span_from(text, 1);
			else
				text.n = (size_t)sign;
			other = carry_list_named(r, text);
			if (other && other->goes != l->goes)
				carry_tell(&r->out->notes, l->name,
				           "%s names %s, and one of the two goes without the other",
				           names[i], other->name);
		}
	}
}

static int take_config(void *context, size_t index, struct buf *content, const struct error *why,
                       struct error *err)
{
	struct asked *asked = context;
	struct carry_list *l = &asked->r->lists[asked->rows[index]];
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct error bad = { 0 };
	struct span text;
	int64_t private = 1;

	if (content && value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) < 0)
		why = &bad;
	if (!why && file.n && value_kind(file.rows[0]) == VALUE_DICT) {
		l->read = true;
		(void)value_get_int(value_dict_find(file.rows[0], SPAN("archive_private")),
		                    &private);
		l->is_public = private == 0;
		(void)value_get_int(value_dict_find(file.rows[0], SPAN("data_version")),
		                    &l->data_version);
		if (asked->r->some)
			look_at_references(asked->r, l, file.rows[0]);
		carry_look_at_charset(asked->r, l, file.rows[0]);
		if (value_get_chars(value_dict_find(file.rows[0], SPAN("host_name")), &text))
			l->host_name = span_dup(text);
		if (value_get_chars(value_dict_find(file.rows[0], SPAN("web_page_url")), &text))
			l->url = span_dup(text);
		return 0;
	}
	carry_tell(&asked->r->out->notes, l->config, "can't be read: %s; carried as it is",
	           why ? why->text : "it holds no dict");
	return 0;
}

/* Of each list that none could be read of yet, the next name. */
static int ask_configs(struct carry_run *r, unsigned rank, struct error *err)
{
	AUTO_FREE const char **paths = xcalloc(r->lists_n + 1, sizeof *paths);
	AUTO_FREE size_t *rows = xcalloc(r->lists_n + 1, sizeof *rows);
	struct asked asked = { r, rows };
	size_t n = 0;

	for (size_t i = 0; i < r->lists_n; i++) {
		struct carry_list *l = &r->lists[i];

		if (l->read || !(l->configs & 1u << rank))
			continue;
		free(l->config);
		l->config = xasprintf("%s/%s", l->name, configs[rank]);
		if (l->dir) {
			struct asked alone = { r, &i };

			if (carry_fetch(r->o->from, l->dir, &configs[rank], 1, take_config, &alone,
			                err) < 0)
				return -1;
			continue;
		}
		paths[n] = l->config;
		rows[n++] = i;
	}
	return carry_fetch(r->o->from, r->o->old->paths.value[LISTS_LIST_DATA_DIR], paths, n,
	                   take_config, &asked, err);
}

int carry_find_lists(struct carry_run *r, struct error *err)
{
	if (!r->o->entries &&
	    lists_data_version_read(r->o->to, r->o->new, &r->new_data_version, err) < 0)
		return -1;
	/* named lists come back just because they were opened */
	if ((!(r->o->back && r->o->lists) && carry_load_opened(r->o->state, &r->opened, err) < 0) ||
	    read_lists(r, err) < 0)
		return error_context(err, "look for lists");
	if (check_names(r, err) < 0)
		return -1;
	for (unsigned rank = 0; rank < ROWS(configs); rank++)
		if (ask_configs(r, rank, err) < 0)
			return -1;
	for (size_t i = 0; i < r->lists_n; i++) {
		r->out->lists += r->lists[i].goes;
		if (!r->lists[i].read)
			carry_tell(&r->out->notes, r->lists[i].name,
			           "no configuration can be read, so its archive is taken for "
			           "private");
	}
	carry_look_at_urls(r);
	return carry_look_at_versions(r, err);
}

void carry_lists_fini(struct carry_run *r)
{
	for (size_t i = 0; i < r->lists_n; i++) {
		free(r->lists[i].name);
		free(r->lists[i].config);
		free(r->lists[i].dir);
		free(r->lists[i].host_name);
		free(r->lists[i].url);
	}
	free(r->lists);
	strings_fini(&r->opened);
}

/* ── lists that new has already ──────────────────────────────────────────────────────────────── */

struct there {
	struct carry_run *r;
	struct strings names, paths;
	struct strings ends; /* of the directory, where the name is a link to one; else "" */
};

static int set_aside(struct carry_run *r, const char *name, struct error *err)
{
	const char *root = r->o->new->paths.value[LISTS_LIST_DATA_DIR];
	AUTO_FREE char *dir = xasprintf("%s" ASIDE, root);
	AUTO_FREE char *from = xasprintf("%s/%s", root, name);
	AUTO_FREE char *to = xasprintf("%s/%s", dir, name);

	carry_tell(&r->out->notes, name, "there was a list of that name; it is kept in %s", to);
	if (r->o->dry_run || r->verify)
		return 0;
	for (unsigned i = 2; host_has(r->o->to, to); i++) {
		free(to);
		to = xasprintf("%s/%s.%u", dir, name, i);
	}
	if (!host_has(r->o->to, dir) && host_mkdir(r->o->to, dir, 0700, 0, 0, err) < 0)
		return -1;
	return host_rename(r->o->to, from, to, err);
}

static size_t members_of(struct value config)
{
	const struct value regular = value_dict_find(config, SPAN("members"));
	const struct value digest = value_dict_find(config, SPAN("digest_members"));
	const struct value_pair *rows;

	/* in Mailman 2.0 they were lists */
	return value_dict_pairs(regular, &rows) + value_dict_pairs(digest, &rows) +
	       value_count(regular) + value_count(digest);
}

/* A list without members was made by the installation (the site list has to be there, or Mailman does
 * not start) or by a person who made ready for us. One with members is used. */
static int take_there(void *context, size_t index, struct buf *content, const struct error *why,
                      struct error *err)
{
	struct there *t = context;
	const char *name = t->names.rows[index];
	struct carry_list *l = carry_list_named(t->r, span_of(name));
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct error bad = { 0 };
	size_t members = 1;

	if (content && value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) == 0 &&
	    file.n)
		members = members_of(file.rows[0]);
	if (!l || !l->goes)
		return 0;
	if (!members || t->r->o->replace)
		return 0;
	l->goes = false;
	t->r->some = true;
	t->r->out->lists--;
	carry_tell(&t->r->out->failed, name,
	           "new has a list of that name with members, which nobody brought: it is left "
	           "alone, unless --replace is said");
	return 0;
}

/* One that lies on another disk of new is a list like the others. */
static int find_linked(struct there *t, const char *root, const char *name, struct error *err)
{
	const struct carry_list *l = carry_list_named(t->r, span_of(name));
	AUTO_FREE char *path = xasprintf("%s/%s", root, name), *end = NULL;

	if (!l || !l->goes)
		return 0;
	if (lists_resolve(t->r->o->to, path, &end, NULL, err) < 0)
		return -1;
	for (size_t at = 0; end && at < ROWS(configs); at++) {
		AUTO_FREE char *config = xasprintf("%s/%s", end, configs[at]);

		if (!host_has(t->r->o->to, config))
			continue;
		strings_add(&t->names, name);
		strings_add(&t->paths, configs[at]);
		strings_add(&t->ends, end);
		return 0;
	}
	return 0;
}

static int find_there(struct there *t, struct error *err)
{
	const char *root = t->r->o->new->paths.value[LISTS_LIST_DATA_DIR];
	AUTO_LISTING struct host_listing listing = { 0 };
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(t->r->o->state, &known, err) < 0)
		return -1;
	if (host_list(t->r->o->to, root, 2, &listing, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	for (size_t i = 0; i < listing.n; i++) {
		const char *path = listing.rows[i].path;
		AUTO_FREE char *name = span_dup(carry_first(path));
		const struct carry_list *l = carry_list_named(t->r, span_of(name));
		const char *file = path + strlen(name) + (path[strlen(name)] == '/');
		bool is_config = false;

		for (size_t at = 0; at < ROWS(configs); at++)
			is_config = is_config || !strcmp(file, configs[at]);
		if (!is_config || !l || !l->goes || strings_has(&t->names, name))
			continue;
		if (carry_has_come(&known, name))
			continue;
		strings_add(&t->names, name);
		strings_add(&t->paths, path);
		strings_add(&t->ends, "");
	}
	for (size_t i = 0; i < listing.n; i++)
		if (S_ISLNK(listing.rows[i].mode) && *listing.rows[i].path &&
		    !carry_has_come(&known, listing.rows[i].path) &&
		    find_linked(t, root, listing.rows[i].path, err) < 0)
			return -1;
	return 0;
}

static int make_way(struct there *t, struct error *err)
{
	const char *root = t->r->o->new->paths.value[LISTS_LIST_DATA_DIR];
	size_t plain = 0; /* those that are no links come first */

	if (find_there(t, err) < 0)
		return -1;
	while (plain < t->ends.n && !*t->ends.rows[plain])
		plain++;
	if (carry_fetch(t->r->o->to, root, (const char *const *)t->paths.rows, plain, take_there, t,
	                err) < 0)
		return -1;
	for (size_t i = plain; i < t->names.n; i++) {
		struct there one = { .r = t->r, .names = { &t->names.rows[i], 1, 0 } };

		if (carry_fetch(t->r->o->to, t->ends.rows[i],
		                (const char *const *)&t->paths.rows[i], 1, take_there, &one,
		                err) < 0)
			return -1;
	}
	for (size_t i = 0; i < t->names.n; i++) {
		const struct carry_list *l = carry_list_named(t->r, span_of(t->names.rows[i]));

		if (l && l->goes && set_aside(t->r, l->name, err) < 0)
			return -1;
	}
	return 0;
}

/* On the way back: old keeps each list as it was, beside what comes. */
static int keep_what_was(struct carry_run *r, struct error *err)
{
	for (size_t i = 0; i < r->lists_n; i++) {
		const struct carry_list *l = &r->lists[i];
		AUTO_FREE char *fact = xasprintf("lists.kept %s %s", r->o->back, l->name);
		AUTO_FREE char *there = lists_paths_join(&r->o->new->paths, LISTS_LIST_DATA_DIR,
		                                         l->name);
		AUTO_FREE char *kept = NULL;

		if (!l->goes || r->o->dry_run || r->verify)
			continue;
		if (state_get(r->o->state, fact, &kept, err) < 0)
			return -1;
		/* what stands there is what a pass that was broken off has brought */
		if (kept)
			continue;
		if (host_has(r->o->to, there) && set_aside(r, l->name, err) < 0)
			return -1;
		if (state_put(r->o->state, fact, "yes", err) < 0)
			return -1;
	}
	return 0;
}

int carry_make_way(struct carry_run *r, struct error *err)
{
	struct there t = { .r = r };
	int result;

	if (r->o->back)
		return keep_what_was(r, err);
	result = make_way(&t, err);

	strings_fini(&t.names);
	strings_fini(&t.paths);
	strings_fini(&t.ends);
	return result < 0 ? error_context(err, "look for lists on new") : 0;
}
