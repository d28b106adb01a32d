/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * tree -- brings a plain file tree (list data, archives, web folders, keys) on the new side to the
 * state of the one on the old side, again and again; each pass moves only what changed.
 *
 * Kept: regular files with their holes, symbolic links as such (their text is never judged and
 * never followed), hard links inside the tree, empty directories, modes, mtimes to the nanosecond,
 * user.* attributes, capabilities, POSIX ACLs, owners through a map; names of any octets. Not kept,
 * and each told of by name in `not_kept`: FIFOs, sockets, devices, other attributes (labels of
 * SELinux and signatures of IMA belong to a host, and are passed over in silence), what changes
 * faster than it can be read. Access times and inode flags are not looked at.
 *
 * What makes a pass true at its end, whenever it ends:
 *  1. A file is not read again when size, both times and inode on old are those that the ledger
 *     (state/trees.h) has from the pass that copied it, and size and mtime on new are the same.
 *     When only its ctime changed, it is hashed on old; when the ledger has nothing (a first pass
 *     over a tree that someone else brought, or we were killed before the ledger was written), it
 *     is hashed on both sides. Only what differs travels.
 *  2. The ledger is written after the files are durable in their places on new.
 *  3. A file that changed while it was read, twice, is not copied and not in the ledger; one that
 *     changed just before may change again unseen, so the ledger does not vouch for it.
 *  4. Nothing on new is written outside of the root, or through a link: tree/write.h. A file, link
 *     or the like that has the name of something else on old is replaced by it; a directory is
 *     not, unless delete_extra.
 *
 * Memory: the rows of a batch, one directory at a time, a row for each directory that has to be
 * touched and for each file with several names. Never a file.
 */

#include "base/error.h"
#include "remote/host.h"
#include "state/state.h"
#include "tree/node.h"

#include <stdbool.h>
#include <stdint.h>

struct copy_tree_id {
	uint32_t from, to;
};

struct copy_tree_progress {
	uint64_t files, octets;             /* durable on new, in this pass */
	uint64_t under_way;                 /* octets that travelled, and are not durable yet */
	uint64_t total_files, total_octets; /* found so far to be brought in this pass */
	const char *path;                   /* directory at hand; printable */
};

enum copy_tree_found {
	COPY_TREE_MISSING = 1, /* new does not have it */
	COPY_TREE_CONTENT,     /* another content, target or kind of thing */
	COPY_TREE_ATTRIBUTES,  /* another owner, mode, time or attribute */
	COPY_TREE_EXTRA,       /* only new has it */
};

enum copy_tree_verdict {
	COPY_TREE_TAKE = 1,
	COPY_TREE_LEAVE, /* it does not belong to this pass after all */
};

/* What a caller knows of the files in its tree; each function may be NULL. Paths are below the root,
 * and borrowed as all else is. */
struct copy_tree_rules {
	void *context;
	/* What does not belong to the pass is left alone on both sides, without a word. Asked of each
	 * name before it is looked at, on old and on new; of a directory before all that lies below. */
	bool (*belongs)(void *context, const char *path, const struct tree_node *node);
	/* Owner, group and mode as they are to be on new; `node` has them after the maps. Always the
	 * same answer for the same node. "" is the root. */
	void (*dress)(void *context, const char *path, struct tree_node *node);
	/* Whether `read` wants to see a regular file. */
	bool (*reads)(void *context, const char *path, const struct tree_node *node);
	/* The whole content of such a file before it is written, perhaps changed: the same content has
	 * always to be changed in the same way. Not called for one that the ledger vouches for. Files of
	 * more than COPY_TREE_READ_MAX octets fail. */
	enum copy_tree_verdict (*read)(void *context, const char *path, struct buf *content);
	/* Whether what a pass has brought and old has no more is removed, delete_brought; nothing is
	 * under way on new while it is asked. */
	bool (*removes)(void *context, const char *path, const struct tree_node *node);
	/* For each difference that a dry run finds. */
	void (*found)(void *context, const char *path, enum copy_tree_found what);
};
#define COPY_TREE_READ_MAX (256u << 20)

struct copy_tree_options {
	const char *from_root,
		*to_root; /* borrowed; absolute, on their hosts. The new one is made */
	/* Numbers on old that are others on new; borrowed. Where a map has rows, a number without a
	 * row is kept and told of once. ACLs go through the same maps. */
	const struct copy_tree_id *uids, *gids;
	size_t uids_n, gids_n;
	bool content;      /* read all files on both sides, whatever the times say */
	bool delete_extra; /* remove on new what old has not, with all that lies below */
	/* Remove on new what an earlier pass has brought and old has not any more. The ledger then says
	 * of a file that it is coming before it can be there, so that no break leaves one behind. Symbolic
	 * links and further names of a file are not in the ledger, and only told of. */
	bool delete_brought;
	bool dry_run; /* counts and lists what would be done; nothing is changed */
	const struct copy_tree_rules *rules; /* borrowed; NULL: none */
	void (*progress)(void *context,
	                 const struct copy_tree_progress *progress); /* may be NULL */
	void *context;
};

struct copy_tree_result {
	uint64_t entries;          /* of all kinds, on old */
	uint64_t created, updated; /* files, links and directories; with new content */
	uint64_t attributes;       /* only owner, mode, times or attributes were set */
	uint64_t hard_links;       /* names given to files that are there; also in created */
	uint64_t removed, unchanged;
	uint64_t vanished;               /* removed on old while we copied */
	uint64_t failed;                 /* not there as they should be; each is in not_kept */
	uint64_t bytes_read, bytes_sent; /* of content: hashed or sent on old; sent */
	struct strings not_kept; /* "PATH: why", printable: could not be copied, or not all of it */
	struct strings extra;    /* on new, not on old; left alone, unless delete_extra */
	struct strings notes;    /* of the pass as a whole: a number without a row in the map */
	double seconds;
};
#define AUTO_COPY_TREE_RESULT __attribute__((cleanup(copy_tree_result_fini)))
void copy_tree_result_fini(struct copy_tree_result *r);

/*
 * One pass.
 *
 *   from, to  `to` needs control, unless dry_run
 *   state     not in a transaction
 *   out       zeroed by the caller; what was done is added to it, also when the pass fails
 *   returns   0 when the pass came to its end; look at out->failed. A missing old root: sys_errno
 *             ENOENT. Roots of one host that lie in each other are refused. A full disk on new:
 *             ERROR_RETRY_PERSON; the next pass goes on from there
 */
int copy_tree(struct host *from, struct host *to, const struct copy_tree_options *options,
              struct state *state, struct copy_tree_result *out, struct error *err) MUST_CHECK;
