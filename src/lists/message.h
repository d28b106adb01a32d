/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * message -- messages as Mailman's pickles hold them (held, queued, of a bounce probe): back to text.
 *
 * Mailman keeps a message as a str, the text as it came, or as an instance of Python's email
 * package: headers as (name, value), and the body, or the messages that it holds. Line ends are LF.
 *
 * Source: email.generator and Mailman/Generator.py on Python 2.7.
 */

#include "base/text.h"
#include "pickle/value.h"

enum lists_message_form {
	LISTS_MESSAGE_EXACT = 1, /* what a runner would send, octet for octet */
	LISTS_MESSAGE_NEARLY, /* the same words; a boundary, or the encoding of a header, is ours */
	LISTS_MESSAGE_NONE,   /* is no message: nothing was appended */
};

/* Appends the whole message. */
enum lists_message_form lists_message_text(struct value message, struct buf *out);
/* Without the From_ line, which a str can begin with. `message` of another kind: empty. */
struct span lists_message_unix_from(struct value message);
/* The first header of that name (no matter the case), unfolded; false when there is none. The octets
 * are appended as they are. */
bool lists_message_header(struct value message, const char *name, struct buf *out);
