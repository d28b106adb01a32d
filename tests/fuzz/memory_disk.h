/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* memory_disk -- a spool's folder for fuzz targets: a few files in memory that can only be read. */

#include "spool/disk.h"
#include "spool/record.h"

#include <errno.h>
#include <string.h>

#define MEMORY_FILES 4

struct memory_disk {
	struct spool_disk table; /* first */
	struct memory_file {
		char name[SEGMENT_NAME_SIZE];
		const char *p; /* borrowed */
		size_t n;
	} files[MEMORY_FILES];
	size_t files_n;
};

static int memory_open(struct spool_disk *d, const char *name, int flags)
{
	const struct memory_disk *m = (struct memory_disk *)d;

	for (size_t i = 0; i < m->files_n; i++)
		if (!strcmp(m->files[i].name, name))
			return (int)i;
	errno = ENOENT;
	return -1;
}

static void memory_close(struct spool_disk *d, int fd)
{
}

static ssize_t memory_pread(struct spool_disk *d, int fd, void *to, size_t n, uint64_t at, bool now)
{
	const struct memory_file *f = &((struct memory_disk *)d)->files[fd];

	if (at >= f->n)
		return 0;
	n = n < f->n - at ? n : f->n - at;
	memcpy(to, f->p + at, n);
	return (ssize_t)n;
}

static int memory_size(struct spool_disk *d, int fd, uint64_t *size)
{
	*size = ((struct memory_disk *)d)->files[fd].n;
	return 0;
}

static int memory_list(struct spool_disk *d, void (*see)(void *context, const char *name),
                       void *context)
{
	const struct memory_disk *m = (struct memory_disk *)d;

	for (size_t i = 0; i < m->files_n; i++)
		see(context, m->files[i].name);
	return 0;
}

static const struct spool_disk memory_table = {
	.open = memory_open,
	.close = memory_close,
	.pread = memory_pread,
	.size = memory_size,
	.list = memory_list,
};
