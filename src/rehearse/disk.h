/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * disk -- a throw-away disk: ext4 with a journal in a file that never has a name.
 *
 * The file is made with O_TMPFILE, the loop device is told to let go of it with its last user
 * (LO_FLAGS_AUTOCLEAR), and the file system is mounted in the caller's own mount namespace. So when
 * that namespace ends, by whatever death, the kernel unmounts, detaches and frees; there is nobody
 * who would have to clean up.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct disk {
	int loop;          /* N of /dev/loopN; -1: none, it is in memory */
	char backing[128]; /* as sysfs names the file, with its inode number */
};

/*
 * Makes a disk and mounts it at `at`, which must be in a mount namespace of the caller's own.
 *
 *   out     also on failure, as far as it came: what disk_is_gone() and disk_forget() want
 *   size    octets, sparse; 0: in memory instead, half of it at most
 *   at      an empty directory
 *   node    a path at which a device node may be made for a moment, on a file system of the
 *           caller's own: the real /dev may lack the node, and must not get one
 *   block   descriptor of the real /sys/block, which may be covered by now; borrowed
 *   errors  PERSON with a hint for what is missing (mkfs.ext4, loop devices, O_TMPFILE, room)
 */
int disk_mount(struct disk *out, uint64_t size, const char *at, const char *node, int block,
               struct error *err) MUST_CHECK;

/* True when the loop device no longer holds this disk. Looks at sysfs: to open the device would
 * keep it. */
bool disk_is_gone(const struct disk *d);

/* Adds the names of the loop devices that are there whether we run or not, used or idle. */
void disk_list_loops(struct strings *names);

/* Takes the disk's loop device away if nobody uses it and it is not among those that there were
 * `before`. When all processes die at once an idle /dev/loopN may stay; it is the one thing that
 * does. */
void disk_forget(const struct disk *d, const struct strings *before);
