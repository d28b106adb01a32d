/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* master_lines -- lines of `postconf -M` compared and changed. Pure. Source:
 * master(5). */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* A service; owned. */
struct master_line {
	char *name, *type;
	char *columns[5]; /* private, unprivileged, chroot, wake-up, process limit */
	char *command;
};
struct master_lines {
	struct master_line *rows;
	size_t n, room;
};
#define AUTO_MASTER_LINES __attribute__((cleanup(master_lines_fini)))
void master_lines_fini(struct master_lines *l);

/* Reads `postconf -M`; a chroot column of "-" becomes `chroot` ("y" or "n": the default goes by
 * compatibility_level). Returns how many lines are none. */
size_t master_lines_parse(struct span text, const char *chroot, struct master_lines *out);

const struct master_line *master_line_find(const struct master_lines *l, const char *name,
                                           const char *type);
bool master_line_same(const struct master_line *a, const struct master_line *b);

/* Fit to be given to postconf(1): name, type, columns and program are words of the usual octets; the
 * program lies in the daemon directory. */
bool master_line_good(const struct master_line *l);
/* The program's name; the caller owns it. */
char *master_line_program(const struct master_line *l);
/* "name/type=name type private ..."; the caller owns it. */
char *master_line_edit(const struct master_line *l);

/* Leaves the old host's own addresses out: of the name ("203.0.113.10:smtp" becomes "smtp"), and of
 * "-o smtp_bind_address=". True when something was changed. */
bool master_line_without_addresses(struct master_line *l, const struct strings *addresses);
