/* SPDX-License-Identifier: BSD-2-Clause */

/* read -- the machine that a pickle is a program for: its stack, its memo, its budgets. */

#include "pickle/read.h"

#include "base/memory.h"
#include "pickle/reader.h"

#include <stdarg.h>
#include <stdio.h>

#define OCTETS_MAX ((size_t)1 << 30)
#define MEMORY_MAX ((size_t)64 << 20) /* and 8 times the file */
#define MEMO_MAX 256u                 /* rows, and 16 for each octet of the pickle so far */

int reader_fail(struct reader *r, const char *format, ...)
{
	const unsigned char code = (unsigned char)*r->opcode;
	const char *name = opcodes[code].name;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(r->err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0, "octet %zu: %s: %s",
	                 (size_t)(r->opcode - r->begin), name ? name : "opcode", text);
}

int reader_short(struct reader *r)
{
	return reader_fail(r, "the file ends in it");
}

int reader_check_memory(struct reader *r)
{
	size_t used = r->arena->size + r->room * sizeof *r->stack +
	              r->marks_room * sizeof *r->marks + r->memo_n * sizeof *r->memo;

	if (used > r->memory_max)
		return reader_fail(r, "the values would take more than %zu octets of memory",
		                   r->memory_max);
	return 0;
}

int reader_grow_stack(struct reader *r)
{
	r->room = r->room ? r->room + r->room / 2 : 256;
	r->stack = xrealloc(r->stack, r->room * sizeof *r->stack);
	return reader_check_memory(r);
}

int reader_take_line(struct reader *r, struct span *line)
{
	const char *lf = memchr(r->p, '\n', (size_t)(r->end - r->p));

	if (!lf)
		return reader_short(r);
	*line = (struct span){ r->p, (size_t)(lf - r->p) };
	r->p = lf + 1;
	return 0;
}

int reader_empty(struct reader *r)
{
	return reader_fail(r, "nothing is on the stack for it");
}

int reader_pop_mark(struct reader *r, struct value **rows, size_t *n)
{
	if (!r->marks_n)
		return reader_fail(r, "there is no mark for it");
	*n = reader_above(r);
	r->n -= *n;
	r->marks_n--;
	*rows = r->stack + r->n;
	return 0;
}

/* ── memo ────────────────────────────────────────────────────────────────────────────────────── */

int reader_grow_memo(struct reader *r, size_t at)
{
	size_t rows = r->memo_n ? r->memo_n + r->memo_n / 2 : 256;

	/* picklers count from 0 or 1; optimizers leave out numbers that nothing refers to */
	if (at >= MEMO_MAX + 16 * (size_t)(r->p - r->start))
		return reader_fail(r, "memo row %zu is more than a pickle can need so early", at);
	if (rows <= at)
		rows = at + 1;
	r->memo = xrealloc(r->memo, rows * sizeof *r->memo);
	memset(r->memo + r->memo_n, 0, (rows - r->memo_n) * sizeof *r->memo);
	r->memo_n = rows;
	return reader_check_memory(r);
}

int reader_no_memo(struct reader *r, size_t at)
{
	return reader_fail(r, "nothing was put into memo row %zu", at);
}

/* ── the machine ─────────────────────────────────────────────────────────────────────────────── */

/* 1: go on; 0: STOP was reached. */
static int step(struct reader *r)
{
	const struct opcode *o;

	r->opcode = r->p;
	if (r->p == r->end)
		return error_set(r->err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "octet %zu: the file ends where an opcode should stand",
		                 (size_t)(r->p - r->begin));
	o = &opcodes[(unsigned char)*r->p++];
	if (!o->act)
		return reader_fail(r, "\\x%02x is no opcode of pickle", (unsigned char)*r->opcode);
	if (o->act(r) < 0)
		return -1;
	return *r->opcode != '.';
}

static int run(struct reader *r, struct value *value)
{
	int more;

	while ((more = step(r)) == 1)
		;
	*value = more == 0 ? r->stack[0] : reader_fold(r);
	return more;
}

const struct read_limits *read_limits_of(const struct read_limits *limits)
{
	static const struct read_limits usual = { 0 };

	return limits ? limits : &usual;
}

size_t read_memory_max(const struct read_limits *limits, size_t octets)
{
	return limits->memory ? limits->memory : MEMORY_MAX + 8 * octets;
}

int pickle_read(struct value_arena *arena, struct span octets, size_t *at,
                const struct read_limits *limits, struct value *value, struct error *err)
{
	limits = read_limits_of(limits);

	struct reader r = {
		.arena = arena,
		.begin = octets.p,
		.p = octets.p + *at,
		.end = octets.p + octets.n,
		.opcode = octets.p + *at,
		.memory_max = read_memory_max(limits, octets.n),
		.start = octets.p + *at,
		.depth_max = limits->depth ? limits->depth : VALUE_DEPTH_MAX,
		.foreign = limits->foreign,
		.err = err,
	};
	int result;

	*value = (struct value){ 0 };
	if (octets.n > (limits->octets ? limits->octets : OCTETS_MAX) || octets.n > OCTETS_MAX) {
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "the file has %zu octets, which is more than may be read",
		                 octets.n);
	}
	/* what other pickles of this arena took is not counted against this one */
	r.memory_max += arena->size;
	result = reader_grow_stack(&r); /* so that there is a stack for all that looks at it */
	if (result == 0)
		result = run(&r, value);
	*at = (size_t)((result < 0 ? r.opcode : r.p) - r.begin);
	free(r.stack);
	free(r.marks);
	free(r.memo);
	return result;
}
