/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * storing -- the batch of messages that this agent is writing, until the next MAIL_COMMIT; filled by
 * MAIL_STORE and MAIL_BRING.
 */

#include "agent/agent.h"
#include "store/write.h"

/* The open batch, begun when there is none; borrowed. NULL, with the first reason, when what came
 * before has spoilt it. */
struct write_batch *storing_batch(struct agent *a, struct error *err) MUST_CHECK;
/* Takes it back; up to the next COMMIT all is refused with that reason. */
void storing_spoil(struct agent *a, const struct error *why);
