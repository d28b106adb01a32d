/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* csv -- the members of a list as a table: RFC 4180, UTF-8, a line of names first. A value that begins with
 * what a spreadsheet takes for a formula (= + - @, a tab, the end of a line), or with an apostrophe, has an
 * apostrophe before it. */

#include "lists/list.h"

/* Appended. `secrets`: a column of passwords. */
void lists_members_csv(const struct lists_list *l, bool secrets, struct buf *out);
/* One value of such a table; appended. */
void lists_csv_cell(struct buf *out, struct span cell);
