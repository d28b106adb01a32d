/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/log_files.h"

#include "base/memory.h"
#include "lists/gunzip.h"
#include "lists/site.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PART (2u << 20)  /* octets that are asked for at once */
#define BEGINS_MAX 4096u /* octets by which a file is known */

void lists_log_files_fini(struct lists_log_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->rows[i].path);
		buf_fini(&f->rows[i].begins);
		free(f->rows[i].problem);
	}
	free(f->rows);
	*f = (struct lists_log_files){ 0 };
}

const char *lists_log_name(enum lists_log log)
{
	static const char *const names[LISTS_LOGS] = {
		[LISTS_LOG_VETTE] = "vette",     [LISTS_LOG_POST] = "post",
		[LISTS_LOG_SMTP] = "smtp",       [LISTS_LOG_SMTP_FAILURE] = "smtp-failure",
		[LISTS_LOG_BOUNCE] = "bounce",   [LISTS_LOG_ERROR] = "error",
		[LISTS_LOG_QRUNNER] = "qrunner", [LISTS_LOG_LOCKS] = "locks",
	};

	return names[log];
}

/* ── which there are ─────────────────────────────────────────────────────────────────────────── */

/* NAME, or NAME with "." or "-" and a digit behind it. */
static bool is_part_of(struct span file, const char *name)
{
	struct span rest;

	if (!span_starts(file, name))
		return false;
	rest = span_from(file, strlen(name));
	return !rest.n || (rest.n > 1 && (rest.p[0] == '.' || rest.p[0] == '-') &&
	                   rest.p[1] >= '0' && rest.p[1] <= '9');
}

static enum lists_log_form form_of(struct span file)
{
	static const char *const foreign[] = {
		".bz2", ".xz", ".lzma", ".zst", ".lz4", ".Z", ".lz"
	};

	for (size_t i = 0; i < ROWS(foreign); i++)
		if (span_ends(file, foreign[i]))
			return LISTS_LOG_FOREIGN;
	return span_ends(file, ".gz") ? LISTS_LOG_GZIP : LISTS_LOG_PLAIN;
}

static int compare_files(const void *a, const void *b)
{
	const struct lists_log_file *x = a, *y = b;

	return x->mtime_ns != y->mtime_ns ? (x->mtime_ns > y->mtime_ns ? 1 : -1)
	                                  : strcmp(x->path, y->path);
}

static int read_begin(struct host *h, struct lists_log_file *f, struct error *err)
{
	struct error why = { 0 };
	uint64_t size;

	if (host_read_part(h, f->path, 0, BEGINS_MAX, &f->begins, &size, &why) == 0) {
		f->size = size;
		return 0;
	}
	if (lists_is_unreached(&why))
		return *err = why, -1;
	f->problem = xstrdup(why.text);
	return 0;
}

int lists_log_files_find(struct host *h, const char *dir, const char *name,
                         struct lists_log_files *out, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (lists_listing(h, dir, 2, &l, err) < 0)
		return lists_is_unreached(err) ? -1 : 0;
	for (size_t i = 0; i < l.n; i++) {
		struct span file = span_of(l.rows[i].path);

		if (S_ISDIR(l.rows[i].mode))
			continue;
		if (span_starts(file, "before-move/"))
			file = span_from(file, strlen("before-move/"));
		if (!is_part_of(file, name))
			continue;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = (struct lists_log_file){
			.path = xasprintf("%s/%s", dir, l.rows[i].path),
			.size = l.rows[i].size,
			.mtime_ns = l.rows[i].mtime_ns,
			.form = form_of(file),
		};
		if (read_begin(h, &out->rows[out->n - 1], err) < 0)
			return -1;
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, compare_files);
	return 0;
}

/* One begins as the other, which is as long or longer: a log only grows. */
static bool is_same(const struct lists_log_file *a, const struct lists_log_file *b)
{
	size_t n = a->begins.n < b->begins.n ? a->begins.n : b->begins.n;

	return n && a->form == b->form && !memcmp(a->begins.p, b->begins.p, n) &&
	       (n == BEGINS_MAX || n == a->size || n == b->size);
}

static void match(struct lists_log_file *x, struct lists_log_file *y)
{
	if (x == y || x->same || y->same || !is_same(x, y))
		return;
	if (x->size >= y->size)
		y->same = x->path;
	else
		x->same = y->path;
}

void lists_log_files_match(struct lists_log_files *hosts, size_t n)
{
	for (size_t a = 0; a < n; a++)
		for (size_t b = a; b < n; b++)
			for (size_t i = 0; i < hosts[a].n; i++)
				for (size_t j = 0; j < hosts[b].n; j++)
					match(&hosts[a].rows[i], &hosts[b].rows[j]);
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

struct source {
	struct host *h;
	const char *path;
	uint64_t offset;
	struct buf part;
};

static int next_part(void *context, struct span *octets, struct error *err)
{
	struct source *s = context;
	uint64_t size;

	if (host_read_part(s->h, s->path, s->offset, PART, &s->part, &size, err) < 0)
		return -1;
	s->offset += s->part.n;
	*octets = buf_span(&s->part);
	return 0;
}

static int read_plain(struct source *s, lists_log_octets_fn *call, void *context, struct error *err)
{
	struct span octets;

	for (;;) {
		if (next_part(s, &octets, err) < 0)
			return -1;
		if (!octets.n)
			return 0;
		call(context, octets);
	}
}

int lists_log_file_octets(struct host *h, struct lists_log_file *f, lists_log_octets_fn *call,
                          void *context, struct error *err)
{
	struct source s = { .h = h, .path = f->path };
	struct error why = { 0 };
	int result;

	if (f->form == LISTS_LOG_FOREIGN) {
		if (!f->problem)
			f->problem = xstrdup("is packed by a program that is not known here");
		return 0;
	}
	if (f->form == LISTS_LOG_GZIP)
		result = lists_gunzip(next_part, &s, call, context, &why);
	else
		result = read_plain(&s, call, context, &why);
	buf_fini(&s.part);
	if (result < 0 && lists_is_unreached(&why))
		return *err = why, -1;
	if (result < 0 && !f->problem)
		f->problem = xstrdup(why.text);
	return 0;
}

struct lines {
	struct buf rest; /* one that is not whole */
	uint64_t taken;  /* octets before it */
	lists_log_line_fn *call;
	void *context;
};

static void cut_lines(void *context, struct span octets)
{
	struct lines *l = context;
	struct span all = octets;
	bool kept = l->rest.n > 0;

	if (kept) {
		buf_add_span(&l->rest, octets);
		all = buf_span(&l->rest);
	}
	while (all.n) {
		const char *end = memchr(all.p, '\n', all.n);
		size_t n = end ? (size_t)(end - all.p) + 1 : all.n;

		if (!end && n < LISTS_LOG_LINE_MAX)
			break;
		if (end)
			l->call(l->context, (struct span){ all.p, n - 1 }, l->taken, true);
		l->taken += n;
		all = span_from(all, n);
	}
	if (kept)
		buf_drop_front(&l->rest, l->rest.n - all.n);
	else
		buf_add_span(&l->rest, all);
}

int lists_log_file_lines(struct host *h, struct lists_log_file *f, lists_log_line_fn *call,
                         void *context, struct error *err)
{
	struct lines l = { .call = call, .context = context };
	int result = lists_log_file_octets(h, f, cut_lines, &l, err);

	if (result == 0 && l.rest.n)
		call(context, buf_span(&l.rest), l.taken, false);
	buf_fini(&l.rest);
	return result;
}

struct records {
	struct lists_log_reader reader;
	lists_log_record_fn *call;
	void *context;
};

static void take_octets(void *context, struct span octets)
{
	struct records *r = context;

	lists_log_feed(&r->reader, octets, r->call, r->context);
}

int lists_log_file_records(struct host *h, struct lists_log_file *f, lists_log_record_fn *call,
                           void *context, struct error *err)
{
	struct records r = { .call = call, .context = context };
	int result = lists_log_file_octets(h, f, take_octets, &r, err);

	lists_log_end(&r.reader, call, context);
	lists_log_reader_fini(&r.reader);
	return result;
}
