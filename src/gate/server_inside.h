/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* server_inside -- what server.c (the life) and prepare.c (the birth) know of each other. */

#include "gate/gate.h"

/* Everything up to the loop; what fails half done is gate_server_close()'s. `birth` may be NULL. */
int gate_prepare(struct gate *g, struct gate_birth *birth, struct error *err) MUST_CHECK;

/* Takes in whoever waits, at most so many; returns how many. */
size_t gate_accept(struct listener *l, size_t most);

/* Closes the listening sockets without a look into their queues. */
void gate_drop_listeners(struct gate *g);
