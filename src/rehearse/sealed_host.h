/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* sealed_host -- one sealed host as its keeper sees it: a PID 1 behind namespaces, up or down. */

#include "rehearse/description.h"
#include "rehearse/disk.h"

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct sealed_host {
	const struct description *set;       /* borrowed */
	const struct description_host *plan; /* borrowed */
	const struct strings *loops;         /* borrowed; loop devices that there were before */
	pid_t pid;                           /* of its PID 1, as the keeper counts; 0: down */
	int pidfd, report;                   /* -1 while down; report only while it starts */
	bool cut;                            /* its cable is pulled */
	struct disk disk;
};

/* Down, and nothing to release. */
void sealed_host_init(struct sealed_host *h, const struct description *set,
                      const struct description_host *plan, const struct strings *loops);

/*
 * Starts PID 1 in new namespaces; returns at once. sealed_host_await() then says how it went.
 *
 *   router    the router's network namespace, or -1 when this is the router; borrowed
 *   lifeline  [0] goes to the host; [1] must be held by this process alone
 */
int sealed_host_spawn(struct sealed_host *h, int router, const int lifeline[2], struct error *err)
	MUST_CHECK;

/* Waits until the host is up (0), or could not be built and is gone (-1). */
int sealed_host_await(struct sealed_host *h, struct error *err) MUST_CHECK;

/* Kills PID 1, if there is one, and waits until no process and no disk of the host is left. */
int sealed_host_end(struct sealed_host *h, struct error *err) MUST_CHECK;

/* Notes that PID 1 has ended by itself. True when that was news. */
bool sealed_host_notice_end(struct sealed_host *h);

/* Opens its network namespace. The caller owns the descriptor. */
int sealed_host_open_network(const struct sealed_host *h, struct error *err) MUST_CHECK;
