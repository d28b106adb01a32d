/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * represent -- what stands in the word of a struct value: struct value from the inside of this room.
 *
 * The upper eight bits are a tag, the others a pointer or a number. A list of a hundred thousand
 * members has five or more dicts with a row for each; at 16 octets a row (instead of 32 or more)
 * the tree is no larger than the file, and the time that page faults take is halved.
 *
 * A string is a pointer to its length, which stands in front of its octets just as in the pickle:
 * one octet, or four or eight with the lowest first. So one from a file needs no memory.
 */

#include "pickle/value.h"

#include <stdint.h>
#include <string.h>

enum tag {
	TAG_ABSENT = 0,
	TAG_NONE,
	TAG_BOOL,
	TAG_INT,     /* the number itself, 56 bits with a sign */
	TAG_INT_FAR, /* a pointer to an int64_t */
	TAG_LONG,    /* a string of digits, its length in four octets */
	TAG_FLOAT,   /* a pointer to a double */
	TAG_STR1,    /* the length in one octet, in four, in eight */
	TAG_STR4,
	TAG_STR8,
	TAG_TEXT1,
	TAG_TEXT4,
	TAG_TEXT8,
	TAG_TUPLE, /* struct rows, as the next three */
	TAG_LIST,
	TAG_SET,
	TAG_FROZENSET,
	TAG_DICT,     /* struct pairs */
	TAG_GLOBAL,   /* struct named */
	TAG_INSTANCE, /* struct object, as the next */
	TAG_CALL,
	TAG_MARK, /* on the reader's stack alone */
};

#define WORD_BITS 56
#define WORD_MASK (((uint64_t)1 << WORD_BITS) - 1)

static inline enum tag value_tag(struct value v)
{
	return (enum tag)(v.word >> WORD_BITS);
}

static inline struct value value_of(enum tag tag, const void *inside)
{
	return (struct value){ (uint64_t)tag << WORD_BITS | ((uintptr_t)inside & WORD_MASK) };
}

static inline void *value_inside(struct value v)
{
	return (void *)(uintptr_t)(v.word & WORD_MASK);
}

static inline struct value value_of_small(int64_t i)
{
	return (struct value){ (uint64_t)TAG_INT << WORD_BITS | ((uint64_t)i & WORD_MASK) };
}

static inline int64_t value_small(struct value v)
{
	return (int64_t)(v.word << (64 - WORD_BITS)) >> (64 - WORD_BITS);
}

/* What every container and object begins with. */
struct inside {
	uint32_t height; /* at least so many things inside one another, when it was put together */
	uint32_t walked; /* it is on the way of a walk */
};

struct rows {
	struct inside inside;
	struct value *rows;
	uint32_t n, room;
};

struct pairs {
	struct inside inside;
	struct value_pair *rows;
	uint32_t n, room;
	struct value_arena *arena; /* for the index */
	uint32_t *index;         /* slots: 1 + the row's number, or 0; NULL until the first find */
	uint32_t slots, indexed; /* a power of two; rows that are in it */
};

struct named {
	struct span module, name;
};

struct object {
	struct inside inside;
	struct value_object is;
};

static inline bool tag_has_inside(enum tag tag)
{
	return tag >= TAG_TUPLE && tag != TAG_GLOBAL && tag <= TAG_CALL;
}

static inline bool tag_is_items(enum tag tag)
{
	return tag >= TAG_TUPLE && tag <= TAG_FROZENSET;
}

static inline uint32_t read_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* The octets of a string of any of the seven tags. */
static inline struct span tag_span(enum tag tag, const char *p)
{
	switch ((unsigned)tag) {
	case TAG_STR1:
	case TAG_TEXT1:
		return (struct span){ p + 1, *(const unsigned char *)p };
	case TAG_STR8:
	case TAG_TEXT8: /* a file has less than 2^32 octets */
		return (struct span){ p + 8, read_u32(p) };
	default:
		return (struct span){ p + 4, read_u32(p) };
	}
}

static inline bool tag_is_str(enum tag tag)
{
	return tag >= TAG_STR1 && tag <= TAG_STR8;
}

static inline bool tag_is_text(enum tag tag)
{
	return tag >= TAG_TEXT1 && tag <= TAG_TEXT8;
}

static inline bool tag_is_chars(enum tag tag)
{
	return tag >= TAG_STR1 && tag <= TAG_TEXT8;
}

static inline double value_double(struct value v)
{
	double f;

	memcpy(&f, value_inside(v), sizeof f);
	return f;
}

struct value_arena;
/* Containers begin empty; objects with only their class. */
struct rows *rows_new(struct value_arena *arena);
struct pairs *pairs_new(struct value_arena *arena);
struct object *object_new(struct value_arena *arena);
/* At the end, without a look at what is there. */
void pairs_add(struct value_arena *arena, struct pairs *d, struct value key, struct value value);
/* A string with its length in front; the caller fills in the octets. */
char *value_string_room(struct value_arena *arena, enum tag tag4, size_t n, struct value *v);
