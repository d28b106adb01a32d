/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * family -- a daemon's processes: found while it runs, waited for after it was told to stop. A
 * command such as "doveadm stop" comes back while children still deliver.
 */

#include "base/error.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>

struct family {
	unsigned long *pids; /* owned */
	size_t n, room;
};
#define AUTO_FAMILY __attribute__((cleanup(family_fini)))
void family_fini(struct family *f);

/* The process and all that it has started, and they. A pid of 0 or of no process: nobody. */
int family_find(struct host *h, unsigned long pid, struct family *out, struct error *err)
	MUST_CHECK;

/* Waits until none of them is there any more; ERROR_RETRY_LATER after `wait_ms`. */
int family_await_end(struct host *h, const struct family *f, int64_t wait_ms, const char *what,
                     struct error *err) MUST_CHECK;

/* The pid in a pid file whose process exists and is named `name`; 0 when there is none. */
int family_pid(struct host *h, const char *pid_file, const char *name, unsigned long *out,
               struct error *err) MUST_CHECK;
