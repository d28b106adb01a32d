/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* batch -- what store/write.c fills and store/commit.c brings into place: for these two alone. */

#include "store/sync.h"
#include "store/write.h"

/* No mail program makes such names; so all of them are ours, and left over when a batch begins. */
#define BATCH_TEMPORARY "mailhaul.tmp."

struct pending {
	char *root, *from_dir, *from, *to_dir, *to; /* owned; directories below the root */
	uint64_t inode;                             /* of a link: 0 */
};

struct write_batch {
	int rootfd;
	struct pending *rows;
	size_t n, room;
	struct sync_list contents, directories;
	unsigned number;
	/* the one that is being written */
	bool open;
	int fd;
	struct pending now;
	struct digest_state digest;
	struct write_target target; /* its numbers only */
	uint64_t unsynced;          /* octets since the disk was told to begin */
	pid_t ahead;                /* see sync_ahead() */
	/* the directory that was used last */
	char *at_root, *at_dir;
	int at_fd;
	/* what a child process brings into place: write_commit_ahead() */
	struct {
		pid_t child; /* 0: none */
		int fd;      /* where it tells how that went */
		struct pending *rows;
		size_t n;
		size_t placed; /* without a child; not told yet */
	} under_way;
	/* of what came into place: first what the last call told of, then what the next one will */
	uint64_t *inodes; /* owned */
	size_t inodes_n, inodes_room, inodes_told;
};

void batch_pending_fini(struct pending *p);
/* A directory below a root; the caller owns the descriptor. */
int batch_open(struct write_batch *b, const char *root, const char *path, struct error *err)
	MUST_CHECK;
/* Makes b->at_fd the directory for temporary files. */
int batch_enter(struct write_batch *b, const char *root, const char *dir, struct error *err)
	MUST_CHECK;
