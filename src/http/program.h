/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* program -- mailhaul-http, started, and the socket to it. Inside the room. */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

struct program {
	pid_t pid;   /* 0: does not run */
	int fd;      /* both ways, non-blocking */
	bool closed; /* it has closed its end: nothing more will come */
	struct buf in, out;
};

/* Starts it: the one beside this program, or $MAILHAUL_HTTP. */
int program_start(struct program *p, const char *ca_file, unsigned together, struct error *err)
	MUST_CHECK;
/* Ends it at once. Returns how it had ended, as waitpid(2) tells it. */
int program_end(struct program *p);
/* Writes and reads what goes, after waiting for it for `wait_ms` at most (0: not at all). */
void program_pump(struct program *p, int wait_ms);
