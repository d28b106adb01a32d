/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * below -- opens what lies below the root of a tree, never through a symbolic link: whatever stands
 * in the tree, and whoever changes it meanwhile, no path leads out.
 */

#include "base/error.h"

/* The root itself; it is named by the person who copies, so links on the way to it are followed
 * (inside the host's own root). The caller owns the descriptor; -1 with *err set. */
int tree_open_root(int hostfd, const char *root, struct error *err);

/*
 * Opens `path` below the root; "" is the root itself. A symbolic link anywhere, also as the last
 * component, is an error: ELOOP or ENOTDIR. (openat2(2) RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS;
 * before Linux 5.6, component by component.)
 *
 *   path   borrowed; tree_path_fits() says yes to it, else EINVAL
 *   flags  of open(2), none that creates
 */
int tree_open_below(int rootfd, const char *path, int flags);

/* The directory that holds `path`, and its last component (borrowed from path). Not for "". */
int tree_open_parent(int rootfd, const char *path, const char **name);
