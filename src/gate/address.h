/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* address -- addresses with ports, and lists of networks. No names: the gate has no resolver. */

#include "base/error.h"
#include "base/text.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define GATE_ADDRESS_TEXT 64u

struct gate_address {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t size;               /* 0: none */
	char text[GATE_ADDRESS_TEXT]; /* as it was given: "192.0.2.1:25", "[2001:db8::1]:25" */
};

/* Reads "192.0.2.1:25", "[2001:db8::1]:25", "[::]:25". `option` stands in the complaint. */
int gate_address_parse(struct gate_address *out, const char *option, const char *text,
                       struct error *err) MUST_CHECK;

uint16_t gate_address_port(const struct gate_address *a);

/* Of a socket: the peer's, or (`own`) ours. False when it has none. */
bool gate_address_of_socket(int fd, bool own, struct gate_address *out);

/* "192.0.2.1", without the port; an IPv4 address in IPv6's clothes comes out as IPv4. */
const char *gate_address_host(const struct gate_address *a, char out[INET6_ADDRSTRLEN]);

/* 16 octets that tell one client from another: an IPv4 address as ::ffff:a.b.c.d, an IPv6 one cut to
 * its /64 when `whole` is false, because one customer has all of that. */
struct gate_key {
	uint8_t octets[16];
};
struct gate_key gate_address_key(const struct gate_address *a, bool whole);

struct gate_network {
	struct gate_key base;
	unsigned bits; /* of the 128 */
};
struct gate_networks {
	struct gate_network *rows; /* owned */
	size_t n, room;
};
void gate_networks_fini(struct gate_networks *list);

/* Adds "192.0.2.0/24", "192.0.2.1", "2001:db8::/32", or some of these with commas between them. */
int gate_networks_add(struct gate_networks *list, const char *option, const char *text,
                      struct error *err) MUST_CHECK;
bool gate_networks_hold(const struct gate_networks *list, const struct gate_address *a);
/* The same with an address as inet_ntop(3) has it; one that is none is in no network. */
bool gate_networks_hold_host(const struct gate_networks *list, const char *host);
