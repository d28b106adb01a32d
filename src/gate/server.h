/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * server -- the life of a gate: takes its ports, gives up its rights, serves, and ends so that nothing is
 * lost. One thread and one loop; the spool has a thread of its own that waits for the disk.
 */

#include "gate/ports.h"

struct gate;

/*
 * Takes the ports (gate/listen.h), reads keys and recipients, makes the control socket, gives up root
 * and what else it does not need, opens the spool, writes the pid file. Nothing is accepted before all
 * of that is done: clients wait in the kernel.
 *
 *   options  borrowed, for as long as the gate is there
 *   birth    what its keeper gives it, which is the gate's from then on; NULL: it takes its ports itself
 *   errors   ERROR_RETRY_LATER: a port or the spool stays occupied; ERROR_RETRY_PERSON: not allowed, or
 *            a file that is no good
 */
int gate_server_open(struct gate **out, const struct gate_options *options,
                     struct gate_birth *birth, struct error *err) MUST_CHECK;

/* Serves until told to end: by SIGTERM, SIGINT, or `stop`. */
void gate_server_run(struct gate *g);

/* Everything that was answered 250 is on disk when it returns. NULL is allowed. */
void gate_server_close(struct gate *g);
