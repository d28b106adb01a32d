/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/address.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <string.h>

static int complain(struct error *err, const char *option, const char *what, const char *value)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "%s: %s: %.100s", option,
	                 what, value);
}

int gate_address_parse(struct gate_address *out, const char *option, const char *text,
                       struct error *err)
{
	struct gate_address a = { 0 };
	const char *colon = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN] = "";
	struct span host;
	uint64_t port;

	if (!colon || !text_parse_u64(colon + 1, &port) || port < 1 || port > 65535)
		return complain(err, option, "wants ADDR:PORT, not", text);
	host = (struct span){ text, (size_t)(colon - text) };
	if (span_starts(host, "[") && span_ends(host, "]")) {
		host = (struct span){ host.p + 1, host.n - 2 };
		a.six.sin6_family = AF_INET6;
	}
	if (host.n >= sizeof address)
		return complain(err, option, "no IP address", text);
	memcpy(address, host.p, host.n);
	if (a.six.sin6_family == AF_INET6) {
		a.six.sin6_port = htons((uint16_t)port);
		a.size = sizeof a.six;
		if (inet_pton(AF_INET6, address, &a.six.sin6_addr) != 1)
			return complain(err, option, "no IPv6 address", text);
	} else {
		a.four.sin_family = AF_INET;
		a.four.sin_port = htons((uint16_t)port);
		a.size = sizeof a.four;
		if (inet_pton(AF_INET, address, &a.four.sin_addr) != 1)
			return complain(err, option, "no IPv4 address (IPv6 stands in [])", text);
	}
	(void)snprintf(a.text, sizeof a.text, "%s", text);
	*out = a;
	return 0;
}

uint16_t gate_address_port(const struct gate_address *a)
{
	return ntohs(a->four.sin_port); /* at the same place in both families */
}

bool gate_address_of_socket(int fd, bool own, struct gate_address *out)
{
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof from;
	int failed = own ? getsockname(fd, (struct sockaddr *)&from, &size)
	                 : getpeername(fd, (struct sockaddr *)&from, &size);

	*out = (struct gate_address){ 0 };
	if (failed < 0 || (from.ss_family != AF_INET && from.ss_family != AF_INET6))
		return false;
	out->size = from.ss_family == AF_INET ? sizeof out->four : sizeof out->six;
	memcpy(&out->any, &from, out->size);
	return true;
}

const char *gate_address_host(const struct gate_address *a, char out[INET6_ADDRSTRLEN])
{
	*out = '\0';
	if (!a->size)
		return out;
	if (a->any.sa_family == AF_INET)
		return inet_ntop(AF_INET, &a->four.sin_addr, out, INET6_ADDRSTRLEN);
	if (IN6_IS_ADDR_V4MAPPED(&a->six.sin6_addr))
		return inet_ntop(AF_INET, &a->six.sin6_addr.s6_addr[12], out, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, &a->six.sin6_addr, out, INET6_ADDRSTRLEN);
}

static struct gate_key key_of(int family, const void *octets)
{
	struct gate_key key = { 0 };

	if (family == AF_INET6) {
		memcpy(key.octets, octets, 16);
	} else {
		key.octets[10] = key.octets[11] = 0xff;
		memcpy(key.octets + 12, octets, 4);
	}
	return key;
}

struct gate_key gate_address_key(const struct gate_address *a, bool whole)
{
	struct gate_key key;

	if (a->any.sa_family != AF_INET6)
		return key_of(AF_INET, &a->four.sin_addr);
	key = key_of(AF_INET6, &a->six.sin6_addr);
	if (!whole && !IN6_IS_ADDR_V4MAPPED(&a->six.sin6_addr))
		memset(key.octets + 8, 0, 8);
	return key;
}

void gate_networks_fini(struct gate_networks *list)
{
	free(list->rows);
	*list = (struct gate_networks){ 0 };
}

static int add_one(struct gate_networks *list, const char *option, const char *text,
                   struct error *err)
{
	struct gate_network new = { .bits = 128 };
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	uint64_t bits;
	int family;

	if (n >= sizeof host)
		return complain(err, option, "no network", text);
	memcpy(host, text, n);
	host[n] = '\0';
	family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, host, octets) != 1)
		return complain(err, option, "no network", text);
	new.base = key_of(family, octets);
	if (slash) {
		if (!text_parse_u64(slash + 1, &bits) || bits > (family == AF_INET ? 32 : 128))
			return complain(err, option, "no network", text);
		new.bits = (unsigned)bits + (family == AF_INET ? 96 : 0);
	}
	ARRAY_GROW(list->rows, list->n, list->room);
	list->rows[list->n++] = new;
	return 0;
}

int gate_networks_add(struct gate_networks *list, const char *option, const char *text,
                      struct error *err)
{
	for (;;) {
		size_t n = strcspn(text, ",");
		AUTO_FREE char *one = xstrndup(text, n);

		if (add_one(list, option, one, err) < 0)
			return -1;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

static bool network_holds(const struct gate_network *row, const struct gate_key *key)
{
	unsigned whole = row->bits / 8, rest = row->bits % 8;

	if (memcmp(row->base.octets, key->octets, whole) != 0)
		return false;
	return !rest || (row->base.octets[whole] ^ key->octets[whole]) >> (8 - rest) == 0;
}

static bool one_holds(const struct gate_networks *list, const struct gate_key *key)
{
	for (size_t i = 0; i < list->n; i++)
		if (network_holds(&list->rows[i], key))
			return true;
	return false;
}

bool gate_networks_hold(const struct gate_networks *list, const struct gate_address *a)
{
	struct gate_key key = gate_address_key(a, true);

	return one_holds(list, &key);
}

bool gate_networks_hold_host(const struct gate_networks *list, const char *host)
{
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;
	struct gate_key key;
	uint8_t octets[16];

	if (inet_pton(family, host, octets) != 1)
		return false;
	key = key_of(family, octets);
	return one_holds(list, &key);
}
