/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* ports -- the doors of a mail host (the IANA service names; RFC 8314 for the TLS ones). */

#include "base/attr.h"

#include <stdint.h>

static const uint16_t ports_smtp[] = { 25 };
static const uint16_t ports_submission[] = { 465, 587 };
static const uint16_t ports_mailbox[] = { 110, 143, 993, 995, 4190 };
static const uint16_t ports_mail[] = { 25, 465, 587, 110, 143, 993, 995, 4190 };
