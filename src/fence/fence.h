/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * fence -- the door of a host: which TCP ports take new connections from outside.
 *
 * A closed port answers each new connection with a reset: a sender gets "connection refused" at once
 * and tries again later. Sessions that are open go on to their own end, so that nothing is cut in
 * the middle of a message. What the host says to itself (its loopback interface) always passes, so
 * that a service can be tried while the door is shut.
 *
 * It is an nftables table of our own, `inet mailhaul`, changed in transactions: no other rule of the
 * host is touched, and at no moment is a half-made one in force. Each call may be repeated. The
 * table does not outlive a reboot; who fences against that stops the service as well.
 *
 * A host that can't do this (no nft, or a kernel without it) fails with sys_errno ENOENT: then go
 * another way.
 */

#include "remote/host.h"

#include <stdint.h>

/* Control. Closes these ports beside those that are closed. `ports` is borrowed. */
int fence_close(struct host *h, const uint16_t *ports, size_t n, struct error *err) MUST_CHECK;
/* Control. Opens these; the others stay as they are. */
int fence_open(struct host *h, const uint16_t *ports, size_t n, struct error *err) MUST_CHECK;
/* Control. Takes the whole table away. A host that has no nft has no fence: then it is done. */
int fence_remove(struct host *h, struct error *err) MUST_CHECK;

struct fence_state {
	bool stands;         /* the table is there and its chain holds our rules */
	uint16_t closed[64]; /* sorted */
	size_t n;
};
/* What is in force, as the kernel tells it. A host without nft: nothing stands. */
int fence_read(struct host *h, struct fence_state *out, struct error *err) MUST_CHECK;
bool fence_is_closed(const struct fence_state *s, uint16_t port);

struct fence_session {
	uint16_t port; /* of the host */
	char *peer;    /* owned; an address */
	uint16_t peer_port;
	bool from_itself; /* the peer is the host itself */
};
struct fence_sessions {
	struct fence_session *rows; /* owned */
	size_t n, room;
	size_t outside; /* how many of them are not from the host itself */
};
#define AUTO_SESSIONS __attribute__((cleanup(fence_sessions_fini)))
void fence_sessions_fini(struct fence_sessions *s);

/* The sessions on these local ports that can still bring something: established, half closed by the
 * peer, or with an unfinished handshake. Needs no nft. `out` is emptied first. */
int fence_sessions(struct host *h, const uint16_t *ports, size_t n, struct fence_sessions *out,
                   struct error *err) MUST_CHECK;

/* ── pure; for tests and fuzzing ─────────────────────────────────────────────────────────────── */

/* Reads what `nft list ruleset` printed; an old nft prints the names of ports. */
int fence_parse(struct span ruleset, struct fence_state *out, struct error *err) MUST_CHECK;
