/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * events -- bounces that a runner saw and did not count yet: DATA_DIR/bounce-events-PID.pck, one
 * pickle an event. A file whose runner has ended is read by nobody any more: such bounces are lost,
 * unless somebody counts them. Source: Mailman/Queue/BounceRunner.py of 2.1.39.
 */

#include "lists/site.h"

/* Reads them into site->events, and tells of tokens that stand in DATA_DIR, as 2.1.1 to 2.1.4 had them
 * for all lists together. What cannot be read is a finding. -1 only when the host can't be reached. */
int lists_events_read(struct lists_site *site, struct error *err) MUST_CHECK;
void lists_event_fini(struct lists_event *e);
