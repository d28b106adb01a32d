/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* batch -- what store/write.c fills and store/commit.c brings into place: for these two alone. */

#include "store/sync.h"
#include "store/write.h"

/* No mail program makes such names; so all of them are ours, and left over when a batch begins. */
#define BATCH_TEMPORARY "mailhaul.tmp."
/* In a folder's tmp/: becomes its cur/ as a whole. */
#define BATCH_ASIDE BATCH_TEMPORARY "cur"

struct pending {
	char *root, *from_dir, *from, *to_dir, *to; /* owned; directories below the root */
	uint64_t inode;                             /* of a link: 0 */
	size_t aside;                               /* 0: none; 1: in the first of the asides ... */
	bool same_dir;                              /* from_dir is that of the row before */
};

/*
 * Messages of a folder whose cur/ is empty are written under their names into a directory of ours, in
 * tmp/, that then replaces cur/: one rename(2) for all of them. That fails when something has come into
 * cur/ meanwhile (ENOTEMPTY), and then each is renamed as ever.
 */
struct batch_aside {
	char *root, *from_dir, *to_dir; /* owned; from_dir: the folder's tmp/ */
	uint64_t dev, inode;            /* of the directory of ours */
	bool in_place;
};

struct write_batch {
	int rootfd;
	struct pending *rows;
	size_t n, room;
	struct batch_aside *asides;
	size_t asides_n, asides_room;
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
	unsigned at_messages; /* for its cur/ */
	bool at_used;         /* so it gets no aside */
	bool at_listed;       /* it is the last row's from_dir */
	int aside_fd; /* of the last of the asides, which is this directory's; -1: it has none */
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
/* The directory that was used last is done with, as far as an aside is in it. */
void batch_leave_aside(struct write_batch *b);
/* A directory of ours in an open tmp/; the caller owns the descriptor. -1 with errno. */
int batch_open_aside(int tmpfd);
/* A directory below a root; the caller owns the descriptor. */
int batch_open(struct write_batch *b, const char *root, const char *path, struct error *err)
	MUST_CHECK;
/* Makes b->at_fd the directory for temporary files. */
int batch_enter(struct write_batch *b, const char *root, const char *dir, struct error *err)
	MUST_CHECK;
