/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* start -- brings an agent to life at a place, and hands out the two ends of its pipe. */

#include "remote/host.h"

#include <sys/types.h>

/*
 * Starts the agent. Over ssh it is first copied to ~/.mailhaul/agent-VERSION-HASH on that host
 * (mode 0700, directory mode 0700), unless that very file is there already. Before it is started,
 * each time, the SHA-256 of what stands there is held against that of the program here.
 *
 * The caller owns both descriptors and reaps *pid. The agent's program is the one beside this
 * program, or $MAILHAUL_AGENT.
 *
 *   errors  ERROR_RETRY_REACH: ssh could not connect, with its last words; ERROR_RETRY_PERSON:
 *           ~/.mailhaul is not that user's own, or what arrived is not what was sent
 */
int agent_start(const struct host_place *place, pid_t *pid, int *tofd, int *fromfd,
                struct error *err) MUST_CHECK;

/* Path of a program that was built beside this one ("mailhaul-agent", "mailhaul-gate"). */
int program_beside(const char *name, char out[4096], struct error *err) MUST_CHECK;
