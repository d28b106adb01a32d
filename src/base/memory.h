/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * memory -- allocation that succeeds or ends the process.
 *
 * Ending is safe here: whatever matters is journalled and fsynced before it is told to anyone, and
 * each action may be repeated. Sizes that come from outside are held against a named limit before
 * they get here. The caller owns what is returned and frees it with free().
 */

#include <stddef.h>

#include "base/attr.h"

void *xmalloc(size_t size) MUST_CHECK;
void *xcalloc(size_t count, size_t size) MUST_CHECK;
void *xrealloc(void *old, size_t size) MUST_CHECK;
char *xstrdup(const char *text) MUST_CHECK;
char *xstrndup(const char *text, size_t size) MUST_CHECK;
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

/*
 * Makes room for one more row at the end of a growing array.
 *
 *	struct item *rows; size_t n, room;
 *	ARRAY_GROW(list->rows, list->n, list->room);
 *	list->rows[list->n++] = (struct item){ ... };
 */
#define ARRAY_GROW(rows, n, room)                                                                  \
	do {                                                                                       \
		if ((n) == (room)) {                                                               \
			(room) = (room) ? 2 * (room) : 16;                                         \
			(rows) = xrealloc((rows), (room) * sizeof *(rows));                        \
		}                                                                                  \
	} while (0)
