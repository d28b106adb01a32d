/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 5
#define LINE_MAX_OCTETS 512 /* RFC 5321 section 4.5.3.1.5 */

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

static enum knock fail(enum knock how, struct buf *why, const char *address, const char *words)
{
	buf_addf(why, "%s%s: %s", why->n ? "; " : "", address, words);
	return how;
}

enum knock knock_smtp(const char *address, struct buf *why)
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
		return fail(KNOCK_SHUT, why, address,
		            errno == EINPROGRESS ? "no answer" : strerror(errno));
	}
	n = recv(fd, line, sizeof line, 0);
	if (n < 3)
		return fail(KNOCK_ODD, why, address, "no greeting");
	(void)!send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
	if (memcmp(line, "220", 3) != 0)
		return fail(KNOCK_ODD, why, address, "it does not greet with 220");
	return KNOCK_GREETED;
}
