/* SPDX-License-Identifier: BSD-2-Clause */

/* rename_places -- every place whose content names a list or its hosts: a row each. */

#include "lists/rename_run.h"

#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "lists/settings.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ── what is looked through ──────────────────────────────────────────────────────────────────── */

/* Files of the archive, below its directory, by the old name and by the new one: killed in between, it
 * has that. */
int rename_find_archive(struct rename_run *r, struct error *err)
{
	const char *root = rename_root(r, LISTS_PRIVATE_ARCHIVE_FILE_DIR);
	const char *names[] = { r->words.list, r->words.list_to };

	for (size_t at = 0; root && at < (rename_has_new_name(r) ? 2u : 1u); at++) {
		AUTO_FREE char *dir = xasprintf("%s/%s", root, names[at]);
		AUTO_LISTING struct host_listing listing = { 0 };
		struct error why = { 0 };

		if (host_list(r->o->host, dir, 3, &listing, &why) < 0 && why.sys_errno != ENOENT) {
			*err = why;
			return -1;
		}
		for (size_t i = 0; i < listing.n; i++)
			if (S_ISREG(listing.rows[i].mode) &&
			    !span_starts(span_of(listing.rows[i].path), "attachments/"))
				strings_addf(&r->archive, "%s/%s", names[at], listing.rows[i].path);
	}
	strings_sort(&r->archive);
	return 0;
}

struct place;
/* Adds to g->paths. Errors: the host can't be reached. */
typedef int find_fn(struct rename_run *r, const struct place *p, struct rename_group *g,
                    struct error *err);

struct place {
	enum lists_path root;
	find_fn *find;
	const char *file; /* for `find` */
	rename_edit *edit;
	bool for_name; /* holds the list's name alone, and no host */
	bool keep_mtime, must_read;
};

/* ── archives ────────────────────────────────────────────────────────────────────────────────── */

static struct span last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return span_of(slash ? slash + 1 : path);
}

static bool is_number(struct span name, const char *end)
{
	uint64_t number;

	if (!span_ends(name, end))
		return false;
	name.n -= strlen(end);
	return span_parse_u64(name, &number);
}

static bool is_article_page(const struct rename_run *r, const char *path)
{
	return is_number(last_of(path), ".html");
}

static bool is_index_page(const struct rename_run *r, const char *path)
{
	return span_ends(span_of(path), ".html") && !is_number(last_of(path), ".html");
}

/* VOLUME.txt.gz is packed from VOLUME.txt by cron/nightly_gzip, if the text is the younger of them. */
static bool is_packed_beside(const struct rename_run *r, const char *path)
{
	AUTO_FREE char *packed = NULL;

	if (!span_ends(span_of(path), ".txt"))
		return false;
	packed = xasprintf("%s.gz", path);
	return strings_has(&r->archive, packed);
}

static bool is_text(const struct rename_run *r, const char *path)
{
	return span_ends(span_of(path), ".txt") && !is_packed_beside(r, path);
}

static bool is_article_index(const struct rename_run *r, const char *path)
{
	return strstr(path, "/database/") && span_ends(span_of(path), "-article");
}

static bool is_state(const struct rename_run *r, const char *path)
{
	return span_is(last_of(path), "pipermail.pck");
}

static int find_archived(struct rename_run *r, struct rename_group *g,
                         bool (*is)(const struct rename_run *r, const char *path))
{
	for (size_t i = 0; i < r->archive.n; i++)
		if (is(r, r->archive.rows[i]))
			strings_add(&g->paths, r->archive.rows[i]);
	return 0;
}

#define FIND_ARCHIVED(name, is)                                                                    \
	static int name(struct rename_run *r, const struct place *p, struct rename_group *g,       \
	                struct error *err)                                                         \
	{                                                                                          \
		return find_archived(r, g, is);                                                    \
	}
FIND_ARCHIVED(find_article_pages, is_article_page)
FIND_ARCHIVED(find_index_pages, is_index_page)
FIND_ARCHIVED(find_texts, is_text)
FIND_ARCHIVED(find_packed_beside, is_packed_beside)
FIND_ARCHIVED(find_article_indexes, is_article_index)
FIND_ARCHIVED(find_state, is_state)

static void tell_packed(struct rename_run *r)
{
	size_t beside = 0;

	for (size_t i = 0; i < r->archive.n; i++) {
		const char *path = r->archive.rows[i];
		AUTO_FREE char *text = NULL;

		beside += is_packed_beside(r, path);
		if (!span_ends(span_of(path), ".txt.gz"))
			continue;
		text = xstrndup(path, strlen(path) - strlen(".gz"));
		if (!strings_has(&r->archive, text))
			carry_tell(&r->out->notes, path,
			           "is packed, without the text beside it: not looked into");
	}
	if (beside)
		carry_tell(&r->out->notes, r->now,
		           "%zu texts of the archive stand packed beside: cron/nightly_gzip packs "
		           "what changed anew",
		           beside);
}

/* ── directories of lists ────────────────────────────────────────────────────────────────────── */

/* Files of the list, or of all others: named `file`; NULL: page templates, LANG/FILE. */
static int find_in_lists(struct rename_run *r, const char *file, bool of_others,
                         struct rename_group *g)
{
	g->of_others = of_others;
	for (size_t i = 0; i < r->lists.n; i++) {
		const struct host_entry *e = &r->lists.rows[i];
		struct span list = carry_first(e->path);
		const char *below = e->path + list.n + (e->path[list.n] == '/');
		const char *slash = strchr(below, '/');

		if (!S_ISREG(e->mode) || span_is(list, r->now) == of_others)
			continue;
		if (file ? !strcmp(below, file) : slash && slash == strrchr(below, '/'))
			strings_add(&g->paths, e->path);
	}
	return 0;
}

static int find_own(struct rename_run *r, const struct place *p, struct rename_group *g,
                    struct error *err)
{
	return find_in_lists(r, p->file, false, g);
}

static int find_others(struct rename_run *r, const struct place *p, struct rename_group *g,
                       struct error *err)
{
	return find_in_lists(r, p->file, true, g);
}

/* ── flat directories ────────────────────────────────────────────────────────────────────────── */

/* One whose root is not there is empty. */
static int find_flat(struct rename_run *r, const struct place *p, struct rename_group *g,
                     bool (*is)(const struct place *p, const char *name), struct error *err)
{
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error why = { 0 };

	if (host_list(r->o->host, g->root, 2, &listing, &why) < 0)
		return why.retry == ERROR_RETRY_REACH ? (*err = why, -1) : 0;
	for (size_t i = 0; i < listing.n; i++)
		if (S_ISREG(listing.rows[i].mode) && is(p, listing.rows[i].path))
			strings_add(&g->paths, listing.rows[i].path);
	return 0;
}

static bool is_entry(const struct place *p, const char *name)
{
	enum carry_entry is = carry_entry_of(name);

	return !strchr(name, '/') &&
	       (is == CARRY_ENTRY_WAITS || is == CARRY_ENTRY_IN_WORK || is == CARRY_ENTRY_KEPT);
}

static bool is_old_entry(const struct place *p, const char *name)
{
	return !strchr(name, '/') && carry_entry_of(name) == CARRY_ENTRY_OLD &&
	       span_ends(span_of(name), ".db");
}

static bool is_bounces(const struct place *p, const char *name)
{
	return !strchr(name, '/') && carry_data_of(name, NULL) == CARRY_DATA_BOUNCES;
}

static bool is_file(const struct place *p, const char *name)
{
	return strcmp(name, p->file) == 0;
}

static bool is_below(const struct place *p, const char *name)
{
	return span_starts(span_of(name), p->file);
}

#define FIND_FLAT(name, is)                                                                        \
	static int name(struct rename_run *r, const struct place *p, struct rename_group *g,       \
	                struct error *err)                                                         \
	{                                                                                          \
		return find_flat(r, p, g, is, err);                                                \
	}
FIND_FLAT(find_entries, is_entry)
FIND_FLAT(find_old_entries, is_old_entry)
FIND_FLAT(find_bounces, is_bounces)
FIND_FLAT(find_file, is_file)
FIND_FLAT(find_below, is_below)

/* ── all of them ─────────────────────────────────────────────────────────────────────────────── */

/* To add a place: a row. Queues are those of carry_parts. */
static const struct place places[] = {
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_article_pages, NULL, rename_article_page, false,
	  true, false },
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_index_pages, NULL, rename_index_page, false, true,
	  false },
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_texts, NULL, rename_plain, false, true, false },
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_packed_beside, NULL, rename_plain, false, false,
	  false },
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_article_indexes, NULL, rename_articles, true, true,
	  false },
	{ LISTS_PRIVATE_ARCHIVE_FILE_DIR, find_state, NULL, rename_archive_state, true, true,
	  false },
	{ LISTS_LIST_DATA_DIR, find_own, NULL, rename_plain, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_own, "request.pck", rename_requests, false, false, true },
	{ LISTS_LIST_DATA_DIR, find_own, "request.db", rename_requests, false, false, true },
	{ LISTS_LIST_DATA_DIR, find_own, "pending.pck", rename_pending, false, false, true },
	{ LISTS_LIST_DATA_DIR, find_own, "extend.py", rename_look, false, false, false },
	{ LISTS_DATA_DIR, find_file, "pending.pck", rename_pending, false, false, false },
	{ LISTS_DATA_DIR, find_bounces, NULL, rename_events, true, false, false },
	{ LISTS_TEMPLATE_DIR, find_below, "site/", rename_look, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_others, NULL, rename_plain, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_others, "request.pck", rename_requests, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_others, "pending.pck", rename_pending, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_others, "config.pck.last", rename_other_config, false, false,
	  false },
	{ LISTS_LIST_DATA_DIR, find_others, "config.pck", rename_other_config, false, false,
	  false },
};
/* The old names stand in these, so they come last. */
static const struct place last_places[] = {
	{ LISTS_LIST_DATA_DIR, find_own, "config.pck.last", rename_config, false, false, false },
	{ LISTS_LIST_DATA_DIR, find_own, "config.pck", rename_config, false, false, true },
};
static const struct place queue_places[] = {
	{ LISTS_QUEUE_DIR, find_entries, NULL, rename_entry, true, true, false },
	{ LISTS_QUEUE_DIR, find_old_entries, NULL, rename_old_entry, true, true, false },
};

static int edit_place(struct rename_run *r, const struct place *p, enum lists_path root,
                      struct error *err)
{
	struct rename_group g = { .root = rename_root(r, root),
		                  .edit = p->edit,
		                  .keep_mtime = p->keep_mtime,
		                  .must_read = p->must_read };
	int result;

	if (!g.root || (p->for_name && !rename_has_new_name(r)))
		return 0;
	result = p->find(r, p, &g, err);
	if (result == 0)
		result = rename_files(r, &g, err);
	strings_fini(&g.paths);
	return result;
}

int rename_edit_all(struct rename_run *r, struct error *err)
{
	tell_packed(r);
	for (size_t i = 0; i < ROWS(places); i++)
		if (edit_place(r, &places[i], places[i].root, err) < 0)
			return -1;
	for (unsigned i = 0; i < carry_parts_rows; i++)
		for (size_t at = 0; carry_parts[i].is_queue && at < ROWS(queue_places); at++)
			if (edit_place(r, &queue_places[at], carry_parts[i].path, err) < 0)
				return -1;
	return 0;
}

int rename_edit_last(struct rename_run *r, struct error *err)
{
	for (size_t i = 0; i < ROWS(last_places); i++)
		if (edit_place(r, &last_places[i], last_places[i].root, err) < 0)
			return -1;
	return 0;
}

/* ── what other programs read, and a person changes ──────────────────────────────────────────── */

static void tell_settings(struct rename_run *r)
{
	const char *site = lists_setting_text(r->o->site->settings, "MAILMAN_SITE_LIST");
	const char *file = r->o->site->settings_file;
	AUTO_BUF struct buf text = { 0 };
	struct error ignored = { 0 };

	if (file && host_read(r->o->host, file, LISTS_MODULE_MAX, &text, &ignored) == 0 &&
	    rename_mentions_host(&r->words, buf_span(&text)))
		carry_tell(&r->out->notes, file, "names an old host");
	if (strcmp(r->words.mail, r->words.mail_to) != 0 ||
	    strcmp(r->words.web, r->words.web_to) != 0)
		strings_addf(&r->out->notes,
		             "mm_cfg.py has to have add_virtualhost('%s', '%s'), else the next "
		             "fix_url undoes this",
		             r->words.web_to, r->words.mail_to);
	if (rename_has_new_name(r) && !strcmp(site ? site : "mailman", r->words.list))
		strings_addf(
			&r->out->notes,
			"mm_cfg.py has to have MAILMAN_SITE_LIST = '%s': without its site list "
			"no Mailman starts",
			r->words.list_to);
}

/* A lock that is held was refused before. */
static void tell_locks(struct rename_run *r)
{
	static const char *const ends[] = { ".lock", ".archiver.lock", "-arch.lock" };
	const char *root = rename_root(r, LISTS_LOCK_DIR);

	for (size_t i = 0; root && rename_has_new_name(r) && i < ROWS(ends); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s%s", root, r->words.list, ends[i]);

		if (host_has(r->o->host, path))
			carry_tell(&r->out->notes, path, "has run out, and may be removed");
	}
}

void rename_tell_rest(struct rename_run *r)
{
	strings_add(&r->out->notes,
	            "aliases of the MTA name the list and its host: `mailhaul lists "
	            "aliases` tells what they have to be");
	tell_settings(r);
	tell_locks(r);
}
