/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * network -- the private links: one router, a bridge for each segment, a pair of virtual Ethernet
 * interfaces for each host ("eth0" inside, "v-HOST" at the router).
 *
 * Interfaces live and die with the network namespaces that they are in; nothing here is ever
 * visible on the real host. ip(8) of iproute2 does the work, by a batch on its standard input.
 */

#include "rehearse/description.h"

#include "base/error.h"

#include <stdbool.h>

/* Makes the calling process's own network namespace the router: bridges, gateways, forwarding. */
int network_join_segments(const struct description *d, struct error *err) MUST_CHECK;

/* Joins the calling process's own network namespace to its segment. `router` is a descriptor of
 * the router's network namespace. Addresses work on return (no duplicate address detection). */
int network_plug_host(const struct description_host *h, int router, struct error *err) MUST_CHECK;

/* At the router: pulls or plugs the host's cable. The host sees its carrier go; its addresses and
 * routes stay. */
int network_cut_host(const struct description_host *h, int router, bool up, struct error *err)
	MUST_CHECK;

/* At the router: takes the host's interface away, if it is still there. */
void network_unplug_host(const struct description_host *h, int router);
