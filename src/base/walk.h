/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* walk -- opens a path below a directory without openat2(2), which kernels before 5.6 do not have. */

#include <sys/types.h>

/*
 * As file_open_below() of base/file.h, step by step: each component is opened by itself and never
 * followed; what a symbolic link says is walked from the root, or from where it stands; ".." goes
 * back to a directory that was opened before, and stays at the root. So nothing outside is reached,
 * whatever is renamed or linked meanwhile (a link that is put under a name between two looks is an
 * error: ENOTDIR or ELOOP).
 *
 *   returns a descriptor the caller owns, or -1 with errno (ELOOP: 40 links, as path_resolution(7))
 */
int walk_open(int rootfd, const char *path, int flags, mode_t mode);
