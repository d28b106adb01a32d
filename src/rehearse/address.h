/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* address -- an IP address with its prefix length, as a description writes it. No I/O. */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>

struct address {
	int family;                  /* AF_INET or AF_INET6 */
	unsigned prefix;             /* bits: 0-32 or 0-128 */
	unsigned char bytes[16];     /* network order; 4 or 16 of them count */
	char text[INET6_ADDRSTRLEN]; /* canonical, without the prefix */
};

/* Reads "203.0.113.10/24" or "2001:db8:113::10/64". Returns NULL when it is one, else in words
 * what is wrong with it (a literal); *out is written on success only. */
const char *address_parse(const char *text, struct address *out);

/* True when both are of one family and `a` lies in the network that `net` spans. */
bool address_in_network(const struct address *a, const struct address *net);

/* True when both are the same address, whatever their prefix. */
bool address_is_same(const struct address *a, const struct address *b);

/*
 * The link-layer address of the interface whose first address is `a`, "02:00:cb:00:71:0a".
 *
 * Derived and not random: a host that is started afresh keeps it, else its neighbours go on sending
 * to the old one for 10 to 40 s. Locally administered (IEEE 802, bit 2 of the first octet).
 */
void address_link_layer(const struct address *a, char out[18]);
