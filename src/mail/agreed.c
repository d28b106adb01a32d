/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/agreed.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define FIXED 17u /* octets in front of the names: in_new and two inodes */
#define GONE 2    /* instead of in_new */

void mail_agreed_fini(struct mail_agreed *a)
{
	free(a->folder);
	free(a->rows);
	buf_fini(&a->text);
	buf_fini(&a->later);
	strings_fini(&a->gone);
	*a = (struct mail_agreed){ 0 };
}

static void put_u64(char *p, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (char)(value >> (8 * i));
}

static uint64_t get_u64(const char *p)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return value;
}

static void add(struct buf *to, char first, const struct mail_agreed_row *row)
{
	char *p = buf_room(to, FIXED);

	p[0] = first;
	put_u64(p + 1, row->old_inode);
	put_u64(p + 9, row->new_inode);
	buf_grown(to, FIXED);
	buf_add(to, row->base, strlen(row->base) + 1);
	buf_add(to, row->suffix, strlen(row->suffix) + 1);
}

void mail_agreed_add(struct mail_agreed *a, const struct mail_agreed_row *row)
{
	add(&a->text, (char)row->in_new, row);
}

void mail_agreed_add_later(struct mail_agreed *a, const struct mail_agreed_row *row)
{
	add(&a->later, (char)row->in_new, row);
}

void mail_agreed_add_gone(struct mail_agreed *a, const char *base)
{
	add(&a->later, GONE, &(struct mail_agreed_row){ .base = base, .suffix = "" });
}

/* Cuts a C string off; NULL: there is none. */
static const char *take_string(struct span *rest)
{
	const char *text = rest->p;
	const char *end = rest->n ? memchr(text, 0, rest->n) : NULL;

	if (!end)
		return NULL;
	*rest = span_from(*rest, (size_t)(end - text) + 1);
	return text;
}

/* Cuts a row off; false: malformed. */
static bool take_row(struct span *rest, struct mail_agreed_row *out, char *first)
{
	if (rest->n <= FIXED)
		return false;
	*first = rest->p[0];
	*out = (struct mail_agreed_row){ .in_new = *first == 1,
		                         .old_inode = get_u64(rest->p + 1),
		                         .new_inode = get_u64(rest->p + 9) };
	*rest = span_from(*rest, FIXED);
	out->base = take_string(rest);
	out->suffix = out->base ? take_string(rest) : NULL;
	return out->suffix != NULL;
}

struct later {
	struct mail_agreed_row *rows; /* owned */
	size_t n, room;
};

static int row_order(const void *a, const void *b)
{
	return strcmp(((const struct mail_agreed_row *)a)->base,
	              ((const struct mail_agreed_row *)b)->base);
}

/* Sorted; of those that are gone, `differs` is set. */
static bool read_later(const struct mail_agreed *a, struct later *out)
{
	struct span rest = buf_span(&a->later);
	char first;

	while (rest.n) {
		ARRAY_GROW(out->rows, out->n, out->room);
		if (!take_row(&rest, &out->rows[out->n], &first))
			return false;
		out->rows[out->n].is_later = true;
		out->rows[out->n++].differs = first == GONE;
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, row_order);
	for (size_t i = 1; i < out->n; i++)
		if (!row_order(&out->rows[i - 1], &out->rows[i]))
			return false;
	return true;
}

static void take_later(struct mail_agreed *a, const struct mail_agreed_row *row)
{
	if (row->differs) {
		strings_add(&a->gone, row->base);
		return;
	}
	ARRAY_GROW(a->rows, a->n, a->room);
	a->rows[a->n++] = *row;
}

static bool read_rows(struct mail_agreed *a, const struct later *later)
{
	struct span rest = buf_span(&a->text);
	const char *last = NULL;
	size_t at = 0;
	char first;

	while (rest.n) {
		struct mail_agreed_row row;
		int order = 1;

		if (!take_row(&rest, &row, &first) || (last && strcmp(last, row.base) >= 0))
			return false;
		last = row.base;
		while (at < later->n && (order = strcmp(later->rows[at].base, row.base)) < 0)
			take_later(a, &later->rows[at++]);
		if (at < later->n && order == 0) {
			take_later(a, &later->rows[at++]);
			continue;
		}
		ARRAY_GROW(a->rows, a->n, a->room);
		a->rows[a->n++] = row;
	}
	while (at < later->n)
		take_later(a, &later->rows[at++]);
	return true;
}

bool mail_agreed_read(struct mail_agreed *a)
{
	struct later later = { 0 };
	bool good;

	a->n = 0;
	strings_fini(&a->gone);
	good = read_later(a, &later) && read_rows(a, &later);
	free(later.rows);
	return good;
}

void mail_agreed_add_name(struct digest_state *d, struct span base, struct span suffix, bool in_new,
                          uint64_t inode)
{
	char fixed[9] = { (char)in_new };

	put_u64(fixed + 1, inode);
	digest_add(d, fixed, sizeof fixed);
	digest_add(d, base.p, base.n);
	digest_add(d, "", 1);
	digest_add(d, suffix.p, suffix.n);
	digest_add(d, "", 1);
}

bool mail_agreed_names(const struct mail_agreed *a, bool of_new, struct digest *out)
{
	struct digest_state state;

	digest_begin(&state);
	for (size_t i = 0; i < a->n; i++) {
		const struct mail_agreed_row *row = &a->rows[i];
		uint64_t inode = of_new ? row->new_inode : row->old_inode;

		if (!inode)
			return false;
		mail_agreed_add_name(&state, span_of(row->base), span_of(row->suffix), row->in_new,
		                     inode);
	}
	*out = digest_end(&state);
	return true;
}

static int by_base(const void *key, const void *row)
{
	return strcmp(key, ((const struct mail_agreed_row *)row)->base);
}

struct mail_agreed_row *mail_agreed_find(const struct mail_agreed *a, const char *base)
{
	return a->n ? bsearch(base, a->rows, a->n, sizeof *a->rows, by_base) : NULL;
}
