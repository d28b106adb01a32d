/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * daemon -- programs of ours on a host that go on when mailhaul and its agent have ended: the rows
 * of agent/daemons.c ("gate").
 */

#include "remote/host.h"

struct host_daemon {
	unsigned long pid; /* 0: does not run */
	char *program;     /* owned; where its file is on that host */
	char *log;         /* owned; what it says goes there: host_read() it */
};
#define AUTO_DAEMON __attribute__((cleanup(host_daemon_fini)))
void host_daemon_fini(struct host_daemon *d);

/* Control, all of them. */

/* Whether it runs, and where its files are. */
int host_daemon_look(struct host *h, const char *row, struct host_daemon *out, struct error *err)
	MUST_CHECK;

/*
 * Makes sure that the program runs; does nothing when it does, whatever its arguments were.
 * Returns when it is ready (the gate: when it listens), and within some 20 s.
 *
 *   arguments  borrowed; NULL-terminated, or NULL. "--pid-file" and "--control" are given by the
 *              agent
 *   out        may be NULL
 *   errors     with the program's last words; its exit code 75 is ERROR_RETRY_LATER
 */
int host_daemon_start(struct host *h, const char *row, const char *const arguments[],
                      struct host_daemon *out, struct error *err) MUST_CHECK;

/* Makes sure that it does not run, and waits for its end. */
int host_daemon_stop(struct host *h, const char *row, struct error *err) MUST_CHECK;

/*
 * Tells it one line by its control socket, and hears its answer (gate/control.h).
 *
 *   words   borrowed; NULL-terminated; a blank is put between them
 *   answer  what stands behind its "ok" line; emptied first; may be NULL
 *   errors  sys_errno ECONNREFUSED or ENOENT: nobody is there; else "error WORDS" in its own words
 */
int host_daemon_tell(struct host *h, const char *row, const char *const words[], struct buf *answer,
                     struct error *err) MUST_CHECK;

/*
 * Puts the program of `row` where the agent starts it from. The very same file there already, as
 * beside an agent of this machine: nothing is written. One that runs goes on with its old file.
 *
 *   local_path  borrowed; the program on this machine; NULL: the one built beside this program
 */
int host_place_program(struct host *h, const char *row, const char *local_path, struct error *err)
	MUST_CHECK;
