/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * aliases -- tables that say where an address leads, as text: aliases(5) ("name: target, target"),
 * Postfix's lookup tables such as virtual(5) ("key value, value"), and lists of addresses (what
 * :include: names, .forward). Pure; fuzzed.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum alias_form {
	ALIAS_FORM_ALIASES, /* name: targets */
	ALIAS_FORM_TABLE,   /* key, blanks, value */
	ALIAS_FORM_LIST,    /* targets only; the row's name is empty */
};

#define ALIAS_LINE_MAX (1u << 20) /* octets of one logical line; a longer one is counted as bad */
#define ALIAS_TARGETS_MAX 100000u /* of one row; more are counted as bad */

struct alias_reader {
	struct span rest; /* borrowed text, what is left of it */
	enum alias_form form;
	unsigned line;      /* number of the last line that was read */
	size_t bad;         /* logical lines that are no row */
	struct buf logical; /* owned; the line with its continuations */
};

/* One row; spans are borrowed until the next call. */
struct alias_row {
	struct span name;  /* without quotes around it */
	struct span value; /* all that follows, trimmed */
	unsigned line;     /* where the row starts; the first is 1 */
};

void alias_reader_init(struct alias_reader *r, enum alias_form form, struct span text);
void alias_reader_fini(struct alias_reader *r);
#define AUTO_ALIAS_READER __attribute__((cleanup(alias_reader_fini)))

/* Reads the next row; false at the end. A line that begins with a blank continues the one before
 * it, comments and empty lines between them do not (aliases(5), postmap(1)). */
bool alias_next(struct alias_reader *r, struct alias_row *row);

/* Cuts the next target off a row's value: separated by commas (in a list also by blanks), quotes
 * around it and backslashes inside them removed. False at the end.
 *
 *   out  emptied first */
bool alias_next_target(struct span *value, enum alias_form form, struct buf *out);

enum alias_target {
	ALIAS_TARGET_ADDRESS,
	ALIAS_TARGET_FILE,    /* /path */
	ALIAS_TARGET_PIPE,    /* |command */
	ALIAS_TARGET_INCLUDE, /* :include:/path */
};
/* What a target is, and the path or command or address in it (borrowed from `target`). */
enum alias_target alias_target_of(struct span target, struct span *what);

/* The program of a command line: its first word, without quotes; empty when that is no path. */
struct span alias_program(struct span command);
