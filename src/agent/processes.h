/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* processes -- what /proc says of one process (proc(5)). A process may end between two looks, so
 * "not there" is an answer like any other. */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct agent_process {
	uint64_t pid, parent;
	uint64_t
		started; /* clock ticks after boot: with the pid, it names this process and no later one */
	char state; /* 'Z': ended, waiting for its parent */
	char name[64];
};

/* Reads the text of /proc/PID/stat; the name in it may hold blanks and brackets. */
bool agent_process_parse(struct span stat, struct agent_process *out);
bool agent_process_read(uint64_t pid, struct agent_process *out);
/* Appends its command line, NULs as blanks; nothing for a kernel thread. */
void agent_process_add_command(uint64_t pid, struct buf *out);
/* Appends what /proc/PID/exe points to, " (deleted)" and all; nothing when that can't be seen. */
void agent_process_add_program(uint64_t pid, struct buf *out);

/* Calls `visit` for each pid in /proc; false from it ends the walk. */
void agent_process_each(bool (*visit)(void *context, uint64_t pid), void *context);
