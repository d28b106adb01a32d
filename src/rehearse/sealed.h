/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sealed -- run sealed copies of this host, go into them, end them. The face of this room.
 *
 * A set of hosts, described by a file (description.h), is kept by one process (keeper.h). Nothing
 * of it survives that process. All functions need root: ERROR_RETRY_PERSON without.
 *
 * A set as JSON:
 *
 *	{"name": "demo", "keeper": 4711,
 *	 "router": HOST,
 *	 "hosts": [{"name": "old", "hostname": "old.example.org", "segment": "site",
 *	            "state": "up" or "unplugged", "cable": "up" or "down",
 *	            "addresses": ["203.0.113.10/24"],
 *	            "pid": 4713,	(of its PID 1 as seen here; 0 while unplugged)
 *	            "loop": 3}]}	(N of /dev/loopN under its disk; -1: none)
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Starts the hosts that `path` describes, kept by a process of its own, and returns when all are
 * up. Appends the set as JSON to *set. On failure nothing is left. */
int sealed_start(const char *path, struct buf *set, struct error *err) MUST_CHECK;

/* The same with this process as the keeper: returns when the set has ended. `up` is called once,
 * with the set as JSON, when all hosts are up. */
int sealed_keep(const char *path, void (*up)(const char *set), struct error *err) MUST_CHECK;

/*
 * Runs argv in the host, with this process's standard input, output and errors, in "/". Signals
 * that someone sends this process go on to it; if this process is killed, so is it (what it put
 * into the background stays, until the host ends).
 *
 *   target  "NAME/HOST"; HOST "router" is the one that joins the segments. Or "pid:N" by its PID 1
 *   argv    NULL at its end; searched in the host's PATH
 *   status  out: its exit code, or 128 + signal; 126 or 127 when it could not be executed
 */
int sealed_enter(const char *target, char *const argv[], int *status, struct error *err) MUST_CHECK;

/* Ends all hosts of the set; returns when the keeper and everything else are gone. */
int sealed_end(const char *name, struct error *err) MUST_CHECK;

/* Pulls the plug of "NAME/HOST": SIGKILL to its PID 1, and its disk is gone. */
int sealed_unplug(const char *target, struct error *err) MUST_CHECK;

/* Starts an unplugged host afresh, on a new disk. */
int sealed_plug(const char *target, struct error *err) MUST_CHECK;

/* Pulls (false) or plugs (true) the network cable of "NAME/HOST". */
int sealed_cut(const char *target, bool up, struct error *err) MUST_CHECK;

/* Appends a JSON array of all sets that are up. */
int sealed_list(struct buf *sets, struct error *err) MUST_CHECK;
