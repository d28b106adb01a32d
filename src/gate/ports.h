/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * ports -- the listening sockets of a gate, before it serves: those that its options name, in their
 * order. Also what a gate is born with that a keeper (gate/keeper.h) has started.
 */

#include "gate/options.h"

#include <sys/types.h>

struct gate_port {
	int fd;             /* owned; -1: taken over, or closed */
	uint64_t neighbour; /* who listened there when we came; 0: nobody */
};

struct gate_ports {
	struct gate_port rows[GATE_LISTEN_MAX];
	size_t n;
};

/* Takes them as the options say (gate/listen.h). On failure none is held. */
int gate_ports_take(struct gate_ports *out, const struct gate_options *o, struct error *err)
	MUST_CHECK;
void gate_ports_close(struct gate_ports *p);

/* What its keeper gives to a gate, and how it hears of it. */
struct gate_birth {
	struct gate_ports ports;
	int tell_fd;  /* owned; GATE_TELLS_... octets go there */
	pid_t keeper; /* 0: there is none, and nothing of this counts */
	/* What the gate before was told while it ran, which is no option: */
	unsigned mode; /* enum gate_mode */
	bool hold;
};

/* One octet each, as enum gate_mode is added to the last one. */
#define GATE_TELLS_READY 'r'   /* it serves */
#define GATE_TELLS_END 'e'     /* it has been told to end, and listens no more */
#define GATE_TELLS_HOLD 'h'    /* it gives nothing out */
#define GATE_TELLS_RELEASE 'g' /* ... and does again */
#define GATE_TELLS_MODE '0'
