/* SPDX-License-Identifier: BSD-2-Clause */

/* gate_prove -- the old address as a sender meets it. */

#include "move/gate.h"

#include "base/clock.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 5
#define LINE_MAX_OCTETS 512 /* RFC 5321 section 4.5.3.1.5 */

enum knock { KNOCK_GREETED, KNOCK_FAILED, KNOCK_NO_WAY };

static socklen_t make_address(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(25) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(25) };

	*out = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
		memcpy(out, &four, sizeof four);
		return sizeof four;
	}
	if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
		memcpy(out, &six, sizeof six);
		return sizeof six;
	}
	return 0;
}

static enum knock fail(struct buf *why, const char *address, const char *words)
{
	buf_addf(why, "%s%s: %s", why->n ? "; " : "", address, words);
	return KNOCK_FAILED;
}

/* This host may have no way to an address that the world reaches: that proves nothing. */
static enum knock knock(const char *address, struct buf *why)
{
	struct timeval limit = { .tv_sec = PATIENCE_S };
	struct sockaddr_storage at;
	socklen_t size = make_address(address, &at);
	char line[LINE_MAX_OCTETS];
	ssize_t n;

	AUTO_CLOSE int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!size || fd < 0)
		return KNOCK_NO_WAY;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (const struct sockaddr *)&at, size) < 0) {
		if (errno == ENETUNREACH || errno == EADDRNOTAVAIL || errno == EHOSTUNREACH)
			return KNOCK_NO_WAY;
		return fail(why, address, errno == EINPROGRESS ? "no answer" : strerror(errno));
	}
	n = recv(fd, line, sizeof line, 0);
	if (n < 3)
		return fail(why, address, "no greeting");
	(void)!send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
	if (memcmp(line, "220", 3) != 0)
		return fail(why, address, "it does not greet with 220");
	return KNOCK_GREETED;
}

static void find_doors(const struct config *c, struct strings *out)
{
	for (unsigned i = 0;
	     c->switch_by == CONFIG_SWITCH_ADDRESS && i < c->address.addresses_count; i++) {
		AUTO_FREE char *address = NULL;
		unsigned prefix;

		if (config_split_address(c->address.addresses[i], &address, &prefix))
			strings_add(out, address);
	}
	for (unsigned i = 0; c->switch_by != CONFIG_SWITCH_ADDRESS && i < c->dns.records_count; i++)
		if (!strings_has(out, c->dns.records[i].old_address))
			strings_add(out, c->dns.records[i].old_address);
}

int gate_prove(struct move *m, struct error *err)
{
	AUTO_STRINGS struct strings doors = { 0 };
	AUTO_BUF struct buf why = { 0 };
	struct gate_now before, after;
	size_t greeted = 0;

	find_doors(m->config, &doors);
	if (gate_look(m, &before, err) < 0)
		return -1;
	for (size_t i = 0; i < doors.n; i++)
		greeted += knock(doors.rows[i], &why) == KNOCK_GREETED;
	if (gate_look(m, &after, err) < 0)
		return -1;
	if (!why.n && !greeted)
		buf_add_text(&why, "none of the old addresses can be reached from here");
	else if (!why.n && after.accepted < before.accepted + greeted)
		buf_add_text(&why, "somebody else than the gate has answered");
	if (!why.n)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	          "port 25 of the old host does not lead to the gate: %s", buf_text(&why));
	return error_hint(err, "its own packet filter has to let gate.port in, as it does port 25");
}
