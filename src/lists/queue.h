/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* queue -- what waits in Mailman's queues, file by file: two pickles, the message and what is known
 * of it; until 2.1.4 two files, the second one marshal. Source: Mailman/Queue/Switchboard.py of 2.1.4
 * and 2.1.39. */

#include "lists/message.h"
#include "lists/site.h"

/* Reads all queues that the site's paths name into site->queue. A file that cannot be read is a row
 * with a problem. -1 only when the host can't be reached. */
int lists_queue_read(struct lists_site *site, struct error *err) MUST_CHECK;
void lists_queued_fini(struct lists_queued *q);
/* "in", "out", ...: what the queue is called. */
const char *lists_queue_name(enum lists_path queue);
/* The text of its message, appended; LISTS_MESSAGE_NONE when it has none that can be read. */
enum lists_message_form lists_queued_text(const struct lists_site *site,
                                          const struct lists_queued *q, struct buf *out);
