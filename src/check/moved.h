/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * moved -- a map of redirects, as `mailhaul lists redirects` writes it: lines "OLD NEW", of which OLD is
 * an address or a path of one, and so is NEW. Where both are the same, the page stays. What follows a "#" at the start of a line is for people.
 * Pure; inside the room.
 */

#include "base/text.h"

struct moved {
	unsigned line;   /* of the file, from 1 */
	size_t offset;   /* of the line, in octets */
	char *from, *to; /* owned; whole addresses; NULL: the line is none of a map */
};
#define AUTO_MOVED __attribute__((cleanup(moved_fini)))
void moved_fini(struct moved *m);

struct moved_map {
	struct span text; /* borrowed; all of it */
	const char
		*base; /* borrowed; "https://lists.example.org", what paths are of; NULL: nothing */
	size_t at;     /* what has been read */
	unsigned line;
};
/* The next line that says something. False: there is none; *out is as it was. */
bool moved_next(struct moved_map *map, struct moved *out);
/* The one that begins at this offset. */
void moved_at(const struct moved_map *map, size_t offset, struct moved *out);
