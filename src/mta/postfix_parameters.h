/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * postfix_parameters -- what becomes of each parameter of main.cf when a server moves. To decide
 * about one more, add a row.
 */

enum postfix_how {
	POSTFIX_COPY,      /* same value; types of tables that the new host has not are replaced */
	POSTFIX_TRANSLATE, /* same meaning, other value: numbers of users, addresses */
	POSTFIX_NEVER,     /* belongs to the old machine or its installation */
	POSTFIX_PERSON,    /* not known here: listed, not carried */
};

struct postfix_parameter {
	const char *
		name; /* with a '*' at its end: all that begin so; the first row that fits counts */
	enum postfix_how how;
	const char *why;
};

/* Never NULL: the last row fits everything. */
const struct postfix_parameter *postfix_parameter(const char *name);
