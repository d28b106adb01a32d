/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * write -- values become a pickle or a marshal file that Mailman 2.1 on Python 2 reads back.
 *
 * Every object is what it was: bool and int, int and long, str and unicode, old-style and new-style
 * instances, the order of dicts; what is one thing in the tree is one thing for the reader, also if
 * it holds itself. Opcodes are those that cPickle of Python 2 writes in that protocol; only what is
 * referred to again is put into the memo, and numbers of the memo have no meaning, so that octets
 * differ from those of a file that was read, and values do not.
 *
 * Names of Python 3's modules (builtins, copyreg) become those of Python 2.
 */

#include "pickle/value.h"

#define PICKLE_PROTOCOL_MAX 2u

/* Appends to *out. `protocol`: 0, 1 or 2; config.pck, request.pck, messages and queue files have 1,
 * pending.pck, pipermail.pck, articles and unparsed text in queues 0. Fails for what is too deep,
 * what Python 2 can't make (keywords of NEWOBJ_EX), and a set that holds itself; *out is then as it
 * was. */
int pickle_write(struct value v, unsigned protocol, struct buf *out, struct error *err) MUST_CHECK;

/* Appends to *out, as version 2 of marshal (Python 2.5 and later; earlier ones read all of it but
 * floats). Fails for classes, instances and calls, and for what holds itself. What is shared is
 * written each time: marshal has no references. */
int marshal_write(struct value v, struct buf *out, struct error *err) MUST_CHECK;
