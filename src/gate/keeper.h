/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * keeper -- the parent of a gate, which holds its ports and starts it again when it has died. It listens
 * to no client and keeps no mail: there is little in it that can die. While the next gate is born,
 * clients wait in the queues of the sockets, and none is refused.
 *
 * It stays root, if it was: keys are read, and the control socket is made, anew for each gate. What a
 * gate is told by its control socket, its mode and whether it gives out, is told to the next one.
 */

#include "gate/ports.h"

/*
 * Takes the ports, and forks. In each gate, and with `out` for it, this returns true: then it is to be
 * served. In the keeper it returns false at the end, with the exit code:
 *   - that of a gate which has ended by itself, or was told to (SIGTERM, SIGINT and SIGHUP are passed
 *     on; `stop` and `hand-over` come to it alone);
 *   - that of the first gate, if it never came to serve;
 *   - EXIT_CODE_LATER after KEEPER_TRIES in a row that did not.
 *
 *   err  of the keeper itself; err->text is "" when a gate has told why by itself
 */
#define KEEPER_TRIES 10u
bool gate_keep(const struct gate_options *o, struct gate_birth *out, int *code, struct error *err);
