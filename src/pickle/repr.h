/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* repr -- values on one line as Python 2's repr() has them, from the inside of this room. */

#include "pickle/value.h"

/* Appends the string's repr(). False, and a part of it, if *out would have more than `max` octets. */
bool repr_chars(struct buf *out, struct span s, bool is_text, size_t max);

/* Appends the text in Python's raw-unicode-escape, which protocol 0 uses: latin-1, and \uXXXX. */
void repr_raw_unicode(struct buf *out, struct span utf8);
