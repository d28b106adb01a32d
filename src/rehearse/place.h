/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * place -- paths below a root that is being built, before it is anyone's "/".
 *
 * Symbolic links in it are followed as the host itself will follow them: /etc/resolv.conf may point
 * to /run/..., and that must never mean the real host's /run.
 */

#include "base/error.h"
#include "base/text.h"

#include <sys/types.h>

/* A descriptor (O_PATH) of what stands at `path` below `root`, or -1. The caller owns it. */
int place_open(int root, const char *path, struct error *err) MUST_CHECK;

/* As above; directories on the way are made where they are missing (root's, mode 0755). */
int place_make(int root, const char *path, struct error *err) MUST_CHECK;

/* Replaces the file, or the link, at `path`: root's, mode 0644. */
int place_write(int root, const char *path, struct span text, struct error *err) MUST_CHECK;

/* mount(2) with a target below `root`, which must be there. */
int place_mount(int root, const char *path, const char *source, const char *type,
                unsigned long flags, const char *data, struct error *err) MUST_CHECK;

/* mount(2) with the descriptor `place` as target. `path` is for messages. */
int place_mount_at(int place, const char *path, const char *source, const char *type,
                   unsigned long flags, const char *data, struct error *err) MUST_CHECK;
