/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/entries.h"

#include "base/memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 32768u

void entries_fini(struct entries *e)
{
	free(e->rows);
	buf_fini(&e->text);
	*e = (struct entries){ 0 };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void take(struct entries *out, const struct dirent64 *d)
{
	if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
		return;
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++].type = d->d_type;
	buf_add(&out->text, d->d_name, strlen(d->d_name) + 1);
}

/* readdir(3) would do, with three more calls of the kernel for each directory and a buffer of its
 * own; where nothing has changed, those are most of what there is to do. */
int entries_read(int fd, struct entries *out)
{
	_Alignas(struct dirent64) char chunk[CHUNK];
	const char *name;
	ssize_t n;

	while ((n = getdents64(fd, chunk, sizeof chunk)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(chunk + at);

			take(out, d);
			at += d->d_reclen;
		}
	if (n < 0)
		return -1;
	/* only now do they stay where they are */
	name = buf_text(&out->text);
	for (size_t i = 0; i < out->n; i++, name += strlen(name) + 1)
		out->rows[i].name = name;
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, by_name);
	return 0;
}

bool entry_may_be_directory(const struct entry *e)
{
	return e->type == DT_DIR || e->type == DT_UNKNOWN;
}

const struct entry *entries_find(const struct entries *e, const char *name)
{
	const struct entry key = { .name = name };

	return e->n ? bsearch(&key, e->rows, e->n, sizeof key, by_name) : NULL;
}
