/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mlmmj_rosters -- who is a member of a list of mlmmj: files of addresses, one a line, in three directories
 * (subscribers.d, digesters.d, nomailsubs.d), each called by the sign that its addresses begin with. All files of
 * these directories count, whatever they are called: so nothing of ours may wait there.
 */

#include "lists/end_files.h"

/* Brings the plan's members; answer's `members` is how many are there then. Who is there and not in 2.1 is told, and
 * stays. `fd` is the list's directory. */
int mlmmj_rosters_give(int fd, enum lists_end_do what, const struct lists_end_plan *p,
                       struct json_t *answer, struct error *err) MUST_CHECK;

/*
 * Writes virtual.regexp and transport.regexp into the folder: what Postfix has to be told of all lists in it, ours or
 * not, by their control/listaddress; and by which of mlmmj's addresses those of 2.1 are answered.
 */
int mlmmj_tables_write(const struct end_folder *f, struct error *err) MUST_CHECK;
