/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * fingerprint -- 64 bits that stand for a text of unknown length, so that a million Message-IDs take a
 * few megabytes. SipHash-2-4 with a key that is made anew in each process: nobody who writes mail can
 * make two that are alike, or many that fall into one place of a table.
 */

#include "base/text.h"

#include <stdint.h>

/* A new key. */
void lists_fingerprint_key(uint64_t key[2]);
/* Never 0. */
uint64_t lists_fingerprint(const uint64_t key[2], struct span text);

/* A Message-ID without blanks at its ends and without its angle brackets. */
struct span lists_bare_id(struct span id);
