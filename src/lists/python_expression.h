/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * python_expression -- works out an expression that is made of literals, names, os.path.join(), +,
 * % and arithmetic. What is cleverer has no value here: nothing is guessed, nothing is run. Pure.
 */

#include "lists/python_token.h"
#include "lists/python_value.h"

#define PYTHON_WORK_MAX (8u << 20)

/* What names stand for. */
struct python_names {
	void *context;
	uint64_t work; /* octets and values made so far; past PYTHON_WORK_MAX nothing has a value */
	/*
	 *   value    1: its value, borrowed
	 *   why      -1: why it is not known; appended to
	 *   returns  1 it has a value, 0 nothing has that name, -1 its value is not known
	 */
	int (*look)(void *context, struct span name, struct python_value **value, struct buf *why);
};

/*
 * The value of all of the `n` tokens; the caller lets go of it.
 *
 *   why      emptied first; when it has no value: words that say why
 *   returns  NULL: it has none
 */
struct python_value *python_evaluate(const struct python_token *tokens, size_t n,
                                     struct python_names *names, struct buf *why);

/* Two values with an operator between them ("+", "%", "|"); NULL as above. */
struct python_value *python_operate(struct span operator, const struct python_value * a,
                                    const struct python_value *b, struct buf *why);
