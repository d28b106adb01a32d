/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* writer -- a pickle being written: what has been seen, and how often; from the inside of this room. */

#include "pickle/value.h"

struct seen {
	struct value value;
	uint32_t times; /* that it stands in the tree: 1, or 2 for more */
	uint32_t memo;  /* its number, once it was put */
	bool is_open;   /* while it is being counted */
};

/* By the handle: one thing is one row. */
struct seen_table {
	struct seen *rows;
	size_t n, room; /* a power of two */
	bool has_loop;  /* something holds itself */
};

struct writer {
	struct buf *out;
	struct seen_table seen;
	unsigned protocol, depth;
	uint32_t memo;
	struct error *err;
};

/* Strings, containers, objects and names below `v`, each once. */
int seen_count(struct seen_table *t, struct value v, struct error *err);
struct seen *seen_find(const struct seen_table *t, struct value v);
bool seen_is_put(const struct seen_table *t, struct value v);
void seen_fini(struct seen_table *t);
