/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * inside -- programs of ours that run inside those of a host, in Python: a row of agent/streams.c starts the host's,
 * and the first line of its input is ours. It calls run(), and reads the rest by itself.
 */

#include "remote/stream.h"

/* Puts the program, as that line, behind what is in `input`. */
int inside_add_program(const char *text, size_t n, struct buf *input, struct error *err) MUST_CHECK;

/* Whom it runs as, by number: the stream takes no names. None such on that host: ERROR_RETRY_PERSON. */
int inside_find_user(struct host *h, const char *user, struct host_stream *what, struct error *err)
	MUST_CHECK;

/* The error of one that has ended: the last line that it has said, which of a traceback is the reason. -1. */
int inside_failed(const struct host_stream_result *r, struct error *err);
