/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * passwd_file -- users of a text file in the form of Dovecot's passwd-file driver:
 * user:password:uid:gid:gecos:home:shell:extra fields. Pure; fuzzed.
 *
 * Source: Dovecot 2.3, AuthDatabase.PasswdFile; src/auth/db-passwd-file.c.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Spans are borrowed from the text; a field that the line has not is empty. */
struct passwd_file_row {
	struct span user, password, uid, gid, gecos, home, shell, extra;
	bool has_numbers; /* uid and gid are decimal numbers and were put here: */
	uint32_t uid_number, gid_number;
	unsigned line; /* the first is 1 */
};

/*
 * Cuts the next user off *rest. Comments, empty lines and lines without a name are passed over.
 *
 *   line     counts lines; 0 before the first call
 *   returns  false at the end
 */
bool passwd_file_next(struct span *rest, unsigned *line, struct passwd_file_row *row);

/* Value of an extra field ("userdb_mail", "mail"); false when it has none. Borrowed. */
bool passwd_file_extra(const struct passwd_file_row *row, const char *name, struct span *value);

/* A pair of numbers, old and new. */
struct number_map {
	uint32_t from, to;
	bool group;
};

/* Appends `text` to `out` with every uid and gid that stands in `map` changed; all else stays as it
 * is, byte for byte. Returns how many lines differ. */
size_t passwd_file_renumber(struct span text, const struct number_map *map, size_t map_n,
                            struct buf *out);
