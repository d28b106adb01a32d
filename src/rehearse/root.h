/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * root -- the file system of a sealed host: the real one as it is, under a layer of its own.
 *
 * What the host reads is the real host's "/", or a folder that is another host's (and each real file
 * system mounted below it, see mounts.h); what it writes goes to the upper layers on its throw-away disk. Listed directories
 * are replaced by empty ones on that disk, without an overlay between: a mail queue wants inode
 * numbers, hard links and fsync(2) as a plain file system has them.
 *
 * The real host must not change the files below meanwhile (no package is installed): the kernel's
 * overlayfs documentation leaves undefined what is seen then.
 */

#include "rehearse/description.h"
#include "rehearse/disk.h"

/*
 * Builds the root and enters it: on success "/" of the caller's mount namespace is the sealed one,
 * the old one is gone, and the working directory is "/". To be called by PID 1 of new mount, PID,
 * UTS and network namespaces.
 *
 *   set   name of the set of hosts; borrowed
 *   disk  out, also on failure: what to wait for when the host has ended
 */
int root_enter(const char *set, const struct description_host *h, struct disk *disk,
               struct error *err) MUST_CHECK;
