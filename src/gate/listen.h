/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* listen -- ports, pid file, rights: what is done once, before the first client. Inside the room. */

#include "gate/options.h"

/* A listening socket at this address, the caller's. Tries an occupied port until `until_ms`
 * (clock_monotonic_ms()). */
int gate_listen(const struct gate_address *at, int64_t until_ms, struct error *err) MUST_CHECK;

/* Holds this process's pid, and is there only when it serves. */
int gate_pid_file_write(const char *path, struct error *err) MUST_CHECK;

/* As many descriptors as the system allows; returns how many that are. */
size_t gate_raise_descriptors(void);

/* Becomes "nobody", for good, when it is root. What is open stays open. */
int gate_drop_root(struct error *err) MUST_CHECK;
