/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailman3_queue -- what waits in the queues of a Mailman 2.1, in the queues of a Mailman 3, whose runners are
 * stopped meanwhile. By queue files and not by LMTP, which refuses posts that 2.1 has taken, and which can't tell
 * whether a post that was cut off has arrived: a file has the same name each time.
 */

#include "lists/mailman3_give.h"
#include "lists/site.h"

/* Whether entries of a queue of 2.1 have a queue of the same work there: in, commands, bounces, out, virgin. */
bool lists_mailman3_takes_queue(enum lists_path queue);
/* The same of one that archives: archive, too, whose posts 2.1 has sent already. */
bool lists_mailman3_takes_queue_archiving(enum lists_path queue);

/*
 * Puts entries there.
 *
 *   entries  "QUEUE/NAME", lists_take_name(). What can't be brought is taken out of them, and told of
 *   told     "in/NAME: why", appended
 */
int lists_mailman3_give_entries(const struct lists_mailman3_core *core, struct lists_site *site,
                                struct strings *entries, struct strings *told, struct error *err)
	MUST_CHECK;

/* None of them is there any more, unless a runner has worked on it. */
int lists_mailman3_drop_entries(const struct lists_mailman3_core *core,
                                const struct strings *entries, struct error *err) MUST_CHECK;

/*
 * Before it is stopped: it takes no more posts, and works off those that it has. A runner that is told to end breaks
 * off what it is at (core/runner.py of 3.3.8: RunnerInterrupt out of the signal's handler): a post that has gone to
 * some goes to them again.
 *
 *   wait_ms  at most
 *   left     entries that its runners still have
 */
int lists_mailman3_settle(const struct lists_mailman3_core *core, int64_t wait_ms, uint64_t *left,
                          struct error *err) MUST_CHECK;

/*
 * Posts that a runner has put aside (queue shunt) since then are given to it again: SQLite that another has locked
 * makes one do that.
 *
 *   since_ms  since 1970 UTC; what is older is another's business
 *   given     "LIST-ID: MESSAGE-ID" of each, appended
 */
int lists_mailman3_unshunt(const struct lists_mailman3_core *core, int64_t since_ms,
                           struct strings *given, struct error *err) MUST_CHECK;
