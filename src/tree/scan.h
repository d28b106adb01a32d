/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* scan -- what one directory of a tree holds: names and nodes, nothing is read or followed. */

#include "base/error.h"
#include "tree/node.h"

struct tree_sink {
	void *context;
	/* Once per name, in no order; kind TREE_UNKNOWN when it could not be looked at. All is
	 * borrowed during the call. */
	int (*entry)(void *context, const char *name, const struct tree_node *node,
	             struct error *err);
};

/*
 * Lists the directory `path` below the root.
 *
 *   self     the directory itself, as it was before its names were read
 *   settled  false: names came or went meanwhile, so one that is missing here may well be there
 */
int tree_scan(int rootfd, const char *path, struct tree_node *self, const struct tree_sink *sink,
              bool *settled, struct error *err) MUST_CHECK;
