/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * value -- what a pickle or a marshal file says, as plain data: nothing in it can be run.
 *
 * A `struct value` is a handle of eight octets, passed and kept by value. What it points to lives in
 * a `struct value_arena`, and (strings are not copied) in the octets that were read: both have to
 * stay until the last value is forgotten. A handle of zero is VALUE_ABSENT: what is not there.
 *
 *	struct value name = value_dict_find(list, SPAN("real_name"));
 *	struct span text;
 *	if (!value_get_chars(name, &text))
 *		... it is not there, or is no string: value_kind(name), value_kind_name()
 *
 * Python 2's str is VALUE_STR, octets in a charset that only the reader of the field knows; its
 * unicode is VALUE_TEXT, in UTF-8, where a lone surrogate stands as three octets (WTF-8). In
 * pickles of Python 3 bytes is VALUE_STR and str is VALUE_TEXT.
 *
 * Containers and objects may be shared: two handles for which value_same() holds are one thing, and
 * a change made by one is seen by the other. They may hold themselves; who walks a tree from a file
 * uses `struct value_walk`, which knows where it is, and how much it has seen.
 *
 * Sizes: strings, and rows of a container, below 2^32.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
	VALUE_ABSENT = 0,
	VALUE_NONE,
	VALUE_BOOL,
	VALUE_INT,   /* 64 bits */
	VALUE_LONG,  /* Python 2's long, or what 64 bits do not hold; its decimal digits */
	VALUE_FLOAT, /* to the last bit */
	VALUE_STR,   /* octets */
	VALUE_TEXT,  /* WTF-8 */
	VALUE_TUPLE,
	VALUE_LIST,
	VALUE_SET,
	VALUE_FROZENSET,
	VALUE_DICT,
	VALUE_GLOBAL,   /* the name of a class or function; only the name */
	VALUE_INSTANCE, /* of a class: module, name, arguments, state */
	VALUE_CALL, /* a function's name with arguments: what the writer wanted to have called */
};

struct value {
	uint64_t word; /* zero: absent. Else see pickle/represent.h */
};

struct value_arena;
struct value_arena *value_arena_new(void);
void value_arena_free(struct value_arena *arena); /* NULL is allowed */
#define AUTO_VALUE_ARENA __attribute__((cleanup(value_arena_free_at)))
static inline void value_arena_free_at(struct value_arena **arena)
{
	value_arena_free(*arena);
}
/* Octets that the arena takes from the system now. */
size_t value_arena_size(const struct value_arena *arena);
/* A copy of `s` that lives as long as the arena. */
struct span value_arena_keep(struct value_arena *arena, struct span s);

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

enum value_kind value_kind(struct value v);
/* "str", "unicode", "dict", ...: as Python 2 calls it; "nothing" for VALUE_ABSENT. */
const char *value_kind_name(enum value_kind kind);
static inline bool value_is_absent(struct value v)
{
	return v.word == 0;
}
/* One and the same thing; of kinds without an inside: the same place or the same number. */
static inline bool value_same(struct value a, struct value b)
{
	return a.word == b.word;
}

/* Each returns false, and leaves *out alone, where v is of no fitting kind. Spans are borrowed from
 * the arena or from the octets read. */
bool value_get_bool(struct value v, bool *out);
bool value_get_int(struct value v, int64_t *out);        /* int or bool: Mailman mixes them */
bool value_get_number(struct value v, double *out);      /* bool, int, long, float */
bool value_get_str(struct value v, struct span *out);    /* VALUE_STR */
bool value_get_text(struct value v, struct span *out);   /* VALUE_TEXT */
bool value_get_chars(struct value v, struct span *out);  /* either of these */
bool value_get_digits(struct value v, struct span *out); /* VALUE_LONG: "-12345678901234567890" */

/* Tuple, list, set, frozenset: rows in the order of the file. 0 and absent for other kinds. */
size_t value_count(struct value v);
struct value value_item(struct value v, size_t at);

/* ── dict ────────────────────────────────────────────────────────────────────────────────────── */

struct value_pair {
	struct value key, value;
};

/* The pairs in the order of the file; borrowed until the dict changes. A key that the file sets
 * twice stands there twice, and the later one holds (as in Python), until value_dict_settle().
 * 0 rows for other kinds. */
size_t value_dict_pairs(struct value dict, const struct value_pair **pairs);
/* Takes out what a later row for the same key overrides; returns how many rows that were. */
size_t value_dict_settle(struct value dict);
/* By a key of VALUE_STR or VALUE_TEXT with these octets; absent if there is none. The first call
 * makes an index: a hundred thousand members cost as much each as ten. */
struct value value_dict_find(struct value dict, struct span key);
/* By any key: numbers as Python compares them (1, True, 1.0), strings by octets, tuples by items (at
 * most a hundred of them). */
struct value value_dict_find_key(struct value dict, struct value key);

/* ── objects ─────────────────────────────────────────────────────────────────────────────────── */

/* How an object came to be: a writer has to do the same again. */
enum value_made {
	VALUE_MADE_PLAIN = 1,     /* INST, OBJ: an old-style instance */
	VALUE_MADE_NEW,           /* NEWOBJ: cls.__new__(cls, *args) */
	VALUE_MADE_NEW_EX,        /* NEWOBJ_EX: the same with keywords */
	VALUE_MADE_RECONSTRUCTED, /* REDUCE of copy_reg._reconstructor(cls, base, state) */
	VALUE_MADE_CALLED,        /* REDUCE of anything else: VALUE_CALL */
};

struct value_object {
	struct value class; /* VALUE_GLOBAL */
	enum value_made made;
	struct value args;     /* a tuple; absent where there were none to give */
	struct value keywords; /* a dict; NEWOBJ_EX alone */
	struct value state;    /* what BUILD gave, mostly a dict; absent: there was no BUILD */
	struct value items;    /* a list: what APPENDS gave to it; or absent */
	struct value pairs;    /* a dict: what SETITEMS gave to it; or absent */
};

/* Of VALUE_INSTANCE and VALUE_CALL; else NULL. */
const struct value_object *value_object(struct value v);
/* Of VALUE_GLOBAL, VALUE_INSTANCE, VALUE_CALL: whose class (function) it is. */
bool value_get_class(struct value v, struct span *module, struct span *name);
/* An instance of that class, whatever its module. */
bool value_is_instance(struct value v, const char *class_name);
/* An attribute: a key of the state, if that is a dict; absent if not there. */
struct value value_attribute(struct value v, struct span name);

/* ── making and changing ─────────────────────────────────────────────────────────────────────── */

struct value value_none(void);
struct value value_bool(bool b);
struct value value_int(struct value_arena *arena, int64_t i); /* below 2^55 `arena` may be NULL */
struct value value_float(struct value_arena *arena, double f);
/* Copies. `digits`: an optional sign and decimal digits. */
struct value value_long(struct value_arena *arena, struct span digits);
struct value value_str(struct value_arena *arena, struct span octets);
struct value value_text(struct value_arena *arena, struct span utf8);
/* `kind`: VALUE_TUPLE, VALUE_LIST, VALUE_SET, VALUE_FROZENSET; begins empty. */
struct value value_new_items(struct value_arena *arena, enum value_kind kind);
void value_add_item(struct value_arena *arena, struct value items, struct value row);
void value_set_item(struct value items, size_t at, struct value row);
void value_remove_item(struct value items, size_t at); /* the order stays */
struct value value_new_dict(struct value_arena *arena);
/* In the place of the key that is there already, else at the end. */
void value_dict_set(struct value_arena *arena, struct value dict, struct value key,
                    struct value value);
/* False if it was not there. The order stays. */
bool value_dict_remove(struct value dict, struct value key);
struct value value_global(struct value_arena *arena, struct span module, struct span name);
/* `kind`: VALUE_INSTANCE or VALUE_CALL. Copies *o. */
struct value value_new_object(struct value_arena *arena, enum value_kind kind,
                              const struct value_object *o);
void value_set_state(struct value object, struct value state);

/* ── walking ─────────────────────────────────────────────────────────────────────────────────── */

#define VALUE_DEPTH_MAX 500u

enum value_step {
	VALUE_STEP_IN = 0, /* go in, and call value_leave() afterwards */
	VALUE_STEP_AGAIN,  /* this one is being walked already: it holds itself */
	VALUE_STEP_DEEP,   /* more than VALUE_DEPTH_MAX inside one another */
	VALUE_STEP_MANY,   /* more values seen than this walk may: shared things expand endlessly */
};

/* `= { .left = ... }`: how many values it may see. One walk at a time in one tree. */
struct value_walk {
	uint64_t left;
	unsigned depth;
};

/* For each value that is met, before its inside is looked at. Kinds without an inside are
 * VALUE_STEP_IN too and need no value_leave(). */
enum value_step value_enter(struct value_walk *walk, struct value v);
void value_leave(struct value_walk *walk, struct value v);

/* Equal as a pickle's reader sees them: kinds (bool is no int, str is no unicode), octets, bits of
 * floats, order of tuples and lists; dicts and sets whatever their order. Two that differ only in
 * what is shared are equal. False for what is too deep or too much to compare. */
bool value_equal(struct value a, struct value b);
