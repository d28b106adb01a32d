/* SPDX-License-Identifier: BSD-2-Clause */

/* render_number -- each message keeps the number that it had. */

#include "lists/render_inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* An old page of a message; sorted by id, and there by number. */
struct known {
	const struct old_page *page;
	size_t row;
};

static int by_id(const void *x, const void *y)
{
	const struct old_page *a = ((const struct known *)x)->page,
			      *b = ((const struct known *)y)->page;
	int order = strcmp(a->id ? a->id : "", b->id ? b->id : "");

	return order                    ? order
	       : a->number != b->number ? (a->number < b->number ? -1 : 1)
	                                : strcmp(a->path, b->path);
}

static int by_number(const void *x, const void *y)
{
	const struct old_page *a = ((const struct known *)x)->page,
			      *b = ((const struct known *)y)->page;

	return a->number != b->number ? (a->number < b->number ? -1 : 1) : strcmp(a->path, b->path);
}

static void take_page(struct render_run *run, size_t message, const struct known *known)
{
	struct render_message *m = &run->messages[message];

	m->number = known->page->number;
	m->volume = render_volume_of(run, known->page->volume);
	m->as_before = true;
	run->old_used[known->row] = true;
}

/* The first page of that id that no message has yet: of several they are numbered as they came. */
static const struct known *find_id(const struct render_run *run, const struct known *rows, size_t n,
                                   const char *id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(rows[middle].page->id ? rows[middle].page->id : "", id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && rows[low].page->id && !strcmp(rows[low].page->id, id); low++)
		if (!run->old_used[rows[low].row])
			return &rows[low];
	return NULL;
}

/* A page with that number that is no message's yet, and says no Message-ID that came with mail. */
static const struct known *find_number(const struct render_run *run, const struct known *rows,
                                       size_t n, int64_t number)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle].page->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && rows[low].page->number == number; low++)
		if ((!rows[low].page->id || old_page_is_made(rows[low].page->id)) &&
		    !run->old_used[rows[low].row])
			return &rows[low];
	return NULL;
}

/* Messages from `from` up to `to`, of which none has a page: between two that have, the numbers tell. */
static void fill_gap(struct render_run *run, const struct known *rows, size_t n, size_t from,
                     size_t to)
{
	int64_t first = from ? run->messages[from - 1].number + 1 : 0;

	if (to < run->n && run->messages[to].number - first != (int64_t)(to - from))
		return;
	for (size_t i = from; i < to; i++) {
		const struct known *known = run->messages[i].id
		                                    ? NULL
		                                    : find_number(run, rows, n,
		                                                  first + (int64_t)(i - from));

		if (known)
			take_page(run, i, known);
	}
}

static void fill_gaps(struct render_run *run, const struct known *rows, size_t n)
{
	for (size_t i = 0; i < run->n;) {
		size_t from = i;

		while (i < run->n && !run->messages[i].as_before)
			i++;
		if (i > from)
			fill_gap(run, rows, n, from, i);
		while (i < run->n && run->messages[i].as_before)
			i++;
	}
}

void render_number(struct render_run *run)
{
	const struct old_pages *old = run->o->old;
	AUTO_FREE struct known *rows = xcalloc(old ? old->n + 1 : 1, sizeof *rows);
	int64_t next = 0;
	size_t n = 0;

	run->old_used = xcalloc(old ? old->n + 1 : 1, sizeof *run->old_used);
	for (size_t i = 0; old && i < old->n; i++) {
		if (old->rows[i].kind != OLD_PAGE_MESSAGE)
			continue;
		rows[n++] = (struct known){ &old->rows[i], i };
		next = old->rows[i].number >= next ? old->rows[i].number + 1 : next;
	}
	qsort(rows, n, sizeof *rows, by_id);
	for (size_t i = 0; i < run->n && n; i++) {
		const struct known *known = run->messages[i].id
		                                    ? find_id(run, rows, n, run->messages[i].id)
		                                    : NULL;

		if (known)
			take_page(run, i, known);
	}
	qsort(rows, n, sizeof *rows, by_number);
	if (n)
		fill_gaps(run, rows, n);
	for (size_t i = 0; i < run->n; i++) {
		run->r->as_before += run->messages[i].as_before;
		if (!run->messages[i].as_before)
			run->messages[i].number = next++;
	}
}
