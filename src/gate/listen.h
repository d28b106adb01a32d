/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * listen -- listening sockets, and how a port passes from one program to another without a client that
 * is refused.
 *
 * Between the close of one listening socket and the bind of the next a client's SYN is answered by RST;
 * and what waits in a socket's accept queue is reset when the socket is closed. So the port has to be
 * ours before the other one lets go (tests/e2e/test_gate_handover.py shows each by a connect loop):
 *
 *  steer  The holder has set SO_REUSEPORT (Postfix since 3.5 does; Exim and OpenSMTPD do not), and is
 *         of the same user. We bind beside it, and a classic BPF program on the group of sockets
 *         (Linux 4.5) gives every new connection to us from then on. What is in its accept queue it
 *         goes on to take itself. The same the other way round when we leave.
 *  copy   Any program, as root: its own socket is taken over as it stands, by pidfd_getfd(2)
 *         (Linux 5.6). The accept queue is shared; whoever accepts first has the client. When the
 *         holder ends, the socket stays open through us.
 *  gate   Another gate hands its sockets over its control socket.
 *  given  systemd's LISTEN_FDS, or whoever started us.
 *  wait   None of these: bind, again and again until the port is free. Clients are refused in between.
 */

#include "gate/options.h"

/* Sockets that somebody has given us. Closes at fini what was not taken. */
struct gate_given {
	int fds[GATE_LISTEN_MAX];
	size_t n;
};
#define AUTO_GIVEN __attribute__((cleanup(gate_given_fini)))
void gate_given_fini(struct gate_given *g);

/* From systemd: sd_listen_fds(3). Unsets its variables. */
void gate_given_by_parent(struct gate_given *g);

/*
 * From the gate at this control socket, which takes no more clients from then on, and ends.
 *
 *   errors  ERROR_RETRY_LATER: no gate there, or one that refuses
 */
int gate_given_by_gate(struct gate_given *g, const char *control, struct error *err) MUST_CHECK;

/* A listening socket at this address, the caller's: one of `given`, or as `take` says (which falls back
 * to GATE_TAKE_WAIT). Tries an occupied port until `until_ms` (clock_monotonic_ms()). */
int gate_listen(const struct gate_address *at, unsigned take, struct gate_given *given,
                int64_t until_ms, struct error *err) MUST_CHECK;

/* Lets the other of the port's group, if there is one, have all new connections. What is still in our
 * queue is to be accepted before the socket is closed. `neighbour`: who was there when we came, as
 * gate_listen_others() told it. False: there is nobody else. */
bool gate_listen_yield(int fd, uint64_t neighbour);

/* Copies the listening socket of whoever listens there. -1: nobody, or it can't be done; errno. */
int gate_listen_copy(const struct gate_address *at);

/* How many other sockets listen at exactly the address that `fd` has; *inode names one of them (0:
 * none). */
size_t gate_listen_others(int fd, uint64_t *inode);

/* The file is made early, by root, and empty; this process's pid comes into it when it serves. Returns
 * its descriptor, the caller's, or -1. */
int gate_pid_file_open(const char *path, struct error *err) MUST_CHECK;
int gate_pid_file_write(int fd, struct error *err) MUST_CHECK;

/* As many descriptors as the system allows; returns how many that are. */
size_t gate_raise_descriptors(void);
