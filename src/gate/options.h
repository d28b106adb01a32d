/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* options -- the gate's command line. */

#include "base/error.h"
#include "base/text.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define GATE_LISTEN_MAX 32u

struct gate_address {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t size;
	const char *text; /* borrowed; as it was given */
};

struct gate_options {
	struct gate_address listen[GATE_LISTEN_MAX];
	size_t listen_n;
	const char *mode; /* borrowed, like all texts here */
	const char *name; /* stands in the reply; NULL: the host's */
	const char *text;
	const char *pid_file; /* NULL: none */
	unsigned wait_s;      /* seconds that an occupied port is tried again */
	unsigned patience_s;  /* seconds that a client gets to say QUIT or to go */
	unsigned connections; /* at the same time; one more is answered and closed at once */
	bool help, version;
};

/*
 * Reads the command line.
 *
 *   errors  ERROR_RETRY_NEVER; what the usage message does not say
 */
int gate_options_read(struct gate_options *out, int argc, char **argv, struct error *err)
	MUST_CHECK;

extern const char gate_usage[];
