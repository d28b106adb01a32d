/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* attributes -- owner, mode, times and extended attributes of an open file. */

#include "base/error.h"
#include "tree/node.h"

/* The extended attributes that are carried, by name; the names of others. */
int tree_attributes_read(int fd, struct tree_attributes *out, struct error *err) MUST_CHECK;

/*
 * Gives the file owner, group, mode, extended attributes (these and no others of those that are
 * carried) and mtime, so that the later does not undo the earlier: chown(2) takes set-uid bits and
 * capabilities away, an ACL the group's bits.
 *
 *   notes   a line for each that could not be given
 *   errors  of the disk
 */
int tree_attributes_give(int fd, const struct tree_node *node,
                         const struct tree_attributes *attributes, struct strings *notes,
                         struct error *err) MUST_CHECK;

struct timespec tree_time(int64_t ns);
