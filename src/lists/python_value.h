/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * python_value -- a value that a Python source says in words of its own: a literal, or made of
 * literals. Counted references; nothing is changed once it is made, but for a
 * dict whose `changes` is set.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_DEPTH_MAX 40u       /* of lists in lists */
#define PYTHON_WEIGHT_MAX 200000u  /* values in a value, each counted as often as it is seen */
#define PYTHON_TEXT_MAX (1u << 16) /* octets of one text */

enum python_kind {
	PYTHON_NONE = 1,
	PYTHON_BOOL,
	PYTHON_INT,
	PYTHON_FLOAT,
	PYTHON_STR, /* octets; a unicode literal in UTF-8 */
	PYTHON_TUPLE,
	PYTHON_LIST,
	PYTHON_DICT,
};

struct python_value {
	enum python_kind kind;
	unsigned references;
	unsigned depth;  /* 0: holds no other */
	unsigned weight; /* values in it, and itself */
	int64_t number;  /* of an int; 1 or 0 of a bool */
	double real;     /* of a float */
	struct buf text;
	struct python_value **parts; /* of tuple and list; of a dict key, value, key, value */
	size_t n, room;
	bool changes; /* a dict that calls add to: never part of another value */
};
/* Let go of; NULL is allowed. */
void python_value_free(struct python_value *v);
static inline void python_value_free_at(struct python_value **v)
{
	python_value_free(*v);
}
#define AUTO_PYTHON_VALUE __attribute__((cleanup(python_value_free_at)))
/* One reference more, for another owner. */
struct python_value *python_value_keep(struct python_value *v);

struct python_value *python_none(void);
struct python_value *python_bool(bool truth);
struct python_value *python_int(int64_t number);
struct python_value *python_float(double real);
/* NULL: longer than PYTHON_TEXT_MAX. */
struct python_value *python_str(struct span text);
struct python_value *python_new(enum python_kind kind); /* an empty tuple, list or dict */

/* Puts one more at the end; `part` is taken, also when it is refused. False: past a limit. */
bool python_add(struct python_value *to, struct python_value *part);
/* Sets a dict's key; both are taken. False: past a limit, or a key that can be none. */
bool python_dict_set(struct python_value *dict, struct python_value *key,
                     struct python_value *value);
void python_dict_clear(struct python_value *dict);
/* NULL: it has none. Borrowed. */
const struct python_value *python_dict_get(const struct python_value *dict, struct span key);

/* As Python's `if` sees it. */
bool python_is_true(const struct python_value *v);
/* Appends it as Python writes it; octets past ASCII as \xNN. */
void python_repr(const struct python_value *v, struct buf *out);
