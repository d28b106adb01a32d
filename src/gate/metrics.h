/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* metrics -- the counters for Prometheus, by HTTP on a loopback address and on no other. */

#include "base/error.h"
#include "base/text.h"

struct gate;
struct gate_address;
struct metrics;

/*
 *   errors  ERROR_RETRY_NEVER: not a loopback address; else as bind(2)
 */
int metrics_open(struct metrics **out, const struct gate_address *at, struct error *err) MUST_CHECK;
int metrics_serve(struct metrics *m, struct gate *g, struct error *err) MUST_CHECK;
/* After the loop is closed. NULL is allowed. */
void metrics_close(struct metrics *m);

/* Appends Prometheus' text format. */
void metrics_text(const struct gate *g, struct buf *out);
