/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * rename_templates -- TEMPLATE_DIR/HOST: the pages of all lists of a mail host, found by that host's name.
 *
 * A list that leaves the host gets them below its new one; when it was the last of them, the old
 * directory goes. What the new host has already in other words stays, on both sides, and is told.
 */

#include "lists/rename_run.h"

#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "pickle/read.h"
#include "remote/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define TEMPLATE_MAX (16u << 20)
#define FILES_MAX 10000u

struct moving {
	struct rename_run *r;
	char *from, *to;             /* owned; directories */
	struct host_listing listing; /* of `from` */
	bool is_used;                /* by other lists, which stay */
	size_t unread;               /* configurations */
	struct strings done;         /* what may go from `from`: files, then directories */
	size_t kept;                 /* files that stay there */
};

/* ── who else has that host ──────────────────────────────────────────────────────────────────── */

static int take_config(void *context, size_t index, struct buf *content, const struct error *why,
                       struct error *err)
{
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct moving *m = context;
	struct error bad = { 0 };
	struct span host;

	if (content && value_file_read(&file, content, NULL, &bad) == 0 &&
	    value_get_chars(value_dict_find(file.rows[0], SPAN("host_name")), &host))
		m->is_used = m->is_used || span_is(host, m->r->mail);
	else
		m->unread++;
	return 0;
}

/* By what each other list has, or had: a configuration that can't be read has one beside it, mostly. Where
 * there are more of the former, nobody knows, and the pages stay. */
static int look_who(struct moving *m, struct error *err)
{
	AUTO_STRINGS struct strings configs = { 0 };
	const struct rename_run *r = m->r;
	size_t beside = 0;

	for (size_t i = 0; i < r->lists.n; i++) {
		struct span path = span_of(r->lists.rows[i].path);
		bool last = span_ends(path, "/config.pck.last");

		if ((!last && !span_ends(path, "/config.pck")) ||
		    span_is(carry_first(r->lists.rows[i].path), r->now))
			continue;
		strings_add(&configs, r->lists.rows[i].path);
		beside += last;
	}
	if (carry_fetch(r->o->host, rename_root(r, LISTS_LIST_DATA_DIR),
	                (const char *const *)configs.rows, configs.n, take_config, m, err) < 0)
		return -1;
	m->is_used = m->is_used || m->unread > beside;
	return 0;
}

/* ── there ───────────────────────────────────────────────────────────────────────────────────── */

static int make_dir(struct moving *m, const struct host_entry *e, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s%s%s", m->to, *e->path ? "/" : "", e->path);

	if (m->r->o->dry_run || host_has(m->r->o->host, path))
		return 0;
	return host_mkdir(m->r->o->host, path, e->mode & 07777, e->uid, e->gid, err);
}

/* 1: it is there as it has to be; 0: in other words; -1. */
static int bring(struct moving *m, const struct host_entry *e, const char *to, struct buf *page,
                 struct error *err)
{
	struct host *h = m->r->o->host;
	struct rename_diff told = { 0 };
	AUTO_BUF struct buf there = { 0 };
	struct error why = { 0 };

	(void)!rename_plain(&m->r->words, page, &told, &why);
	rename_diff_fini(&told);
	if (host_read(h, to, TEMPLATE_MAX, &there, &why) == 0)
		return span_equal(buf_span(&there), buf_span(page));
	if (why.sys_errno != ENOENT)
		return *err = why, -1;
	if (!m->r->o->dry_run &&
	    host_write(h, to, e->mode & 07777, e->uid, e->gid, buf_span(page), err) < 0)
		return -1;
	return 1;
}

static int move_file(struct moving *m, const struct host_entry *e, struct error *err)
{
	AUTO_FREE char *from = xasprintf("%s/%s", m->from, e->path);
	AUTO_FREE char *to = xasprintf("%s/%s", m->to, e->path);
	AUTO_BUF struct buf page = { 0 };
	int is = 0;

	if (S_ISREG(e->mode)) {
		if (host_read(m->r->o->host, from, TEMPLATE_MAX, &page, err) < 0)
			return -1;
		is = bring(m, e, to, &page, err);
	}
	if (is < 0)
		return -1;
	if (is)
		strings_add(&m->done, e->path);
	else
		carry_tell(&m->r->out->notes, from,
		           S_ISREG(e->mode) ? "%s is another page: both stay"
		                            : "is no plain file, and stays: %s would be it",
		           to);
	m->kept += !is;
	return 0;
}

/* ── and away ────────────────────────────────────────────────────────────────────────────────── */

static void remove_failed(void *context, uint64_t id, const struct error *why)
{
	struct moving *m = context;

	carry_tell(&m->r->out->failed, m->from, "%s", why->text);
}

static void remove_noted(void *context, uint64_t id, const char *words)
{
}

static int remove_old(struct moving *m, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(
		m->r->o->host, rename_root(m->r, LISTS_TEMPLATE_DIR));
	const struct tree_outcome outcome = { m, remove_failed, remove_noted };
	uint64_t done;

	/* directories stand before what is in them */
	for (size_t i = m->listing.n; !m->kept && i-- > 0;)
		if (S_ISDIR(m->listing.rows[i].mode))
			strings_add(&m->done, m->listing.rows[i].path);
	for (size_t i = 0; i < m->done.n; i++) {
		AUTO_FREE char *path = xasprintf("%s%s%s", m->r->mail, *m->done.rows[i] ? "/" : "",
		                                 m->done.rows[i]);

		if (tree_write_remove(w, i, path, false, err) < 0)
			return -1;
	}
	return tree_write_commit(w, &outcome, &done, err);
}

static int move_all(struct moving *m, struct error *err)
{
	for (size_t i = 0; i < m->listing.n; i++) {
		const struct host_entry *e = &m->listing.rows[i];

		if ((S_ISDIR(e->mode) ? make_dir(m, e, err) : move_file(m, e, err)) < 0)
			return -1;
	}
	strings_addf(&m->r->out->moves, "%s -> %s%s", m->from, m->to,
	             m->is_used || m->kept ? " (a copy)" : "");
	return m->r->o->dry_run || m->is_used || !m->done.n ? 0 : remove_old(m, err);
}

int rename_move_templates(struct rename_run *r, struct error *err)
{
	const char *root = rename_root(r, LISTS_TEMPLATE_DIR);
	struct moving m = { .r = r };
	struct error why = { 0 };
	int result = 0;

	/* beside hosts there are languages, and "site"; and no host leads elsewhere */
	if (!root || !strcmp(r->mail, r->words.mail_to) || carry_is_language(r->mail) ||
	    !strcmp(r->mail, "site") || !rename_is_host_name(r->mail))
		return 0;
	m.from = xasprintf("%s/%s", root, r->mail);
	m.to = xasprintf("%s/%s", root, r->words.mail_to);
	if (host_list(r->o->host, m.from, 3, &m.listing, &why) < 0) {
		if (why.sys_errno != ENOENT) {
			*err = why;
			result = -1;
		}
	} else if (m.listing.n > FILES_MAX) {
		carry_tell(&r->out->notes, m.from, "holds more files than pages, and stays");
	} else {
		result = look_who(&m, err) < 0 || move_all(&m, err) < 0 ? -1 : 0;
	}
	host_listing_fini(&m.listing);
	strings_fini(&m.done);
	free(m.from);
	free(m.to);
	return result;
}
