/* SPDX-License-Identifier: BSD-2-Clause */
#include "pickle/arena.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_FIRST 16384u
#define BLOCK_LAST 1048576u
#define IN_BLOCK_MAX 4096u /* octets; larger arrays have an allocation of their own */

struct arena_block {
	struct arena_block *next;
	size_t size;
	char octets[];
};

struct arena_array {
	struct arena_array *next, **from;
	size_t size;
	char octets[] __attribute__((aligned(16)));
};

struct value_arena *value_arena_new(void)
{
	struct value_arena *arena = xcalloc(1, sizeof *arena);
	static uint64_t seed;

	while (!seed)
		if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
			seed = (uintptr_t)arena;
	arena->seed = seed;
	return arena;
}

void value_arena_free(struct value_arena *arena)
{
	if (!arena)
		return;
	for (struct arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	for (struct arena_array *a = arena->arrays, *next; a; a = next) {
		next = a->next;
		free(a);
	}
	free(arena);
}

size_t value_arena_size(const struct value_arena *arena)
{
	return arena->size;
}

void *arena_more(struct value_arena *arena, size_t size)
{
	size_t usual = arena->blocks ? 2 * arena->blocks->size : BLOCK_FIRST;
	struct arena_block *b;
	char *p;

	if (usual > BLOCK_LAST)
		usual = BLOCK_LAST;
	if (size > usual / 4 && arena->blocks) {
		/* a block for this alone; what is left of the one in use stays in use */
		b = xmalloc(sizeof *b + size);
		b->size = arena->blocks->size;
		b->next = arena->blocks->next;
		arena->blocks->next = b;
		arena->size += sizeof *b + size;
		return b->octets;
	}
	if (size > usual)
		usual = size;
	b = xmalloc(sizeof *b + usual);
	b->size = usual > BLOCK_LAST ? BLOCK_LAST : usual;
	b->next = arena->blocks;
	arena->blocks = b;
	arena->size += sizeof *b + usual;
	p = b->octets;
	arena->free = p + ((size + 7) & ~(size_t)7);
	arena->end = p + usual;
	if (arena->free > arena->end)
		arena->free = arena->end;
	return p;
}

char *arena_take_octets(struct value_arena *arena, size_t size)
{
	return arena_take(arena, size);
}

struct span value_arena_keep(struct value_arena *arena, struct span s)
{
	char *p = arena_take_octets(arena, s.n);

	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct span){ p, s.n };
}

static void *grow_array(struct value_arena *arena, struct arena_array *a, size_t size)
{
	size_t before = a ? a->size : 0;

	a = xrealloc(a, sizeof *a + size);
	if (!before) {
		a->next = arena->arrays;
		if (a->next)
			a->next->from = &a->next;
		a->from = &arena->arrays;
	}
	*a->from = a;
	if (a->next)
		a->next->from = &a->next;
	a->size = size;
	arena->size += size - before;
	return a->octets;
}

void *arena_grow_rows(struct value_arena *arena, void *rows, uint32_t n, uint32_t *room,
                      size_t wanted, size_t size)
{
	size_t more = *room + (size_t)*room / 2;
	void *moved;

	if (wanted > UINT32_MAX / 2)
		abort(); /* the file's size is limited long before */
	if (*room && more < 4)
		more = 4;
	if (more < wanted)
		more = wanted;
	if (more > UINT32_MAX / 2)
		more = UINT32_MAX / 2;
	if (*room * size > IN_BLOCK_MAX) {
		struct arena_array *a = (struct arena_array *)((char *)rows -
		                                               offsetof(struct arena_array,
		                                                        octets));

		moved = grow_array(arena, a, more * size);
	} else {
		moved = more * size > IN_BLOCK_MAX ? grow_array(arena, NULL, more * size)
		                                   : arena_take(arena, more * size);
		if (n)
			memcpy(moved, rows, n * size);
	}
	*room = (uint32_t)more;
	return moved;
}
