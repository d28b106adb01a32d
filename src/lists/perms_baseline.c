/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char head[] = "# mailhaul lists perms 1\n";

static void add_owner(const struct lists_perms *p, const struct lists_perm_row *row,
                      struct buf *out)
{
	const struct system_user *u = system_user_numbered(&p->users, row->uid);
	const struct system_group *g = system_group_numbered(&p->users, row->gid);

	if (u)
		buf_add_printable(out, span_of(u->name));
	else
		buf_addf(out, "%u", row->uid);
	buf_add_char(out, ':');
	if (g)
		buf_add_printable(out, span_of(g->name));
	else
		buf_addf(out, "%u", row->gid);
}

/* "VARIABLE/PATH" without what ends a line, and what follows it. */
static void add_name(const struct lists_perm_row *row, struct buf *out)
{
	buf_addf(out, "%s/", lists_path_kinds[row->variable].name);
	buf_add_printable(out, span_of(row->below));
}

static void add_words(const struct lists_perms *p, const struct lists_perm_row *row,
                      struct buf *out)
{
	if (S_ISLNK(row->mode)) {
		buf_add_text(out, "link");
		return;
	}
	buf_addf(out, "%c%04o ",
	         S_ISDIR(row->mode)   ? 'd'
	         : S_ISREG(row->mode) ? '-'
	                              : '?',
	         row->mode & 07777);
	add_owner(p, row, out);
}

/* Of locks, and of files that come and go, nothing is to be held against. */
static bool is_kept(const struct lists_perm_row *row)
{
	bool queue = row->variable >= LISTS_QUEUE_DIR && row->variable <= LISTS_RETRYQUEUE_DIR;

	return row->variable != LISTS_LOCK_DIR && (!queue || S_ISDIR(row->mode));
}

void lists_perms_baseline(const struct lists_perms *p, struct buf *out)
{
	buf_add_text(out, head);
	for (size_t i = 0; i < p->n; i++) {
		if (!is_kept(&p->rows[i]))
			continue;
		add_words(p, &p->rows[i], out);
		buf_add_char(out, '\t');
		add_name(&p->rows[i], out);
		buf_add_char(out, '\n');
	}
}

/* A line of a baseline. */
struct line {
	struct span name, words;
};

static int order_of_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int order = n ? memcmp(x->name.p, y->name.p, n) : 0;

	return order ? order : x->name.n < y->name.n ? -1 : x->name.n > y->name.n;
}

struct lines {
	struct line *rows;
	size_t n, room;
};

static void lines_fini(struct lines *l)
{
	free(l->rows);
}
#define AUTO_LINES __attribute__((cleanup(lines_fini)))

static int parse(struct span text, struct lines *out, struct error *err)
{
	struct span line;

	if (!span_starts(text, head))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "it is no baseline of `mailhaul lists perms`");
	while (span_next_line(&text, &line)) {
		ssize_t tab = span_find(line, '\t');

		if (tab < 0)
			continue;
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = (struct line){ span_from(line, (size_t)tab + 1),
			                             { line.p, (size_t)tab } };
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, order_of_lines);
	return 0;
}

int lists_perms_compare(const struct lists_perms *p, struct span baseline, struct strings *out,
                        struct error *err)
{
	AUTO_LINES struct lines before = { 0 }, now = { 0 };
	AUTO_BUF struct buf text = { 0 };
	size_t i = 0, j = 0;

	lists_perms_baseline(p, &text);
	if (parse(baseline, &before, err) < 0 || parse(buf_span(&text), &now, err) < 0)
		return -1;
	while (i < before.n || j < now.n) {
		int order = i == before.n ? 1
		            : j == now.n  ? -1
		                          : order_of_lines(&before.rows[i], &now.rows[j]);
		const struct line *was = &before.rows[i], *is = &now.rows[j];

		if (order < 0)
			strings_addf(out, "gone     %.*s: was %.*s", (int)was->name.n, was->name.p,
			             (int)was->words.n, was->words.p);
		else if (order > 0)
			strings_addf(out, "new      %.*s: is %.*s", (int)is->name.n, is->name.p,
			             (int)is->words.n, is->words.p);
		else if (!span_equal(was->words, is->words))
			strings_addf(out, "differs  %.*s: was %.*s, is %.*s", (int)is->name.n,
			             is->name.p, (int)was->words.n, was->words.p, (int)is->words.n,
			             is->words.p);
		i += order <= 0;
		j += order >= 0;
	}
	return 0;
}
