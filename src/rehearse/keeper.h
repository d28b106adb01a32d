/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * keeper -- the one process that a set of sealed hosts hangs on.
 *
 *	1. Every host's PID 1 dies with the keeper, however it dies.
 *	2. Everything else (processes, mounts, disks, links, router) dies with a PID 1.
 *	3. The keeper holds nothing that outlives it: no file, no named namespace, no pid file.
 *
 * So there is no cleaning up that could be forgotten or killed half way; end() only waits until
 * the kernel is done.
 */

#include "rehearse/description.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

struct keeper;

/* Starts router and hosts; they are up on return. On failure nothing is left.
 *   d   taken, also on failure */
int keeper_open(struct keeper **out, struct description *d, struct error *err) MUST_CHECK;

/* Serves commands until one says `end`, or SIGTERM, SIGINT or SIGHUP comes; ends all hosts and
 * waits until they are gone. */
int keeper_serve(struct keeper *k, struct error *err) MUST_CHECK;

/* Ends what is left and frees. */
void keeper_close(struct keeper *k);
CLEANUP_DEFINE(struct keeper, keeper_close);
#define AUTO_KEEPER __attribute__((cleanup(keeper_close_at)))

/* Appends the set as one JSON object; sealed.h has its form. */
void keeper_describe(struct keeper *k, struct buf *out);
