/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * proxy -- the header of the PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt),
 * that a forwarder sends ahead of everything. Whose header is believed is decided elsewhere.
 */

#include "smtp/envelope.h"

/* A header is whole within so many octets: 107 for version 1; for version 2 room for the TLVs of
 * version, certificate name and the like, which are stepped over. A longer one is refused. */
#define SMTP_PROXY_MAX 2048u

struct smtp_proxy {
	bool local; /* LOCAL or UNKNOWN: the forwarder speaks for itself, its own address counts */
	struct smtp_endpoint from, to;
};

/*
 * Looks at the first octets of a connection. Keep what came until this says 1 or -1.
 *
 *   returns 1   *out is filled, *used octets were the header
 *           0   as far as it goes it is a header; more is needed
 *          -1   it is none: end the session, answer nothing
 */
int smtp_proxy_read(struct span input, struct smtp_proxy *out, size_t *used) MUST_CHECK;

/*
 * Appends a header of version 1 or 2. LOCAL (version 2) or UNKNOWN when an address is not known or
 * the two are not of one family.
 */
void smtp_proxy_add(struct buf *out, unsigned version, const struct smtp_endpoint *from,
                    const struct smtp_endpoint *to);
