/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * write -- brings files, links and directories of a tree to disk, in batches.
 *
 * Files lie beside their place under a name of ours (TREE_TEMPORARY) until tree_commit(), which
 * makes all of them durable, renames each into place in the order in which they were begun, makes
 * that durable too, and only then says so. Directories are made, attributes set and names removed
 * at once, and are durable with the commit.
 *
 * Nothing is written through a symbolic link (tree/below.h), nor into a file that is there: content
 * only ever goes into a new one. Attributes of a file with several names are not set in place, for
 * one of the names may be outside the tree.
 *
 * What fails for one file alone (a directory is in its place, no right, a name that the file system
 * does not take) is told at the commit, by the number that the caller gave it. What fails for all
 * (a full disk) is an error; then the batch is spent, and goes away with tree_batch_free().
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "mail/digest.h"
#include "tree/node.h"

struct tree_batch;

/* `rootfd`, the root of the tree, belongs to the batch, which closes it. */
struct tree_batch *tree_batch_new(int rootfd);
void tree_batch_free(struct tree_batch *b);
CLEANUP_DEFINE(struct tree_batch, tree_batch_free);
#define AUTO_TREE_BATCH __attribute__((cleanup(tree_batch_free_at)))

/* A file of node->size octets, to be given the node's owner, mode and mtime; then its content at
 * growing offsets (what is left out is a hole), then its end with the digest of all. */
int tree_put_file(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
                  const struct tree_attributes *attributes, struct error *err) MUST_CHECK;
int tree_put_bytes(struct tree_batch *b, uint64_t offset, struct span bytes, struct error *err)
	MUST_CHECK;
int tree_put_done(struct tree_batch *b, const struct digest *expected, struct error *err)
	MUST_CHECK;
/* Takes back what was begun and not ended. */
void tree_put_drop(struct tree_batch *b);

int tree_put_link(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
                  struct error *err) MUST_CHECK;
/* Another name for the file at `to`, which is in place. */
int tree_put_hard(struct tree_batch *b, uint64_t id, const char *path, const char *to,
                  struct error *err) MUST_CHECK;
/* Mode 0700 until its attributes are set. What is no directory and has that name is removed. */
int tree_make_dir(struct tree_batch *b, uint64_t id, const char *path, struct error *err)
	MUST_CHECK;
/* Of a directory, or of a file with one name. */
int tree_set(struct tree_batch *b, uint64_t id, const char *path, const struct tree_node *node,
             const struct tree_attributes *attributes, struct error *err) MUST_CHECK;
int tree_remove(struct tree_batch *b, uint64_t id, const char *path, bool whole, struct error *err)
	MUST_CHECK;

struct tree_told {
	uint64_t id;
	struct error why; /* it failed; or, without text, `note` */
	char *note;       /* owned; it is in place, but this could not be kept of it */
};

/*
 * All that did not fail is in place and durable.
 *
 *   told  of this batch; borrowed until tree_batch_free()
 *   done  how many did not fail
 */
int tree_commit(struct tree_batch *b, const struct tree_told **told, size_t *told_n, uint64_t *done,
                struct error *err) MUST_CHECK;
