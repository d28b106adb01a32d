/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* read -- one file of a tree: attributes, content in pieces, digest; and whether it held still. */

#include "base/error.h"
#include "mail/digest.h"
#include "tree/node.h"

enum tree_want {
	TREE_WANT_META,    /* node and extended attributes; also of a directory */
	TREE_WANT_DIGEST,  /* content is read and hashed; given too, but for nobody */
	TREE_WANT_CONTENT, /* all of it */
};

/* All is borrowed during a call. */
struct tree_reader {
	void *context;
	int (*begin)(void *context, const struct tree_node *node,
	             const struct tree_attributes *attributes, struct error *err);
	/* Offsets only grow; what is left out reads as zeros. At most 256 KiB. */
	int (*bytes)(void *context, uint64_t offset, struct span bytes, struct error *err);
};

/*
 * Reads the regular file (or, for its attributes, the directory) at `path` below the root.
 *
 *   digest  of the content; zeros without content
 *   young   it was changed so shortly before that a change after this reading might not show in
 *           its times: what was read is true, and proves nothing about later
 *   errors  it changed while it was read: ERROR_RETRY_LATER, with sys_errno 0
 */
int tree_read(int rootfd, const char *path, enum tree_want want, const struct tree_reader *reader,
              struct digest *digest, bool *young, struct error *err) MUST_CHECK;
