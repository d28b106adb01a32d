/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * python_token -- a Python 2 source as logical lines of tokens. Pure; fuzzed.
 *
 * Source: The Python Language Reference 2.7, chapter 2.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define PYTHON_LINE_TOKENS_MAX 50000u /* of one logical line; a longer one is bad */

enum python_token_kind {
	PYTHON_TOKEN_NAME = 1, /* keywords too */
	PYTHON_TOKEN_NUMBER,
	PYTHON_TOKEN_STRING, /* prefix and quotes stand in its text */
	PYTHON_TOKEN_OPERATOR,
};

struct python_token {
	enum python_token_kind kind;
	struct span text; /* borrowed from the source */
	unsigned line;    /* the first is 1 */
	unsigned depth;   /* of brackets around it; a bracket itself counts as outside */
};

/* One logical line: up to a line's end outside of brackets and strings, continuations joined. */
struct python_line {
	struct python_token *tokens; /* owned by the reader; none only in a bad line */
	size_t n;
	unsigned indent; /* columns before the first token; a tab goes to the next eighth */
	bool bad;        /* a string or bracket does not end, or the line is too long */
};

struct python_reader {
	struct span rest; /* borrowed */
	unsigned line;
	struct python_line current;
	size_t room;
};
#define AUTO_PYTHON_READER __attribute__((cleanup(python_reader_fini)))
void python_reader_init(struct python_reader *r, struct span text);
void python_reader_fini(struct python_reader *r);

/* Reads the next line that is not empty or a comment; false at the end. Borrowed until the next. */
bool python_next_line(struct python_reader *r, const struct python_line **line);

bool python_token_is(const struct python_token *t, const char *text);

/*
 * Appends what a STRING token stands for, escapes undone; a unicode literal gives UTF-8.
 *
 *   returns  false: it names a character (\N{...}), or is none that Python takes
 */
bool python_string_value(struct span literal, struct buf *out);
