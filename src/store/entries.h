/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * entries -- what stands in a directory, as its file system tells it: in one go, by name, with the
 * kinds that are known without a look at each (dirent's d_type).
 *
 * For directories that hold folders and a few files; those that hold messages change while they are
 * read, see store/names.h.
 */

#include "base/attr.h"
#include "base/text.h"

#include <stdbool.h>

struct entry {
	const char *name;   /* lies in `text` */
	unsigned char type; /* DT_DIR ...; DT_UNKNOWN: this file system does not say */
};
struct entries {
	struct entry *rows; /* owned; by name, as strcmp(3) orders */
	size_t n, room;
	struct buf text;
};
#define AUTO_ENTRIES __attribute__((cleanup(entries_fini)))
void entries_fini(struct entries *e);

/* Reads all of a directory but "." and ".." into `out`, which is empty. Moves the descriptor's place.
 * -1 with errno. */
int entries_read(int fd, struct entries *out) MUST_CHECK;

/* Whether `e` may be a directory: opening it tells. */
bool entry_may_be_directory(const struct entry *e);
/* NULL: no such name. */
const struct entry *entries_find(const struct entries *e, const char *name);
