/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* knock -- an address as a sender on this host meets it, on port 25. */

#include "base/cleanup.h"
#include "base/text.h"

enum knock {
	KNOCK_GREETED, /* 220 */
	KNOCK_ODD,     /* somebody answers, but not with 220 */
	KNOCK_SHUT,    /* refused, or nobody answers in 5 s */
	KNOCK_NO_WAY, /* there is no way there from here, though the world may have one: proves nothing */
};
/* `why` gets what was met instead of a greeting, behind "; " when there is something in it. */
enum knock knock_smtp(const char *address, struct buf *why);
