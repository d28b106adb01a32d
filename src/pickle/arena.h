/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * arena -- memory that is given back all at once: struct value_arena from the inside of this room.
 *
 * Small things come from blocks, one behind the other. Rows of containers grow: each array that
 * outgrew a block's share has an allocation of its own, so that realloc(3) moves pages and copies
 * nothing, and what is not used yet takes no memory.
 */

#include "pickle/value.h"

#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena_array;

struct value_arena {
	struct arena_block *blocks; /* the first is the one in use */
	struct arena_array *arrays;
	char *free, *end;
	size_t size;   /* octets taken from the system */
	uint64_t seed; /* of the dicts' hashes: a file can't know which keys collide */
};

void *arena_more(struct value_arena *arena, size_t size);

/* Not zeroed; fit for any type of up to eight octets. */
static inline void *arena_take(struct value_arena *arena, size_t size)
{
	char *p = arena->free;

	size = (size + 7) & ~(size_t)7;
	if ((size_t)(arena->end - p) < size)
		return arena_more(arena, size);
	arena->free = p + size;
	return p;
}

/* Octets without alignment. */
char *arena_take_octets(struct value_arena *arena, size_t size);

/* `rows`, of `n` times `size` octets with room for *room of them, gets room for at least `wanted`.
 * Returns where they are now. `rows` may be NULL with *room 0. */
void *arena_grow_rows(struct value_arena *arena, void *rows, uint32_t n, uint32_t *room,
                      size_t wanted, size_t size);
