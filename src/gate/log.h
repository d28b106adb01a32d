/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * log -- lines of key=value on standard error, each with the time in front. They are gathered, and go
 * out once a turn of the loop (gate_log_flush()), so that a busy gate does not make a system call a
 * line. One thread.
 */

#include "base/attr.h"
#include "base/text.h"

void gate_log(const char *format, ...) PRINTF_LIKE(1, 2);
/* A line that is made piece by piece: begin, add to the buffer, end. */
struct buf *gate_log_begin(void);
void gate_log_end(void);
/* Appends ` key="value"`, with what a terminal would obey, quotes and backslashes escaped. */
void gate_log_quoted(struct buf *line, const char *key, struct span value);
/* Appends ` key=<value>`. */
void gate_log_path(struct buf *line, const char *key, struct span value);
void gate_log_flush(void);
