/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * read -- octets become values, or are refused: pickles of protocols 0 to 5, and marshal files of
 * Python 2 (versions 0 to 2) and 3.
 *
 * Nothing is imported, called or run. A class or function is a name; REDUCE, INST, OBJ, NEWOBJ and
 * BUILD make VALUE_INSTANCE and VALUE_CALL, which only say what the writer wanted. By themselves
 * become plain values: _codecs.encode(text, "latin1") a str, set(...) and frozenset(...) sets: so
 * Python 3 writes bytes, and both write sets, in the older protocols.
 * A name that no Mailman writes (os.system, and any other that is not in the table of globals.c) is
 * refused where it stands, unless `foreign` allows it; then it is as inert as the others.
 *
 * An error names the offset in `octets` and the opcode: "octet 1234: BININT2: the file ends in it".
 * Its scope is MAILBOX (one list's file), retry NEVER.
 *
 * Source of the rules: Python's own pickletools (the opcodes' documentation) and, of marshal, what
 * Python 2.7 writes.
 */

#include "base/text.h"
#include "pickle/value.h"

#include <stdbool.h>

/* What one file may cost; `= { 0 }` is the default of each, and NULL that of all. */
struct read_limits {
	size_t octets;  /* of the file; default 1 GiB */
	size_t memory;  /* octets that the values may take; default 64 MiB, and 8 times the file */
	unsigned depth; /* things inside things; default VALUE_DEPTH_MAX */
	bool foreign;   /* take names that no Mailman writes, too */
};

/*
 * Reads the pickle that begins at *at; then *at is the octet behind its STOP. Values borrow from
 * `octets`. On failure *value is what had been read up to there, put together as far as that can be
 * known (or absent), and *at where the bad opcode begins.
 */
int pickle_read(struct value_arena *arena, struct span octets, size_t *at,
                const struct read_limits *limits, struct value *value, struct error *err)
	MUST_CHECK;

/* Reads one marshal value. The same promises. */
int marshal_read(struct value_arena *arena, struct span octets, size_t *at,
                 const struct read_limits *limits, struct value *value, struct error *err)
	MUST_CHECK;

/* A whole file: as many pickles as stand in it one behind the other (a queue file has two, the
 * message and its metadata), or one marshal value (which a file is that begins with "{"). */
struct value_file {
	struct value_arena *arena; /* owned; all values are in it */
	struct buf octets;         /* owned; what was read */
	struct value *rows;        /* owned */
	size_t n, room;
	bool is_marshal;
	bool is_torn; /* after a failure: the last row is one that the damage cut */
};
#define AUTO_VALUE_FILE __attribute__((cleanup(value_file_fini)))
void value_file_fini(struct value_file *f);

/* Takes the octets out of *octets, which is empty afterwards. An empty file is an error. On failure
 * *f holds what was read up to the damage. The caller ends *f in either case. */
int value_file_read(struct value_file *f, struct buf *octets, const struct read_limits *limits,
                    struct error *err) MUST_CHECK;

/* Pipermail's index of articles is a marshal dict whose values are pickles: each str in a dict that
 * is the row of a file, and that a whole pickle stands in, becomes VALUE_CALL of pickle.loads with
 * what that pickle holds as its one argument. Returns how many. */
size_t value_file_open_nested(struct value_file *f, const struct read_limits *limits);
