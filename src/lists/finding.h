/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * finding -- what is not as it should be, where it stands, in one sentence. A finding never stops the
 * reading: what it is about is kept as it is, and what stands beside it is read.
 */

#include "base/text.h"

#include <stddef.h>

struct lists_finding {
	char *where; /* an attribute, or a file: "user_options", "config.pck" */
	char *who;   /* the member, cookie or number that it is about; NULL: all of `where` */
	char *text;  /* one sentence, fit for a terminal */
};
struct lists_findings {
	struct lists_finding *rows; /* owned; in the order of finding */
	size_t n, room;
};
void lists_findings_fini(struct lists_findings *f);
/* `who` is copied, fit for a terminal; NULL: none. */
void lists_findings_add(struct lists_findings *f, const char *where, const struct span *who,
                        const char *format, ...) PRINTF_LIKE(4, 5);
