/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* trace -- the header lines that an SMTP server puts on top (RFC 5321 section 4.4). */

#include "smtp/envelope.h"

/*
 * Appends "Received: from HELO (NAME [ADDRESS]) by US with ESMTPS id ID for <ONE>; DATE\r\n",
 * folded. "for" only when there is exactly one recipient. All that the client chose is made
 * harmless: a comment or line can't be ended by it.
 */
void smtp_trace_add(struct buf *out, const struct smtp_peer *peer,
                    const struct smtp_envelope *envelope, const char *us, const char *id);
