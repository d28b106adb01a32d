/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* kernelfs -- what a host needs that no disk holds: /dev, /proc, /sys, /run, /tmp. */

#include "base/error.h"

/*
 * Mounts them below `root`. To be called by PID 1 of the new PID namespace, in its network
 * namespace: /proc and /sys show what their mounter sees.
 *
 * What would reach through to the real host is read-only: kernel settings (but not those of the
 * network, which are the host's own), /sys, sysrq. Only harmless devices exist, and no other opens.
 *
 *   stage  descriptor of an empty directory where device nodes can be made and opened; borrowed
 */
int kernelfs_mount(int root, int stage, struct error *err) MUST_CHECK;
