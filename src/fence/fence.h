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
/*
 * Control. Closes these without a word: the first packet of a connection is dropped. A client sends it
 * again after 1, 3, 7 ... seconds (RFC 6298) and is let in when the door has opened meanwhile; so for
 * moments only, where nobody may be refused.
 */
int fence_hush(struct host *h, const uint16_t *ports, size_t n, struct error *err) MUST_CHECK;
/* Control. Opens these; the others stay as they are. */
int fence_open(struct host *h, const uint16_t *ports, size_t n, struct error *err) MUST_CHECK;
/* Control. Lets these peers in at ports that are closed, or were hushed, until fence_close() or fence_hush()
 * is called again. `addresses` is borrowed. */
int fence_admit(struct host *h, const struct strings *addresses, struct error *err) MUST_CHECK;
/* Control. Takes the whole table away. A host that has no nft has no fence: then it is done. */
int fence_remove(struct host *h, struct error *err) MUST_CHECK;

/*
 * Control. New connections from outside to `port` go to port `to` of the same host from now on, with
 * the client's address as it was. Sessions that are open stay where they are, and what the host says
 * to itself goes to `port`. The fence sees such a connection at `to`: a closed `port` does not refuse
 * it, and neither may the host's own filter. Tables `ip mailhaul` and `ip6 mailhaul`.
 */
int fence_divert(struct host *h, uint16_t port, uint16_t to, struct error *err) MUST_CHECK;
/* Control. New connections go where they are sent to again. Those that were diverted still need their
 * translation: fence_divert_forget() once they have ended. A host that has no nft diverts nothing. */
int fence_divert_end(struct host *h, struct error *err) MUST_CHECK;
int fence_divert_forget(struct host *h, struct error *err) MUST_CHECK;

struct fence_state {
	bool stands;         /* the table is there and its chain holds our rules */
	uint16_t closed[64]; /* sorted */
	size_t n;
	uint16_t diverted, to; /* fence_divert(); 0: nothing is */
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
