/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_runners -- the processes of a Mailman 3: a master, and a runner for each queue. Its master ends them by
 * SIGTERM, by which each breaks off what it is at: lists_mailman3_settle() before it. None is ever killed: what it is
 * at would be sent again. As lists/runners.h, of the other Mailman.
 */

#include "lists/mailman3_give.h"
#include "lists/runners.h"

/* What runs; `out` is emptied by the caller. */
int lists_mailman3_runners_look(struct host *h, struct lists_runners *out, struct error *err)
	MUST_CHECK;

/* Control. Returns when none of them is left: by the service `mailman3` where the host has one, else by its
 * program. Those that do not end within `wait_ms`: ERROR_RETRY_PERSON. */
int lists_mailman3_runners_stop(const struct lists_mailman3_core *core, int64_t wait_ms,
                                struct error *err) MUST_CHECK;

/* Control. Returns when it takes posts on that port; does nothing more when it runs. One that was settled, and whose
 * stop then failed, is stopped first: it would take none. */
int lists_mailman3_runners_start(const struct lists_mailman3_core *core, unsigned lmtp_port,
                                 int64_t wait_ms, struct error *err) MUST_CHECK;
