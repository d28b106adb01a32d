/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* batch -- what write.c and commit.c share: changes under way, and what became of them. */

#include "tree/digest.h"
#include "tree/write.h"

/* Up to so many changes are synced one by one; a greater batch syncs its file systems at once. */
#define SYNC_ONE_BY_ONE 8u
#define DEVICES_MAX 8u

struct pending {
	uint64_t id;
	char *dir, *from, *to; /* owned */
	bool hard;
};

struct tree_batch {
	int rootfd;
	struct pending *rows; /* to be renamed at the commit */
	size_t n, room;
	uint64_t changes, failures;
	/* An agent whose mailhaul was killed works on for a moment, beside the next one: neither
	 * may take the other's files for its own. */
	unsigned long unique;
	unsigned number;
	/* the file that is being written */
	bool open, skipping;
	int fd;
	struct pending now;
	struct tree_node node;
	struct tree_attributes attributes;
	struct tree_digest digest;
	/* the directory that was used last */
	char *at_dir;
	int at_fd;
	/* to be synced while the batch is small */
	int held_files[SYNC_ONE_BY_ONE], held_dirs[SYNC_ONE_BY_ONE];
	struct device {
		dev_t dev;
		int fd;
	} devices[DEVICES_MAX];
	size_t devices_n;
	bool too_many_devices;
	struct tree_told *told;
	size_t told_n, told_room;
};

void tree_pending_fini(struct pending *p);

/* The record `id` failed: 0, and told at the commit; or -1, when the next would fail as well. */
int tree_batch_fail(struct tree_batch *b, uint64_t id, const struct error *why);
/* The same for errno; *err is set. */
int tree_batch_fail_errno(struct tree_batch *b, uint64_t id, const char *what, struct error *err);
void tree_batch_note(struct tree_batch *b, uint64_t id, char *words); /* takes them */

void tree_batch_note_device(struct tree_batch *b, int fd);
/* Makes b->at_fd the directory at `dir`; -1 with errno. */
int tree_batch_enter(struct tree_batch *b, const char *dir);
/* Enters the directory of `path`; *name is its last component. */
int tree_batch_enter_parent(struct tree_batch *b, const char *path, const char **name);
/* What a change touched, for the commit: the file (it is the batch's now; -1: none), and the
 * directory at hand. */
void tree_batch_hold(struct tree_batch *b, int file);
