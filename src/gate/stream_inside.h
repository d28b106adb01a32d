/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stream_inside -- what stream.c (octets, ends) and stream_begin.c know of each other. */

#include "gate/stream.h"

/* Polls for what the stream's state asks for. */
void stream_poll_again(struct stream *s);
/* Sends as much of what is unsent as the kernel takes. */
void stream_flush(struct stream *s);
void stream_on_poll(uv_poll_t *poll, int status, int events);
