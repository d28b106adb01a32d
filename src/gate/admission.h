/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * admission -- how many connections there are, in all and from each address, and how fast new ones come.
 * No clock of its own.
 *
 * An address costs memory only while it has a connection, or has not got back what it used of its rate,
 * which for a single connection takes a moment: so somebody who has a whole network of addresses can't
 * fill the table with them.
 */

#include "gate/address.h"

struct gate_limits;

struct gate_limits_set {
	uint64_t connections;      /* in all */
	uint64_t connections_each; /* from one address; 0: any number */
	uint64_t rate;             /* new ones a minute from one address; 0: any */
};

enum gate_admission { GATE_ADMITTED, GATE_CROWDED, GATE_TOO_MANY, GATE_TOO_FAST };

struct gate_limits *gate_limits_new(const struct gate_limits_set *set) MUST_CHECK;
void gate_limits_free(struct gate_limits *l); /* NULL is allowed */

/* A new connection at `now_ms` (monotonic). Only GATE_ADMITTED is counted, and owes a
 * gate_limits_leave() with the same key. */
enum gate_admission gate_limits_enter(struct gate_limits *l, struct gate_key key, int64_t now_ms);
void gate_limits_leave(struct gate_limits *l, struct gate_key key, int64_t now_ms);

size_t gate_limits_connections(const struct gate_limits *l);
size_t gate_limits_addresses(const struct gate_limits *l); /* that are in the table */

/* Forgets addresses that have been quiet; to be called now and then. */
void gate_limits_sweep(struct gate_limits *l, int64_t now_ms);
