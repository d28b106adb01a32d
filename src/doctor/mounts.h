/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* mounts -- which file system a path lies on: /proc/self/mountinfo, proc_pid_mountinfo(5). Pure. */

#include "base/text.h"

#include <stdbool.h>

#define MOUNTS_MAX 20000u

struct mount {
	char *point;  /* where it is mounted */
	char *root;   /* which directory of the file system stands there */
	char *type;   /* "ext4", "nfs4" */
	char *source; /* "/dev/sda1", "nas.example.org:/mailman" */
	char *device; /* "8:1" */
};
struct mounts {
	struct mount *rows; /* owned; in the order of mounting */
	size_t n, room;
	size_t bad; /* lines that are none */
};
void mounts_fini(struct mounts *m);

void mounts_parse(struct mounts *m, struct span text);
/* The one that holds `path`, an absolute one without links; NULL: none. */
const struct mount *mounts_find(const struct mounts *m, const char *path);
/* Can other machines have the same files, by its type? */
bool mount_is_shared(const struct mount *m);
/* The path within the file system, appended: what two mounts of one source have in common. */
void mount_within(const struct mount *m, const char *path, struct buf *out);
