/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * loop -- libuv's loop, and what all streams on it share: one area that is read into (so that an
 * idle connection holds no buffer), and one clock that looks for whatever is overdue.
 *
 * One thread. Nothing that is called from the loop may wait for a disk or for another host.
 */

#include "base/error.h"

#include <stdint.h>
#include <uv.h>

#define LOOP_READ_AREA 65536u /* octets that are read at once at most */
#define LOOP_TICK_MS 500      /* how exact a deadline is */

struct stream;

struct loop {
	uv_loop_t uv;
	uv_timer_t tick;
	struct stream *streams;       /* all of them; the list is the streams' */
	char *read_area;              /* owned */
	void (*on_tick)(void *owner); /* each LOOP_TICK_MS; NULL: nothing */
	void *owner;
};

int loop_open(struct loop *l, struct error *err) MUST_CHECK;

/* Until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Milliseconds of this turn of the loop (monotonic), without a system call. */
int64_t loop_now_ms(const struct loop *l);

/* Closes every handle that is still open, waits for the ends, and frees. Streams that are left are
 * closed as by stream_close(). */
void loop_close(struct loop *l);
