/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * bridge -- the agent as a command that another program starts to talk with the far side.
 *
 * `doveadm backup` wants a command whose standard input and output are its peer. That command is
 * `mailhaul-agent --bridge PATH`: it connects to the socket at PATH, which the agent that started
 * doveadm listens on, and carries octets both ways. PATH lies in a folder of mode 0700 that is gone
 * again once the connection stands.
 */

#include "base/error.h"

/* Carries octets between descriptors 0 and 1 and the socket until both directions have ended. */
int bridge_run(const char *path, struct error *err) MUST_CHECK;

struct bridge {
	char folder[64]; /* "" once it is removed */
	char path[80];
	int listener; /* -1 once somebody has connected */
};

/* Makes the folder and listens there. */
int bridge_open(struct bridge *b, struct error *err) MUST_CHECK;
/* Takes the connection that is waiting and removes the folder; -1 with errno. Non-blocking. */
int bridge_accept(struct bridge *b);
void bridge_close(struct bridge *b);
