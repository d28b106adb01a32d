/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* out -- a buffer in front of a sink, and the order of dicts: show.h from the inside of this room. */

#include "pickle/show.h"

#include <string.h>

#define OUT_OCTETS 65536u

struct out {
	const struct show_sink *sink;
	uint64_t written, written_max;
	size_t n;
	char octets[OUT_OCTETS];
};

struct out *out_new(const struct show_sink *sink, uint64_t file_octets);
void out_free(struct out *o); /* writes what is left */
void out_flush(struct out *o);
void out_add_long(struct out *o, struct span s);

/* A place for at most `n` (below OUT_OCTETS) octets; the caller adds to o->n what it has used. */
static inline char *out_room(struct out *o, size_t n)
{
	if (o->n + n > sizeof o->octets)
		out_flush(o);
	return o->octets + o->n;
}

static inline void out_add(struct out *o, const char *p, size_t n)
{
	if (n > 4096) {
		out_add_long(o, (struct span){ p, n });
		return;
	}
	memcpy(out_room(o, n), p, n);
	o->n += n;
}

static inline bool out_is_full(const struct out *o)
{
	return o->written + o->n > o->written_max;
}

#define OUT_LITERAL(o, literal) out_add((o), (literal), sizeof(literal) - 1)

/* The end of a showing: what was left out is an error. */
int show_result(bool cut, bool deep, struct error *err);
/* An object whose arguments say more than its class. */
bool show_wants_args(struct value object);

/* The rows of a dict in the order of its keys. */
struct order {
	uint64_t first, second; /* octets of the key, so that few comparisons need a look at it */
	uint32_t row;
};

struct ordered {
	struct order *rows, *spare; /* owned */
	size_t n;
	const struct value_pair *pairs; /* borrowed from the dict */
	struct span *texts;             /* owned; by row, of keys that are no strings; or NULL */
	struct buf rendered;
};
#define AUTO_ORDERED __attribute__((cleanup(ordered_fini)))
void ordered_fini(struct ordered *o);

/* Of a key that is compared by what `render` says of it; keys that say more stand for themselves. */
#define KEY_OCTETS_MAX 4096u

/* The rows of `dict` as show_json() sorts them, without those that a later one overrides.
 * `render` appends what a key of another kind than string is compared by. */
void ordered_make(struct ordered *o, struct value dict,
                  void (*render)(struct value key, struct buf *text));
