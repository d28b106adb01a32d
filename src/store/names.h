/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * names -- the messages of one Maildir folder, while other programs deliver, rename and expunge.
 *
 * readdir(3) promises nothing for names that change meanwhile: an entry that is renamed may come
 * twice or not at all. So the folder is read again until nothing that was there before is missing,
 * and what is found twice is one message by its base name. new/ is read before cur/, because
 * messages move in that direction only.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct names_row {
	char *base, *suffix; /* owned */
	bool in_new;
	uint64_t inode; /* as readdir(3) tells it; 0: no regular file, or it does not say */
	bool known;     /* for the caller */
	unsigned pass;  /* the last one that saw it */
	/* The same pass saw it under this name as well: renamed meanwhile, or there are two. NULL: no. */
	char *twin; /* suffix; owned */
	bool twin_in_new;
};

struct names {
	struct names_row *rows; /* owned */
	size_t n, room;
	size_t *slots; /* hash of base -> index + 1 */
	size_t slots_n;
	unsigned passes; /* how often the folder was read */
	unsigned hidden; /* entries that begin with a dot: mail to nobody */
};
#define AUTO_NAMES __attribute__((cleanup(names_fini)))
void names_fini(struct names *n);

/* Reads new/ and cur/ of an open folder (-1: that one is missing) until it can be believed. */
int names_read(int newfd, int curfd, struct names *out, struct error *err) MUST_CHECK;

/* Reads once more, to find where files are that were renamed since. */
int names_read_again(int newfd, int curfd, struct names *n, struct error *err) MUST_CHECK;

/* Where a base name is in n->rows; SIZE_MAX: it is not there. */
size_t names_find(const struct names *n, struct span base);
