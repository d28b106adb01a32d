/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * header -- looks into a message's header section (RFC 5322 section 2.2) without touching it.
 *
 * Lines may end in LF or CRLF; octets 0 and above 127 are no obstacle. What is not a header field
 * is stepped over, since real mail holds anything.
 */

#include "base/text.h"

#include <stdbool.h>

/* As much of a message as anybody here looks at for a header. */
#define HEADER_LOOK_MAX (64u << 10)

/* Cuts the next field off *rest, with its continuation lines; `name` is without the colon, `value`
 * is trimmed. False at the empty line that ends the header section, or the end. */
bool header_next(struct span *rest, struct span *name, struct span *value);

/* The first field of that name, without regard to case. False when there is none. */
bool header_find(struct span message, const char *name, struct span *value);

/* Appends the Message-ID as it stands ("<...>"), unfolded; at most 998 octets; nothing when there
 * is none. */
void header_message_id(struct span message, struct buf *out);
