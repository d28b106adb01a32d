/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * sockets -- the kernel's table of TCP sockets, /proc/net/tcp and tcp6 of this process's own network
 * namespace (proc(5)). Sockets of a container with a network of its own are not in it.
 */

#include "base/error.h"
#include "base/text.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* As in the kernel's include/net/tcp_states.h; only those that are looked for. */
enum agent_socket_state {
	AGENT_SOCKET_ESTABLISHED = 0x01,
	AGENT_SOCKET_SYN_RECV =
		0x03, /* asked for, not yet confirmed: becomes a session without a SYN */
	AGENT_SOCKET_CLOSE_WAIT = 0x08, /* the peer has said all; our side still works on it */
	AGENT_SOCKET_LISTEN = 0x0a,
};

struct agent_socket {
	int family;                                             /* 4 or 6 */
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN]; /* as inet_ntop(3) prints them */
	bool remote_is_self; /* a loopback address, or the same as the local one */
	unsigned local_port, remote_port;
	unsigned state; /* any value of the kernel's */
	uint64_t inode; /* 0: belongs to no process (yet) */
};

/* Reads one line. False for the heading and for what is not such a line. */
bool agent_socket_parse(struct span line, struct agent_socket *out);

struct agent_sockets {
	struct agent_socket *rows; /* owned */
	size_t n, room;
};
#define AUTO_SOCKETS __attribute__((cleanup(agent_sockets_fini)))
void agent_sockets_fini(struct agent_sockets *s);

/* Collects those sockets of both families whose state has its bit set in `states` (1 << state). */
int agent_sockets_read(unsigned states, struct agent_sockets *out, struct error *err) MUST_CHECK;
