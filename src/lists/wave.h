/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * wave -- some lists change hosts while the others stay.
 *
 * What is done while both hosts' runners stand still, for seconds, in an order in which nothing can come
 * between two of its parts:
 *
 *  1. what changed of these lists comes over, and is compared
 *  2. old's MTA passes their mail on, and nothing is under way any more into old's queues
 *  3. their directories go aside on old (lists/leaving.h): cron, web pages and moderators find them no more.
 *     What somebody changed since 1 is seen by that: then they go back, and it begins anew
 *  4. what waits for them in old's queues changes hands (lists/take.h)
 *  5. state says that they were opened, from when on no pass touches them
 *
 * Then the runners run again, new's too; old's only while a list is left there.
 */

#include "base/error.h"
#include "lists/carry.h"

struct lists_wave {
	struct host *from, *to; /* borrowed, as all else is; both need control */
	const struct lists_installation *old, *new;
	struct state *state;
	const struct strings *lists; /* at least one */
	const char *route, *home;    /* lists/leaving.h */
	bool passed_on;              /* the same */
	int64_t began_ms;            /* inside: when the call began */
	uint32_t wait_ms;            /* that runners get to end what they are at */
	void (*tell)(void *context, const char *words); /* may be NULL */
	void *context;
};

/* Repeatable, also when it was cut off. A list that was not brought yet, or differs after it:
 * ERROR_RETRY_PERSON, the runners of old run again, nothing was opened, and old is as it was. */
int lists_wave_open(const struct lists_wave *w, struct error *err) MUST_CHECK;
/* The way back: old has again what new had made of them, and what waits for them there. */
int lists_wave_close(const struct lists_wave *w, struct error *err) MUST_CHECK;
