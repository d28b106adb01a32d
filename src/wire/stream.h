/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * stream -- the requests that let a program of a host talk with one of another host, or talk at
 * length with mailhaul. A part of wire/wire.h, whose frames and fields these are.
 *
 * An agent runs at most one such program at a time, always on behalf of one user.
 *
 *	STREAM_START     name of a row of agent/streams.c, user, home, location, u64 uid, u64 gid,
 *	                 u64 n, n arguments
 *	    -> nothing. C for the rows that change mail. One that runs already is ended first.
 *	       `location` may be "": then the host's own settings say where the mail lies
 *	STREAM_EXCHANGE  u64 most (octets of output that are wanted), u64 wait_ms, u64 1: there is no
 *	                 more input, octets of input
 *	    -> DATA: octets of output, as they are; END: see struct wire_stream_state. Waits for output
 *	       until there is some, most of a large input was taken, `wait_ms` are over, the program
 *	       has ended, or the next request stands at the door: so two programs far apart talk
 *	       without a clock between them
 *	STREAM_STOP      nothing
 *	    -> nothing. The program and its children are gone
 */

#include "wire/wire.h"

#define WIRE_STREAM_START ((enum wire_kind)70)
#define WIRE_STREAM_EXCHANGE ((enum wire_kind)71)
#define WIRE_STREAM_STOP ((enum wire_kind)72)

#define WIRE_STREAM_GIVE_MAX (512u << 10) /* octets of input in one EXCHANGE */
#define WIRE_STREAM_UNSENT_MAX (2u << 20) /* octets that an agent keeps for its program */
#define WIRE_STREAM_TAKE_MAX (1u << 20)   /* octets of output in one answer */
#define WIRE_STREAM_WAIT_MAX_MS 10000u    /* the longest that an EXCHANGE waits */

struct wire_stream_state {
	uint64_t unsent;  /* octets of input that the program has not taken yet */
	uint64_t closed;  /* 1: there is no more output */
	uint64_t ended;   /* 1: the program has ended, and `status` counts */
	uint64_t status;  /* exit code, or 128 + signal */
	struct span said; /* what it wrote on standard error since the last answer */
};

void wire_put_stream_state(struct buf *body, const struct wire_stream_state *state);
int wire_get_stream_state(struct span body, struct wire_stream_state *out, struct error *err)
	MUST_CHECK;
