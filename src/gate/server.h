/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * server -- listens, and answers everybody with 421 until SIGTERM or SIGINT. One thread, epoll; a
 * connection costs a few hundred octets and never waits for another.
 */

#include "gate/options.h"

struct gate_server;

/*
 * Takes the ports (an occupied one is tried again for options->wait_s seconds), writes the pid
 * file, gives up root. Nothing is accepted before all ports are held.
 *
 *   errors  ERROR_RETRY_LATER: a port stays occupied; ERROR_RETRY_PERSON: not allowed
 */
int gate_server_open(struct gate_server **out, const struct gate_options *options,
                     struct error *err) MUST_CHECK;

/* Serves until told to end. 0, or -1 when the event loop itself fails. */
int gate_server_run(struct gate_server *s, struct error *err) MUST_CHECK;

void gate_server_close(struct gate_server *s); /* NULL is allowed */
