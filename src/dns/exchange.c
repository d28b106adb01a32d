/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/exchange.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int fail(const struct dns_server *server, int e, int timeout_ms, struct error *err)
{
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, e, "name server %s port %u",
	          server->address, server->port);
	if (e == ETIMEDOUT)
		return error_hint(err,
		                  "no answer within %.1f s: is it up, and does a firewall let "
		                  "DNS through, by UDP and TCP?",
		                  timeout_ms / 1000.0);
	if (e == ECONNREFUSED)
		return error_hint(err, "no name server runs there");
	return -1;
}

static int open_socket(const struct dns_server *server, enum dns_way way, int *out)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                  .ai_socktype = way == DNS_UDP ? SOCK_DGRAM : SOCK_STREAM };
	struct addrinfo *at;
	char port[8];
	int fd, e = 0;

	snprintf(port, sizeof port, "%u", server->port);
	if (getaddrinfo(server->address, port, &hints, &at) != 0)
		return EINVAL;
	fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		e = errno;
	else if (connect(fd, at->ai_addr, at->ai_addrlen) < 0 && errno != EINPROGRESS)
		e = errno;
	freeaddrinfo(at);
	if (e) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	*out = fd;
	return 0;
}

/* 0 when ready, else an errno. */
static int await(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = until - clock_monotonic_ms();
	int n;

	if (left <= 0)
		return ETIMEDOUT;
	n = poll(&p, 1, (int)left);
	if (n < 0)
		return errno;
	return n == 0 ? ETIMEDOUT : 0;
}

static unsigned get_u16(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* Octets of the first question, or 0. */
static size_t question_size(struct span message)
{
	size_t at = DNS_HEADER_SIZE;

	while (at < message.n && message.p[at] && !((unsigned char)message.p[at] & 0xc0))
		at += 1u + (unsigned char)message.p[at];
	at += 5; /* the root label, type, class */
	return at <= message.n ? at - DNS_HEADER_SIZE : 0;
}

static bool is_answer_to(struct span reply, struct span query)
{
	size_t n = question_size(query);

	if (reply.n < DNS_HEADER_SIZE || memcmp(reply.p, query.p, 2) || !(reply.p[2] & 0x80) ||
	    (reply.p[2] & 0x78) != (query.p[2] & 0x78))
		return false;
	if (get_u16(reply.p + 4) == 0)
		return true; /* a server that could not even read the question, or an update's answer */
	if (n == 0 || reply.n < DNS_HEADER_SIZE + n)
		return false;
	for (size_t i = DNS_HEADER_SIZE; i < DNS_HEADER_SIZE + n; i++)
		if (ascii_lower(reply.p[i]) != ascii_lower(query.p[i]))
			return false;
	return true;
}

static int by_udp(int fd, struct span query, int timeout_ms, struct buf *reply)
{
	int64_t begun = clock_monotonic_ms(), until = begun + timeout_ms, again = begun;
	int e;

	for (;;) {
		int64_t now = clock_monotonic_ms();
		ssize_t n;

		if (now >= until)
			return ETIMEDOUT;
		if (now >= again) {
			if (send(fd, query.p, query.n, 0) < 0 && errno != EAGAIN)
				return errno;
			again += timeout_ms / 3 + 1;
		}
		e = await(fd, POLLIN, again < until ? again : until);
		if (e == ETIMEDOUT || e == EINTR)
			continue;
		if (e)
			return e;
		buf_reset(reply);
		n = recv(fd, buf_room(reply, DNS_MESSAGE_MAX), DNS_MESSAGE_MAX, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return errno;
		buf_grown(reply, (size_t)n);
		if (is_answer_to(buf_span(reply), query))
			return 0;
	}
}

static int send_all(int fd, struct span bytes, int64_t until)
{
	while (bytes.n) {
		ssize_t n;
		int e = await(fd, POLLOUT, until);

		if (e)
			return e;
		n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno;
		if (n > 0)
			bytes = span_from(bytes, (size_t)n);
	}
	return 0;
}

static int receive_all(int fd, struct buf *out, size_t want, int64_t until)
{
	while (out->n < want) {
		ssize_t n;
		int e = await(fd, POLLIN, until);

		if (e)
			return e;
		n = recv(fd, buf_room(out, want - out->n), want - out->n, 0);
		if (n == 0)
			return ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno;
		if (n > 0)
			buf_grown(out, (size_t)n);
	}
	return 0;
}

/* RFC 1035 section 4.2.2: two octets of length before each message. */
static int by_tcp(int fd, struct span query, int timeout_ms, struct buf *reply)
{
	AUTO_BUF struct buf framed = { 0 };
	int64_t until = clock_monotonic_ms() + timeout_ms;
	int e;

	buf_add_char(&framed, (char)(query.n >> 8));
	buf_add_char(&framed, (char)query.n);
	buf_add_span(&framed, query);
	e = send_all(fd, buf_span(&framed), until);
	while (!e) {
		buf_reset(reply);
		e = receive_all(fd, reply, 2, until);
		if (e)
			break;
		size_t size = get_u16(reply->p);
		buf_reset(reply);
		e = receive_all(fd, reply, size, until);
		if (!e && is_answer_to(buf_span(reply), query))
			break;
	}
	return e;
}

int dns_exchange(const struct dns_server *server, enum dns_way way, struct span query,
                 int timeout_ms, struct buf *reply, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	int e = open_socket(server, way, &fd);

	if (!e)
		e = way == DNS_UDP ? by_udp(fd, query, timeout_ms, reply)
		                   : by_tcp(fd, query, timeout_ms, reply);
	return e ? fail(server, e, timeout_ms, err) : 0;
}

int dns_exchange_stream(const struct dns_server *server, struct span query, int timeout_ms,
                        dns_message_fn *visit, void *context, struct error *err)
{
	AUTO_BUF struct buf framed = { 0 }, reply = { 0 };
	int64_t until = clock_monotonic_ms() + timeout_ms;
	AUTO_CLOSE int fd = -1;
	int e = open_socket(server, DNS_TCP, &fd), result = 0;

	buf_add_char(&framed, (char)(query.n >> 8));
	buf_add_char(&framed, (char)query.n);
	buf_add_span(&framed, query);
	if (!e)
		e = send_all(fd, buf_span(&framed), until);
	while (!e && result == 0) {
		buf_reset(&reply);
		e = receive_all(fd, &reply, 2, until);
		if (e)
			break;
		size_t size = get_u16(reply.p);
		buf_reset(&reply);
		e = receive_all(fd, &reply, size, until);
		if (!e && size >= DNS_HEADER_SIZE && !memcmp(reply.p, query.p, 2))
			result = visit(context, buf_span(&reply), err);
	}
	if (e)
		return fail(server, e, timeout_ms, err);
	return result < 0 ? -1 : 0;
}
