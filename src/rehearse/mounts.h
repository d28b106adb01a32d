/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mounts -- which file systems of the real host a sealed copy has to carry besides "/".
 *
 * An overlay over "/" shows the root file system only: where the real host has another one mounted
 * (/home, /usr, /var on a disk of their own) it shows the empty directory below. So each mount of
 * a real file system gets an overlay of its own at the same place. What the kernel makes up (proc,
 * sysfs, tmpfs and the like) is left out: a sealed host has its own.
 */

#include "base/text.h"

#include <stdbool.h>

struct mount_row {
	int id;
	char *path; /* owned */
	char *type; /* owned; "ext4" */
};

struct mount_list {
	struct mount_row *rows; /* owned; in the order in which they were mounted */
	size_t n, room;
};

#define AUTO_MOUNT_LIST __attribute__((cleanup(mount_list_fini)))
void mount_list_fini(struct mount_list *l);

/* Picks the mounts to carry out of the text of /proc/self/mountinfo (proc(5)). Pure. Lines that
 * make no sense are left out. */
void mount_list_parse(struct mount_list *out, struct span mountinfo);

/* True when `path` still leads into mount `id`: not covered by a later mount. */
bool mount_is_visible(int id, const char *path);
