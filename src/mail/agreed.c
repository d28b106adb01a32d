/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/agreed.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define FIXED 17u /* octets in front of the names: in_new and two inodes */

void mail_agreed_fini(struct mail_agreed *a)
{
	free(a->folder);
	free(a->rows);
	buf_fini(&a->text);
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

void mail_agreed_add(struct mail_agreed *a, const struct mail_agreed_row *row)
{
	char *p = buf_room(&a->text, FIXED);

	p[0] = (char)row->in_new;
	put_u64(p + 1, row->old_inode);
	put_u64(p + 9, row->new_inode);
	buf_grown(&a->text, FIXED);
	buf_add(&a->text, row->base, strlen(row->base) + 1);
	buf_add(&a->text, row->suffix, strlen(row->suffix) + 1);
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

bool mail_agreed_read(struct mail_agreed *a)
{
	struct span rest = buf_span(&a->text);

	a->n = 0;
	while (rest.n) {
		struct mail_agreed_row row;

		if (rest.n <= FIXED)
			return false;
		row = (struct mail_agreed_row){ .in_new = rest.p[0] != 0,
			                        .old_inode = get_u64(rest.p + 1),
			                        .new_inode = get_u64(rest.p + 9) };
		rest = span_from(rest, FIXED);
		row.base = take_string(&rest);
		row.suffix = row.base ? take_string(&rest) : NULL;
		if (!row.suffix || (a->n && strcmp(a->rows[a->n - 1].base, row.base) >= 0))
			return false;
		ARRAY_GROW(a->rows, a->n, a->room);
		a->rows[a->n++] = row;
	}
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
