/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* letter -- a message that a question sends. Inside the room. */

#include "check/check.h"

/* Whether one may be sent: a person has said so, and to whom. Else the reason is told. */
bool letter_may_go(const struct check_asking *a, struct buf *seen);
/* From whom it comes; "": from nobody, because nobody is named. */
const char *letter_sender(const struct check_asking *a);
/* Header and the empty line behind it; a body may follow, with lines that end by CRLF. */
void letter_begin(struct buf *out, const char *from, const char *to, const char *subject);
