/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * write -- brings messages and the files beside them to disk, in batches.
 *
 * Nothing is visible before write_commit(): messages lie in their folder's tmp/, other files
 * beside their place under a name of ours. Commit makes all of it durable, renames each into
 * place, in the order in which they were begun, makes that durable too, and only then says so.
 * Many messages for a folder whose cur/ is empty come into place first, and all at once: the
 * directory in which they were written becomes cur/ (store/batch.h). What a killed process left
 * behind is removed when a batch next touches that directory: so two batches that are open at the
 * same time need directories of their own.
 *
 *	write_begin_message() write_bytes()... write_end()	one after the other
 *	write_begin_file()    write_bytes()... write_end()
 *	write_commit()
 *
 * After a failed call the batch is spent: everything in it that is not yet in place goes away with
 * write_batch_free(), and is sent again.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "mail/digest.h"
#include "store/sync.h"

#include <stdbool.h>
#include <stdint.h>

struct write_batch;

/* `rootfd` is borrowed until write_batch_free(). */
struct write_batch *write_batch_new(int rootfd);
void write_batch_free(struct write_batch *b);
CLEANUP_DEFINE(struct write_batch, write_batch_free);
#define AUTO_WRITE_BATCH __attribute__((cleanup(write_batch_free_at)))

/* All strings are borrowed during the call. */
struct write_target {
	const char *root;   /* absolute, as on the host: the account's root, its home ... */
	const char *folder; /* message: its folder below the root */
	const char *path;   /* file: below the root; its directories are there or are made */
	bool in_new;        /* message */
	const char *name;   /* message: file name with its suffix */
	uint64_t keep;      /* file: so many octets of the one that is there come first */
	uint32_t mode, uid, gid;
	int64_t mtime_ns;
	bool digested; /* whoever gives the octets has their digest: write_end_digested() ends it */
};

int write_begin_message(struct write_batch *b, const struct write_target *t, struct error *err)
	MUST_CHECK;
int write_begin_file(struct write_batch *b, const struct write_target *t, struct error *err)
	MUST_CHECK;
int write_bytes(struct write_batch *b, struct span bytes, struct error *err) MUST_CHECK;
/* The octets written (with those kept) must have this digest; other ones are an error and do not
 * reach their place. */
int write_end(struct write_batch *b, const struct digest *expected, struct error *err) MUST_CHECK;
/* The same of octets that this process has read itself: there is none to expect, *digest is told. */
int write_end_own(struct write_batch *b, struct digest *digest, struct error *err) MUST_CHECK;
/* The same when the octets that were given have been digested where they were read. */
int write_end_digested(struct write_batch *b, struct error *err) MUST_CHECK;
/* Takes back what was begun and not ended; the batch goes on. */
void write_drop(struct write_batch *b);
/* A symbolic link at t->path, pointing to `target`, instead of what is there. */
int write_link(struct write_batch *b, const struct write_target *t, const char *target,
               struct error *err) MUST_CHECK;

/* What has changed elsewhere becomes durable together with what the batch has written, so before any
 * of that comes into place; `changed` is emptied. */
void write_sync_with(struct write_batch *b, struct sync_list *changed);

/* All of them in place and durable, or an error (some of them may be in place then). *placed is how
 * many are since this or write_commit_ahead() told last. */
int write_commit(struct write_batch *b, size_t *placed, struct error *err) MUST_CHECK;
/* Of those that the last commit told of, in the order in which they were begun: one each, valid up to
 * the next call. */
const uint64_t *write_inodes(const struct write_batch *b);
/*
 * The same by a child process, while the batch takes further files: what is told here, files and
 * errors, is of the call before. The next call of either waits for it, and write_batch_free() too.
 */
int write_commit_ahead(struct write_batch *b, size_t *placed, struct error *err) MUST_CHECK;
