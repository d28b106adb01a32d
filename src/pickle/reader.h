/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * reader -- a pickle being read: what the files of the opcodes share, from the inside of this room.
 *
 * A pickle is a program for a machine with a stack and a numbered memory ("memo"). Ours has a row for
 * each opcode (opcodes.c) with a function that takes its operands and changes the stack, and nothing
 * else: there is no row that could call something.
 */

#include "pickle/arena.h"
#include "pickle/read.h"
#include "pickle/represent.h"

struct reader {
	struct value_arena *arena;
	const char *begin, *p, *end; /* the file; the next octet */
	const char *start;           /* of the pickle */
	const char *opcode;          /* where the one that is at work begins */
	struct value *stack;
	size_t n, room;
	uint32_t *marks; /* each: how high the stack was */
	size_t marks_n, marks_room;
	struct value *memo;
	size_t memo_n;    /* rows; 0 where nothing was put */
	size_t memo_puts; /* MEMOIZE counts */
	size_t memory_max;
	unsigned depth_max;
	unsigned protocol;
	bool foreign;
	struct error *err;
};

struct opcode {
	const char *name;
	int (*act)(struct reader *r);
};
extern const struct opcode opcodes[256];

/* The limits that hold: NULL stands for the usual ones. */
const struct read_limits *read_limits_of(const struct read_limits *limits);
/* What the values of a file of so many octets may take. */
size_t read_memory_max(const struct read_limits *limits, size_t octets);

/* Sets the error with place and opcode in front; returns -1. */
int reader_fail(struct reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* For errors of the file's end. */
int reader_short(struct reader *r);
/* The arena has not become larger than it may. */
int reader_check_memory(struct reader *r);
int reader_grow_stack(struct reader *r);
int reader_grow_memo(struct reader *r, size_t at);
/* Errors: nothing on the stack; nothing in that row of the memo. */
int reader_empty(struct reader *r);
int reader_no_memo(struct reader *r, size_t at);

/* Operands. */
static inline int reader_take(struct reader *r, size_t n, const char **p)
{
	if ((size_t)(r->end - r->p) < n)
		return reader_short(r), -1;
	*p = r->p;
	r->p += n;
	return 0;
}

int reader_take_line(struct reader *r, struct span *line);

static inline int reader_push(struct reader *r, struct value v)
{
	if (r->n == r->room && reader_grow_stack(r) < 0)
		return -1;
	r->stack[r->n++] = v;
	return 0;
}

/* How many values are above the last mark. */
static inline size_t reader_above(const struct reader *r)
{
	return r->n - (r->marks_n ? r->marks[r->marks_n - 1] : 0);
}

static inline int reader_pop(struct reader *r, struct value *v)
{
	if (!reader_above(r))
		return reader_empty(r), -1; /* the compiler shall see that it is no 0 */
	*v = r->stack[--r->n];
	return 0;
}

/* The value on top, which stays. */
static inline int reader_top(struct reader *r, struct value **v)
{
	if (!reader_above(r))
		return reader_empty(r), -1; /* the compiler shall see that it is no 0 */
	*v = &r->stack[r->n - 1];
	return 0;
}

static inline int reader_put(struct reader *r, size_t at)
{
	struct value *top;

	if (reader_top(r, &top) < 0 || (at >= r->memo_n && reader_grow_memo(r, at) < 0))
		return -1;
	r->memo[at] = *top;
	return 0;
}

static inline int reader_get(struct reader *r, size_t at)
{
	if (at >= r->memo_n || value_is_absent(r->memo[at]))
		return reader_no_memo(r, at);
	return reader_push(r, r->memo[at]);
}

/* Takes away the last mark; *rows are the *n that stood above it, and stay there until the next push. */
int reader_pop_mark(struct reader *r, struct value **rows, size_t *n);

/* `child` comes into `inside`. */
int reader_raise_height(struct reader *r, struct inside *inside, const struct inside *child);
static inline int reader_raise(struct reader *r, struct inside *inside, struct value child)
{
	return tag_has_inside(value_tag(child))
	               ? reader_raise_height(r, inside, value_inside(child))
	               : 0;
}

int reader_add_rows(struct reader *r, struct rows *to, const struct value *rows, size_t n);
int reader_add_pairs(struct reader *r, struct pairs *to, const struct value *rows, size_t n);
/* A new one of these rows. */
int reader_push_rows(struct reader *r, enum tag tag, const struct value *rows, size_t n);

/* In names.c. What a name may be used for. */
enum name_use {
	NAME_FOREIGN = 0,
	NAME_CLASS,    /* may have instances */
	NAME_FUNCTION, /* may stand in a REDUCE */
};
enum name_use name_use(struct span module, struct span name);
/* What a REDUCE comes to, if that is a plain value: true, and *v. */
bool name_fold(struct reader *r, const struct named *g, struct value args, struct value *v);

/* In fold.c: puts what stands on the stack together as far as that can be known. */
struct value reader_fold(struct reader *r);

/* Functions of the rows: in opcodes_plain.c, ... */
int act_mark(struct reader *r);
int act_stop(struct reader *r);
int act_pop(struct reader *r);
int act_pop_mark(struct reader *r);
int act_dup(struct reader *r);
int act_proto(struct reader *r);
int act_frame(struct reader *r);
int act_put(struct reader *r);
int act_binput(struct reader *r);
int act_long_binput(struct reader *r);
int act_get(struct reader *r);
int act_binget(struct reader *r);
int act_long_binget(struct reader *r);
int act_memoize(struct reader *r);
int act_none(struct reader *r);
int act_true(struct reader *r);
int act_false(struct reader *r);
int act_binint(struct reader *r);
int act_binint1(struct reader *r);
int act_binint2(struct reader *r);
int act_long1(struct reader *r);
int act_long4(struct reader *r);
int act_binfloat(struct reader *r);
int act_str1(struct reader *r);
int act_binstring(struct reader *r);
int act_str4(struct reader *r);
int act_str8(struct reader *r);
int act_text1(struct reader *r);
int act_text4(struct reader *r);
int act_text8(struct reader *r);
/* opcodes_text.c */
int act_int(struct reader *r);
int act_long(struct reader *r);
int act_float(struct reader *r);
int act_string(struct reader *r);
int act_unicode(struct reader *r);
/* opcodes_inside.c */
int act_empty_list(struct reader *r);
int act_empty_dict(struct reader *r);
int act_empty_tuple(struct reader *r);
int act_empty_set(struct reader *r);
int act_list(struct reader *r);
int act_dict(struct reader *r);
int act_tuple(struct reader *r);
int act_tuple1(struct reader *r);
int act_tuple2(struct reader *r);
int act_tuple3(struct reader *r);
int act_frozenset(struct reader *r);
int act_append(struct reader *r);
int act_appends(struct reader *r);
int act_setitem(struct reader *r);
int act_setitems(struct reader *r);
int act_additems(struct reader *r);
/* opcodes_object.c */
int act_global(struct reader *r);
int act_stack_global(struct reader *r);
int act_inst(struct reader *r);
int act_obj(struct reader *r);
int act_newobj(struct reader *r);
int act_newobj_ex(struct reader *r);
int act_reduce(struct reader *r);
int act_build(struct reader *r);
int act_bytearray8(struct reader *r);
int act_persid(struct reader *r);
int act_ext(struct reader *r);
int act_buffer(struct reader *r);

/* ── text ────────────────────────────────────────────────────────────────────────────────────── */

/* In octets.c. UTF-8, where surrogates may stand. */
bool text_is_wtf8(struct span s);
/* Two's complement, the lowest octet first, as decimal digits. At most NUMBER_OCTETS_MAX. */
#define NUMBER_OCTETS_MAX 512u
#define NUMBER_DIGITS_MAX 1300u
void digits_of_octets(struct span octets, struct buf *digits);
/* An optional sign and at least one digit. */
bool digits_are_good(struct span s);
/* False if 64 bits do not hold it. */
bool digits_get_int(struct span digits, int64_t *i);
/* As repr() and the F opcode write it: also inf, -inf, nan. */
bool text_get_float(struct span s, double *f);
