/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * runners -- Mailman's own processes on a host: the master (mailmanctl) and a runner for each queue. A
 * master stops its runners by SIGTERM; each ends the file that it is at, and registers bounces, before it
 * goes. None is ever killed: what it is at would be sent again.
 */

#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stdint.h>

struct lists_runners {
	size_t n;             /* processes */
	unsigned long master; /* 0: there is none, or it is not known */
	char *words;          /* owned; "pid 77: python .../mailmanctl start"; NULL: none runs */
};
#define AUTO_LISTS_RUNNERS __attribute__((cleanup(lists_runners_fini)))
void lists_runners_fini(struct lists_runners *r);

/* What runs. On a disk (HOST_FOLDER) nothing does. */
int lists_runners_look(struct host *h, struct lists_runners *out, struct error *err) MUST_CHECK;

/* Control. Returns when no process of theirs is left: by mailmanctl, or without it by SIGTERM to the
 * process of the pid file. Those that do not end within `wait_ms`: ERROR_RETRY_PERSON. */
int lists_runners_stop(struct host *h, const struct lists_installation *m, int64_t wait_ms,
                       struct error *err) MUST_CHECK;

/* Whether there is something to start them with. */
bool lists_runners_can_start(struct host *h, const struct lists_installation *m);
/* Control. Returns when they run; does nothing when they do. By the service `mailman` where the host has
 * one, else by mailmanctl. */
int lists_runners_start(struct host *h, const struct lists_installation *m, struct error *err)
	MUST_CHECK;
