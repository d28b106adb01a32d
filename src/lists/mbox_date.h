/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mbox_date -- when a message was written, or came: of a Date field (RFC 5322 section 3.3 with the
 * obsolete forms, and what else is found there) or a From_ line. */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 UTC. A time without a zone is UTC. False: it is no date. */
bool lists_mbox_date(struct span text, int64_t *at);
/* The date of a line "From ADDRESS Sun Nov 22 15:00:00 2026". */
bool lists_mbox_from_date(struct span line, int64_t *at);
