/* SPDX-License-Identifier: BSD-2-Clause */

/* archive_rebuild_write -- what was planned comes onto the host, in the order that archive_rebuild.h names. */

#include "lists/archive_rebuild_inside.h"

#include "base/memory.h"
#include "lists/archive_rewrite.h"
#include "lists/carry_inside.h"
#include "lists/site.h"
#include "pickle/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PAGE_MAX (256u << 20)

static int put(struct archive_run *r, const char *path, const struct host_entry *like,
               const struct buf *content, struct error *err)
{
	return archive_put(r->o->h, r->state.dir, path, like, buf_span(content), err);
}

/* ── whose rights new files get ──────────────────────────────────────────────────────────────── */

const struct host_entry *archive_like_page(const struct archive_run *r)
{
	const struct host_listing *l = &r->state.files;
	struct span volume;
	int64_t number;

	for (size_t i = 0; i < l->n; i++)
		if (S_ISREG(l->rows[i].mode) && archive_page_of(l->rows[i].path, &volume, &number))
			return &l->rows[i];
	return lists_entry(l, "pipermail.pck");
}

static const struct host_entry *like_index(const struct archive_run *r)
{
	const struct host_listing *l = &r->state.files;

	for (size_t i = 0; i < l->n; i++)
		if (S_ISREG(l->rows[i].mode) && !strncmp(l->rows[i].path, "database/", 9))
			return &l->rows[i];
	return lists_entry(l, "pipermail.pck");
}

static const struct host_entry *like_dir(const struct archive_run *r)
{
	for (size_t i = 0; i < r->state.volumes.n; i++) {
		const struct host_entry *e = lists_entry(&r->state.files, r->state.volumes.rows[i]);

		if (e && S_ISDIR(e->mode))
			return e;
	}
	return &r->state.files.rows[0];
}

static int make_dir(struct archive_run *r, const char *name, struct error *err)
{
	const struct host_entry *like = like_dir(r);
	AUTO_FREE char *path = xasprintf("%s/%s", r->state.dir, name);

	return host_has(r->o->h, path)
	               ? 0
	               : host_mkdir(r->o->h, path, like->mode & 07777, like->uid, like->gid, err);
}

/* ── pipermail.pck ───────────────────────────────────────────────────────────────────────────── */

static int64_t date_of(const struct archive_run *r, const struct archive_volume *v)
{
	int64_t last = 0;

	for (size_t i = 0; i < r->incoming_n; i++)
		if (&r->touched[r->incoming[i].touched].volume == v &&
		    r->incoming[i].letter.date > last)
			last = r->incoming[i].letter.date;
	return last;
}

/* Newest first. */
static void add_volume(struct archive_run *r, const struct archive_volume *v)
{
	struct value dict = r->state.pck.rows[0], old = value_dict_find(dict, SPAN("archives"));
	struct value_arena *arena = r->state.pck.arena;
	struct value rows = value_new_items(arena, VALUE_LIST);
	struct value name = value_str(arena, span_of(v->name));
	int64_t date = date_of(r, v);
	bool done = false;

	for (size_t i = 0; i < value_count(old); i++) {
		int64_t theirs = i < r->state.volumes.n ? r->state.last_dates[i] : 0;

		if (!done && theirs && theirs < date) {
			value_add_item(arena, rows, name);
			done = true;
		}
		value_add_item(arena, rows, value_item(old, i));
	}
	if (!done)
		value_add_item(arena, rows, name);
	value_dict_set(arena, dict, value_str(arena, SPAN("archives")), rows);
}

static bool has_volume(const struct archive_run *r, const char *name)
{
	struct value all = value_dict_find(r->state.pck.rows[0], SPAN("archives"));
	struct span row;

	for (size_t i = 0; i < value_count(all); i++)
		if (value_get_chars(value_item(all, i), &row) && span_is(row, name))
			return true;
	return false;
}

static int write_pck(struct archive_run *r, struct error *err)
{
	struct value_arena *arena = r->state.pck.arena;
	AUTO_BUF struct buf out = { 0 };
	struct value again;
	size_t at = 0;

	if (!r->incoming_n)
		return 0;
	for (size_t i = 0; i < r->touched_n; i++)
		if (!has_volume(r, r->touched[i].volume.name))
			add_volume(r, &r->touched[i].volume);
	value_dict_set(arena, r->state.pck.rows[0], value_str(arena, SPAN("sequence")),
	               value_int(arena, r->next));
	if (pickle_write(r->state.pck.rows[0], 0, &out, err) < 0 ||
	    pickle_read(arena, value_arena_keep(arena, buf_span(&out)), &at,
	                &(struct read_limits){ 0 }, &again, err) < 0)
		return error_context(err, "pipermail.pck");
	if (!value_equal(again, r->state.pck.rows[0]))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "pipermail.pck: what was written is not what it had to be");
	return put(r, "pipermail.pck", lists_entry(&r->state.files, "pipermail.pck"), &out, err);
}

/* ── pages ───────────────────────────────────────────────────────────────────────────────────── */

static void find_neighbours(const struct archive_volume *v, struct archive_html_page *page)
{
	struct archive_row *rows = NULL;
	size_t n = archive_volume_order(v, ARCHIVE_THREAD, &rows);

	page->before = page->after = -1;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].number != page->number)
			continue;
		page->before = i ? rows[i - 1].number : -1;
		page->after = i + 1 < n ? rows[i + 1].number : -1;
	}
	free(rows);
}

static int write_new_pages(struct archive_run *r, struct error *err)
{
	for (size_t i = 0; i < r->touched_n; i++) {
		const char *name = r->touched[i].volume.name;
		AUTO_FREE char *index = xasprintf("%s/index.html", name);

		if (r->touched[i].volume.is_new &&
		    (make_dir(r, name, err) < 0 ||
		     archive_link(r->o->h, r->state.dir, index, "thread.html", archive_like_page(r),
		                  err) < 0))
			return error_context(err, "%s", name);
	}
	for (size_t i = 0; i < r->incoming_n; i++) {
		const struct archive_incoming *in = &r->incoming[i];
		const struct archive_volume *v = &r->touched[in->touched].volume;
		AUTO_FREE char *path = xasprintf("%s/%06lld.html", v->name, (long long)in->number);
		struct archive_html_page page = { .number = in->number,
			                          .list = r->state.real_name,
			                          .info = r->state.info,
			                          .address = r->state.address,
			                          .letter = &in->letter };
		AUTO_BUF struct buf out = { 0 };

		find_neighbours(v, &page);
		archive_html_message(&page, &out);
		if (put(r, path, archive_like_page(r), &out, err) < 0)
			return -1;
	}
	return 0;
}

/* "attachments/20260301/0123abcd" in what is withdrawn: a person has to look, for a reply quotes such too. */
static void tell_attachments(struct archive_run *r, const char *path, struct span page)
{
	ssize_t at;

	while ((at = span_find_text(page, "/attachments/")) >= 0) {
		page = span_from(page, (size_t)at + 1);
		if (page.n < 29 || page.p[20] != '/')
			continue;
		AUTO_FREE char *name = xstrndup(page.p, 29);
		carry_tell(&r->out->notes, path,
		           "named %s: take it away if it is that message's and no other's", name);
	}
}

static int write_withdrawn(struct archive_run *r, struct error *err)
{
	for (size_t i = 0; i < r->leaving_n; i++) {
		const struct archive_leaving *l = &r->leaving[i];
		AUTO_BUF struct buf page = { 0 }, before = { 0 };
		AUTO_FREE char *path = NULL, *full = NULL;
		struct error ignored = { 0 };

		if (l->number < 0)
			continue;
		path = xasprintf("%s/%06lld.html", r->touched[l->touched].volume.name,
		                 (long long)l->number);
		full = xasprintf("%s/%s", r->state.dir, path);
		if (host_read(r->o->h, full, PAGE_MAX, &before, &ignored) == 0)
			tell_attachments(r, path, buf_span(&before));
		archive_html_withdrawn(l->number, r->state.real_name, r->state.info, &page);
		if (put(r, path, archive_like_page(r), &page, err) < 0)
			return -1;
	}
	return 0;
}

/* ── links to what is withdrawn ──────────────────────────────────────────────────────────────── */

struct page {
	const char *path;
	struct buf content;
};
struct hiding {
	struct archive_run *r;
	size_t touched;
	struct strings paths;
	struct page *changed;
	size_t n, room;
};

static int take_page(void *context, size_t index, struct buf *content, const struct error *why,
                     struct error *err)
{
	struct hiding *h = context;
	struct archive_run *r = h->r;
	bool changed = false;

	if (!content) {
		carry_tell(&r->out->failed, h->paths.rows[index], "%s", why->text);
		return 0;
	}
	for (size_t i = 0; i < r->leaving_n; i++) {
		AUTO_BUF struct buf out = { 0 };

		if (r->leaving[i].touched != h->touched || r->leaving[i].number < 0 ||
		    !archive_html_hide_links(buf_span(content), r->leaving[i].number, &out))
			continue;
		buf_reset(content);
		buf_add_span(content, buf_span(&out));
		changed = true;
	}
	if (!changed)
		return 0;
	ARRAY_GROW(h->changed, h->n, h->room);
	h->changed[h->n++] = (struct page){ h->paths.rows[index], *content };
	*content = (struct buf){ 0 };
	return 0;
}

static int hide_links(struct archive_run *r, size_t touched, struct error *err)
{
	const char *name = r->touched[touched].volume.name;
	struct hiding h = { .r = r, .touched = touched };
	int result;

	for (size_t i = 0; i < r->state.files.n; i++) {
		struct span volume;
		int64_t number;

		if (archive_page_of(r->state.files.rows[i].path, &volume, &number) &&
		    S_ISREG(r->state.files.rows[i].mode) && span_is(volume, name))
			strings_add(&h.paths, r->state.files.rows[i].path);
	}
	result = carry_fetch(r->o->h, r->state.dir, (const char *const *)h.paths.rows, h.paths.n,
	                     take_page, &h, err);
	for (size_t i = 0; i < h.n; i++) {
		if (result == 0)
			result = put(r, h.changed[i].path, archive_like_page(r),
			             &h.changed[i].content, err);
		buf_fini(&h.changed[i].content);
	}
	free(h.changed);
	strings_fini(&h.paths);
	return result;
}

/* ── indexes ─────────────────────────────────────────────────────────────────────────────────── */

/* The date of a message for the top of an index page, or NULL: it has not changed. */
static const char *end_text(const struct archive_volume *v, int64_t number, int64_t before,
                            char out[64])
{
	for (size_t i = 0; i < v->n && number != before; i++) {
		uint64_t seconds;
		time_t at;
		struct tm tm;

		if (v->rows[i].number != number || !span_parse_u64(v->rows[i].date, &seconds))
			continue;
		at = (time_t)seconds;
		if (!gmtime_r(&at, &tm))
			return NULL;
		(void)strftime(out, 64, "%a %b %e %H:%M:%S UTC %Y", &tm);
		return out;
	}
	return NULL;
}

static int write_index(struct archive_run *r, const struct archive_touched *t,
                       enum archive_kind kind, const char *starting, const char *ending,
                       struct error *err)
{
	const struct archive_volume *v = &t->volume;
	AUTO_FREE char *path = xasprintf("%s/%s.html", v->name, archive_kind_name(kind));
	AUTO_FREE char *full = xasprintf("%s/%s", r->state.dir, path);
	AUTO_BUF struct buf page = { 0 }, out = { 0 };
	struct archive_row *rows = NULL;
	struct error why = { 0 };
	size_t n;
	bool good;

	if (host_read(r->o->h, full, PAGE_MAX, &page, &why) < 0) {
		if (why.sys_errno != ENOENT)
			return *err = why, -1;
		archive_html_new_index(kind, r->state.real_name, v->name, r->state.info, &page);
	}
	n = archive_volume_order(v, kind, &rows);
	good = archive_html_index(buf_span(&page), kind, rows, n, starting, ending, &out);
	free(rows);
	if (good)
		return put(r, path, archive_like_page(r), &out, err);
	carry_tell(
		&r->out->failed, path,
		"does not have pipermail's form, and is left: Mailman writes it anew, and right, "
		"at the next post of that volume");
	return 0;
}

static int write_indexes(struct archive_run *r, const struct archive_touched *t, struct error *err)
{
	struct archive_row *rows = NULL;
	size_t n = archive_volume_order(&t->volume, ARCHIVE_DATE, &rows);
	char first[64], last[64];
	const char *starting = n ? end_text(&t->volume, rows[0].number, t->first, first) : NULL;
	const char *ending = n ? end_text(&t->volume, rows[n - 1].number, t->last, last) : NULL;

	free(rows);
	for (unsigned kind = 0; kind < ARCHIVE_KINDS; kind++)
		if (write_index(r, t, kind, starting, ending, err) < 0)
			return -1;
	return 0;
}

static int write_database(struct archive_run *r, const struct archive_touched *t, struct error *err)
{
	for (unsigned file = 0; file < ARCHIVE_FILES; file++) {
		AUTO_FREE char *path = xasprintf("database/%s-%s", t->volume.name,
		                                 archive_file_name(file));
		AUTO_BUF struct buf out = { 0 };

		if (archive_volume_file(&t->volume, file, &out, err) < 0 ||
		    put(r, path, like_index(r), &out, err) < 0)
			return -1;
	}
	return 0;
}

static int write_contents(struct archive_run *r, const struct archive_volume *v, struct error *err)
{
	AUTO_FREE char *full = xasprintf("%s/index.html", r->state.dir);
	AUTO_BUF struct buf page = { 0 }, out = { 0 };

	if (!v->is_new)
		return 0;
	if (host_read(r->o->h, full, PAGE_MAX, &page, err) < 0)
		return err->sys_errno == ENOENT ? 0 : -1;
	AUTO_FREE char *link = xasprintf("\"%s/thread.html\"", v->name);
	if (span_find_text(buf_span(&page), link) >= 0)
		return 0;
	if (archive_html_contents(buf_span(&page), v->name, &out))
		return put(r, "index.html", archive_like_page(r), &out, err);
	carry_tell(&r->out->notes, "index.html",
	           "has no row for %s yet: Mailman writes it anew at the next post", v->name);
	return 0;
}

int archive_rebuild_write(struct archive_run *r, struct error *err)
{
	if (write_pck(r, err) < 0 || write_new_pages(r, err) < 0 || write_withdrawn(r, err) < 0 ||
	    archive_rebuild_mbox(r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->touched_n; i++) {
		struct archive_touched *t = &r->touched[i];

		if ((t->dropped.n && hide_links(r, i, err) < 0) ||
		    archive_rebuild_text(r, t, err) < 0 || write_indexes(r, t, err) < 0 ||
		    write_database(r, t, err) < 0 || write_contents(r, &t->volume, err) < 0)
			return error_context(err, "%s", t->volume.name);
	}
	return 0;
}
