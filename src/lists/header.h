/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * header -- a header's value that is an instance of Python's email.header.Header: pieces of text, each
 * with its charset, which Python encodes when the message is sent.
 *
 * Pieces that need no encoding come out as Python's own do, but for the folding of long lines; others
 * as encoded words in UTF-8 (RFC 2047): the same text, in a charset that everyone reads.
 */

#include "base/text.h"
#include "pickle/value.h"

/* Appends it. False when it is no such instance; nothing is appended then. */
bool lists_header_text(struct value header, struct buf *out);
/* Text in UTF-8 as encoded words, a line each; appended. */
void lists_header_words(struct span text, struct buf *out);
