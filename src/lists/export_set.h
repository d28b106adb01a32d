/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * export_set -- what makes files of lists/export.h one set, that can be made again and looked after with other tools:
 * DIR/LIST/SHA256SUMS, as sha256sum(1) reads it, of all files of a list; and DIR/lists.csv, a line a list.
 */

#include "lists/export.h"

/*
 * Writes SHA256SUMS of the files that were written, as they are on disk now. Those of an earlier one that are not
 * among them, a post that was held then, are removed; what nobody has written down stays.
 */
int lists_export_sums(const char *dir, const struct lists_list *l,
                      const struct lists_export_result *r, struct error *err) MUST_CHECK;

/* A line of lists.csv, with its end; without a list, that of the names. Appended. */
void lists_export_line(const struct lists_list *l, const struct lists_export_result *r,
                       struct buf *out);
/* Puts it into place, durably. */
int lists_export_index(const char *dir, const struct buf *lines, struct error *err) MUST_CHECK;
