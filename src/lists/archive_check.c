/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_check.h"

#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/site.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void archive_check_fini(struct archive_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->urls[i].path);
	free(c->urls);
	strings_fini(&c->not_in_mbox);
	strings_fini(&c->no_page);
	strings_fini(&c->twice);
	strings_fini(&c->numbers);
	strings_fini(&c->troubles);
	*c = (struct archive_check){ 0 };
}

bool archive_check_has_findings(const struct archive_check *c)
{
	return c->unindexed || c->lost || c->not_in_mbox.n || c->no_page.n || c->twice.n ||
	       c->troubles.n;
}

const char *archive_page_state_name(enum archive_page_state state)
{
	static const char *const names[] = {
		[ARCHIVE_PAGE_KEPT] = "kept",
		[ARCHIVE_PAGE_WITHDRAWN] = "withdrawn",
		[ARCHIVE_PAGE_UNINDEXED] = "kept, in no index",
		[ARCHIVE_PAGE_LOST] = "lost",
		[ARCHIVE_PAGE_NEW] = "new",
	};

	return names[state];
}

static void add_url(struct archive_check *c, const char *path, enum archive_page_state state)
{
	ARRAY_GROW(c->urls, c->n, c->room);
	c->urls[c->n++] = (struct archive_url){ xstrdup(path), state };
	c->kept += state == ARCHIVE_PAGE_KEPT;
	c->withdrawn += state == ARCHIVE_PAGE_WITHDRAWN;
	c->unindexed += state == ARCHIVE_PAGE_UNINDEXED;
	c->lost += state == ARCHIVE_PAGE_LOST;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct archive_url *)a)->path, ((const struct archive_url *)b)->path);
}

/* ── pages and indexes ───────────────────────────────────────────────────────────────────────── */

struct looking {
	struct archive_check *out;
	const struct strings *paths;
};

/* A page that no index has: one that we put there, or one that pipermail has forgotten. */
static int take_page(void *context, size_t index, struct buf *content, const struct error *why,
                     struct error *err)
{
	struct looking *l = context;
	const char *path = l->paths->rows[index];

	if (!content)
		carry_tell(&l->out->troubles, path, "%s", why->text);
	add_url(l->out, path,
	        content && span_find_text(buf_span(content), ARCHIVE_WITHDRAWN) >= 0
	                ? ARCHIVE_PAGE_WITHDRAWN
	                : ARCHIVE_PAGE_UNINDEXED);
	return 0;
}

static int check_pages(const struct archive_state *s, struct archive_check *out, struct error *err)
{
	AUTO_STRINGS struct strings indexed = { 0 }, alone = { 0 };
	struct looking l = { out, &alone };

	for (size_t i = 0; i < s->known_n; i++) {
		AUTO_FREE char *path = xasprintf("%s/%06lld.html",
		                                 s->volumes.rows[s->known[i].volume],
		                                 (long long)s->known[i].number);
		const struct host_entry *e = lists_entry(&s->files, path);
		AUTO_FREE char *id = xasprintf("<%s>", s->known[i].id);

		strings_add(&indexed, path);
		add_url(out, path, e ? ARCHIVE_PAGE_KEPT : ARCHIVE_PAGE_LOST);
		if (!archive_ids_have(&s->mbox_ids, id))
			strings_addf(&out->not_in_mbox, "%s %s", path, id);
	}
	strings_sort(&indexed);
	for (size_t i = 0; i < s->files.n; i++) {
		struct span volume;
		int64_t number;

		if (S_ISREG(s->files.rows[i].mode) &&
		    archive_page_of(s->files.rows[i].path, &volume, &number) &&
		    !archive_ids_have(&indexed, s->files.rows[i].path))
			strings_add(&alone, s->files.rows[i].path);
	}
	return carry_fetch(s->h, s->dir, (const char *const *)alone.rows, alone.n, take_page, &l,
	                   err);
}

/* ── the mbox ────────────────────────────────────────────────────────────────────────────────── */

static void check_mbox(const struct archive_state *s, struct archive_check *out)
{
	for (size_t i = 0; i < s->mbox_ids.n; i++) {
		const char *id = s->mbox_ids.rows[i];
		AUTO_FREE char *bare = NULL;

		if (i && !strcmp(id, s->mbox_ids.rows[i - 1])) {
			if (!out->twice.n || strcmp(out->twice.rows[out->twice.n - 1], id) != 0)
				strings_add(&out->twice, id);
			continue;
		}
		bare = xstrndup(id + (*id == '<'), strcspn(id + (*id == '<'), ">"));
		if (!archive_state_find(s, bare))
			strings_add(&out->no_page, id);
	}
	if (s->mbox_without_id)
		strings_addf(&out->troubles,
		             "%s: %llu messages without a Message-ID: whether they have a page is "
		             "not known",
		             s->mbox_name, (unsigned long long)s->mbox_without_id);
}

struct numbered {
	int64_t number;
	const char *path;
};

static int by_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number ? 1 : strcmp(x->path, y->path);
}

static void check_numbers(const struct archive_state *s, struct archive_check *out)
{
	AUTO_FREE struct numbered *rows = xcalloc(out->n + 1, sizeof *rows);
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		struct span volume;

		rows[n].path = out->urls[i].path;
		n += archive_page_of(out->urls[i].path, &volume, &rows[n].number);
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_number);
	for (size_t i = 1; i < n; i++)
		if (rows[i].number == rows[i - 1].number &&
		    strcmp(rows[i].path, rows[i - 1].path) != 0)
			strings_addf(&out->numbers, "%s, %s", rows[i - 1].path, rows[i].path);
	if (n && s->sequence <= rows[n - 1].number)
		strings_addf(&out->troubles,
		             "pipermail.pck: the next message is number %lld, and there is a page "
		             "%lld: it would be overwritten",
		             (long long)s->sequence, (long long)rows[n - 1].number);
}

int archive_check(const struct archive_state *s, struct archive_check *out, struct error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->troubles.n; i++)
		strings_add(&out->troubles, s->troubles.rows[i]);
	if (check_pages(s, out, err) < 0)
		return -1;
	if (out->n)
		qsort(out->urls, out->n, sizeof *out->urls, by_path);
	/* two messages of one number in one volume have one page */
	for (size_t i = 0; i < out->n; i++) {
		if (kept && !strcmp(out->urls[i].path, out->urls[kept - 1].path))
			free(out->urls[i].path);
		else
			out->urls[kept++] = out->urls[i];
	}
	out->n = kept;
	check_mbox(s, out);
	check_numbers(s, out);
	return 0;
}

void archive_check_map(const struct archive_check *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct archive_url *u = &c->urls[i];

		buf_addf(out, "%s\t%s\t%s\n", u->state == ARCHIVE_PAGE_NEW ? "-" : u->path,
		         u->state == ARCHIVE_PAGE_LOST ? "-" : u->path,
		         archive_page_state_name(u->state));
	}
}
