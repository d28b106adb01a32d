/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* interface -- puts an address on a host's interface, or takes it off and keeps all others. */

#include "remote/host.h"

#include <stdint.h>

/*
 * Control. Takes `address` off the host. Linux drops every other address of that network with its
 * first one, and the default route with it: both are put back in the same batch, so that a
 * connection by another address lives on. Where there is no other one of its family, no route is left.
 *
 *   interface  borrowed; NULL: found by the address
 *   returns    0 also when it was not there
 *   source     ip-address(8); net.ipv4.conf.*.promote_secondaries
 */
int interface_drop(struct host *h, const char *address, unsigned prefix, const char *interface,
                   struct error *err) MUST_CHECK;

/*
 * Control. Puts `address` on the host; 0 also when it is there.
 *
 *   interface  borrowed; NULL: the one with another address of the same network
 *   used       which one it was; the caller owns it
 */
int interface_add(struct host *h, const char *address, unsigned prefix, const char *interface,
                  char **used, struct error *err) MUST_CHECK;

/*
 * Appends what makes the default routes by the interface that carries `address`, as they are now: lines of
 * ip(8)'s batch. Nothing when the address is not there. The kernel drops them with the last address of
 * their family, and no other address tells them then: so they are kept before interface_drop(), and
 * put on by interface_put_routes() when the address is back.
 */
int interface_routes(struct host *h, const char *address, struct buf *out, struct error *err)
	MUST_CHECK;
/* Control. Repeatable. */
int interface_put_routes(struct host *h, struct span lines, struct error *err) MUST_CHECK;

/* The addresses of the host that others can reach, of one family; added to *out. */
int interface_addresses(struct host *h, bool six, struct strings *out, struct error *err)
	MUST_CHECK;
