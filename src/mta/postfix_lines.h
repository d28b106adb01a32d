/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * postfix_lines -- main.cf and master.cf as text: settings get other values for a while, services are
 * added, and all of it is taken back octet for octet. Pure; fuzzed.
 */

#include "base/text.h"

#include <stddef.h>

/* One that takes the place of those that set `name`, which wait behind a mark; NULL: it is only added. */
struct postfix_line {
	const char *name;
	const char *line; /* without its end */
};

/* Appends `text` with these lines to `out`; what an earlier call had put into `text` goes. */
void postfix_lines_put(struct span text, const struct postfix_line *lines, size_t n,
                       struct buf *out);
/* Appends what `text` was before. */
void postfix_lines_take_back(struct span text, struct buf *out);
