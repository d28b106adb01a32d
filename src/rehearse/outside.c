/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/outside.h"

#include "rehearse/internet.h"
#include "rehearse/outside_tls.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "smtp/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MOST 256u
#define UDP_ANSWER 512u
#define DNS_PORT 53
#define SMTP_PORT 25
#define IDLE_MS 300000
#define READ_MOST 16384 /* octets */

enum { UDP4, UDP6, TCP4, TCP6, MAIL4, MAIL6, LISTENERS };

struct client {
	int fd;
	bool dns;
	struct buf in, out, wire; /* in clear; and what has to be sent, as it is sent */
	struct outside_tls tls;
	struct smtp_server smtp;
	struct catch catch;
	int64_t answer_ms; /* monotonic; before it nothing is said */
	int64_t end_ms;
	bool over;
};

struct outside {
	struct zonebook *book;
	int folder;
	int listeners[LISTENERS]; /* -1: a kernel without IPv6 */
	struct client *clients[CLIENTS_MOST];
	size_t n;
	SSL_CTX *tls;
	struct strings greylisted;
	unsigned number;
};

static const struct smtp_server_options smtp_options = {
	.name = INTERNET_CATCHER,
	.recipients_max = 1000,
	.errors_max = 1000,
	.idle_max = 1000,
	.hello_required = true,
};

/* ── sockets ─────────────────────────────────────────────────────────────────────────────────── */

static int listen_at(int family, int type, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&four
	                                              : (struct sockaddr *)&six;
	socklen_t n = family == AF_INET ? sizeof four : sizeof six;
	AUTO_CLOSE int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
	/* an answer by UDP has to come from the address that was asked */
	if (type == SOCK_DGRAM)
		(void)(family == AF_INET
		               ? setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes)
		               : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes));
	if (bind(fd, at, n) < 0 || (type == SOCK_STREAM && listen(fd, 128) < 0))
		return -1;
	return fd_take(&fd);
}

static bool open_listeners(struct outside *o)
{
	static const struct {
		int family, type;
		uint16_t port;
	} rows[LISTENERS] = {
		[UDP4] = { AF_INET, SOCK_DGRAM, DNS_PORT },
		[UDP6] = { AF_INET6, SOCK_DGRAM, DNS_PORT },
		[TCP4] = { AF_INET, SOCK_STREAM, DNS_PORT },
		[TCP6] = { AF_INET6, SOCK_STREAM, DNS_PORT },
		[MAIL4] = { AF_INET, SOCK_STREAM, SMTP_PORT },
		[MAIL6] = { AF_INET6, SOCK_STREAM, SMTP_PORT },
	};
	bool all = true;

	for (size_t i = 0; i < LISTENERS; i++) {
		o->listeners[i] = listen_at(rows[i].family, rows[i].type, rows[i].port);
		all &= o->listeners[i] >= 0 || rows[i].family == AF_INET6;
	}
	return all;
}

/* Back the way it came: the control data of a request tells where it was sent to, and as control data
 * of the answer where it shall come from. */
static void answer_udp(const struct outside *o, int fd)
{
	char bytes[4096], control[128];
	struct sockaddr_storage from;
	struct iovec iov = { bytes, sizeof bytes };
	struct msghdr m = { .msg_name = &from,
		            .msg_namelen = sizeof from,
		            .msg_iov = &iov,
		            .msg_iovlen = 1,
		            .msg_control = control,
		            .msg_controllen = sizeof control };
	AUTO_BUF struct buf out = { 0 };
	ssize_t n = recvmsg(fd, &m, 0);
	struct cmsghdr *c;

	if (n < 0 || !zonebook_serve(o->book, (struct span){ bytes, (size_t)n }, UDP_ANSWER, &out))
		return;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof info);
		info.ipi_spec_dst = info.ipi_addr;
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
	iov = (struct iovec){ out.p, out.n };
	(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* ── clients ─────────────────────────────────────────────────────────────────────────────────── */

static void client_end(struct client *c)
{
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->wire);
	outside_tls_fini(&c->tls);
	catch_fini(&c->catch);
	free(c);
}

static const char *address_text(const struct sockaddr_storage *a, char out[46])
{
	out[0] = '\0';
	inet_ntop(a->ss_family,
	          a->ss_family == AF_INET
	                  ? (const void *)&((const struct sockaddr_in *)a)->sin_addr
	                  : (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr,
	          out, 46);
	return out;
}

/* At the address that it came to. */
static bool has_tls(int fd)
{
	struct sockaddr_storage at = { 0 };
	socklen_t n = sizeof at;
	char text[46];

	return getsockname(fd, (struct sockaddr *)&at, &n) == 0 &&
	       strcmp(address_text(&at, text), INTERNET_PLAIN_V4) != 0 &&
	       strcmp(text, INTERNET_PLAIN_V6) != 0;
}

static void client_begin(struct outside *o, int listener, bool dns)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof from;
	int fd = accept4(listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	if (fd < 0)
		return;
	if (o->n == CLIENTS_MOST) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->fd = fd;
	c->dns = dns;
	c->end_ms = clock_monotonic_ms() + IDLE_MS;
	c->catch = (struct catch){ .seen = &o->greylisted,
		                   .folder = o->folder,
		                   .number = &o->number,
		                   .tls_offered = o->tls && has_tls(fd) };
	address_text(&from, c->catch.client);
	if (!dns) {
		smtp_server_init(&c->smtp, &smtp_options,
		                 SMTP_OFFER_ALL_MAIL |
		                         (c->catch.tls_offered ? SMTP_OFFER_STARTTLS : 0u));
		smtp_server_greet(&c->smtp, &c->wire, NULL);
	}
	o->clients[o->n++] = c;
}

/* RFC 1035 section 4.2.2. */
static void client_dns(const struct outside *o, struct client *c)
{
	while (c->in.n >= 2) {
		size_t n = (size_t)(unsigned char)c->in.p[0] << 8 | (unsigned char)c->in.p[1];
		AUTO_BUF struct buf answer = { 0 };

		if (c->in.n < 2 + n)
			return;
		if (!zonebook_serve(o->book, (struct span){ c->in.p + 2, n }, 0, &answer))
			c->over = true;
		buf_add_char(&c->wire, (char)(answer.n >> 8));
		buf_add_char(&c->wire, (char)answer.n);
		buf_add_span(&c->wire, buf_span(&answer));
		buf_drop_front(&c->in, 2 + n);
	}
}

/* What was said goes out as it has to. */
static void client_say(struct client *c)
{
	if (c->tls.is_secure)
		c->over |= !outside_tls_say(&c->tls, buf_span(&c->out), &c->wire);
	else
		buf_add_span(&c->wire, buf_span(&c->out));
	buf_reset(&c->out);
}

static void client_mail(const struct outside *o, struct client *c)
{
	struct span input = buf_span(&c->in);
	struct smtp_event e;

	while (smtp_server_next(&c->smtp, &input, &c->out, &e)) {
		int wait = catch_take(&c->catch, &c->smtp, &e, &c->out);

		c->over |= e.kind == SMTP_EVENT_END;
		if (wait)
			c->answer_ms = clock_monotonic_ms() + wait;
	}
	buf_drop_front(&c->in, c->in.n - input.n);
	client_say(c);
	if (c->smtp.phase == SMTP_PHASE_TLS && !c->tls.ssl)
		outside_tls_begin(&c->tls, o->tls);
}

static void client_tls(struct client *c, struct span came)
{
	c->over |= !outside_tls_take(&c->tls, came, &c->in, &c->wire);
	if (c->tls.is_secure && !c->smtp.tls) {
		smtp_server_tls_started(&c->smtp);
		c->catch.tls_version = SSL_get_version(c->tls.ssl);
		c->catch.tls_cipher = SSL_get_cipher_name(c->tls.ssl);
	}
}

static void client_read(const struct outside *o, struct client *c)
{
	char bytes[READ_MOST];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->over = true;
		buf_reset(&c->wire);
		return;
	}
	if (c->tls.ssl)
		client_tls(c, (struct span){ bytes, (size_t)n });
	else
		buf_add(&c->in, bytes, (size_t)n);
	c->end_ms = clock_monotonic_ms() + IDLE_MS;
	if (c->dns)
		client_dns(o, c);
	else
		client_mail(o, c);
}

static void client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->wire.p, c->wire.n, MSG_NOSIGNAL);

	if (n > 0)
		buf_drop_front(&c->wire, (size_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		c->over = true;
		buf_reset(&c->wire);
	}
}

/* ── the loop ────────────────────────────────────────────────────────────────────────────────── */

static int fill(const struct outside *o, struct pollfd *p, int64_t now)
{
	int wait = IDLE_MS;

	for (size_t i = 0; i < LISTENERS; i++)
		p[i] = (struct pollfd){ .fd = o->listeners[i], .events = POLLIN };
	for (size_t i = 0; i < o->n; i++) {
		struct client *c = o->clients[i];
		bool waits = c->answer_ms > now;

		p[LISTENERS + i] = (struct pollfd){ .fd = c->fd,
			                            .events = waits       ? 0
			                                      : c->wire.n ? POLLOUT
			                                                  : POLLIN };
		if (waits && c->answer_ms - now < wait)
			wait = (int)(c->answer_ms - now);
	}
	return wait;
}

static void turn(struct outside *o)
{
	struct pollfd p[LISTENERS + CLIENTS_MOST];
	int64_t now = clock_monotonic_ms();
	size_t clients = o->n, left = 0;

	if (poll(p, LISTENERS + clients, fill(o, p, now)) < 0)
		return;
	now = clock_monotonic_ms();
	for (size_t i = 0; i < clients; i++) {
		struct client *c = o->clients[i];

		if (p[LISTENERS + i].revents && c->wire.n)
			client_write(c);
		else if (p[LISTENERS + i].revents)
			client_read(o, c);
		if ((c->over && !c->wire.n) || now > c->end_ms)
			client_end(c);
		else
			o->clients[left++] = c;
	}
	o->n = left;
	for (size_t i = 0; i < LISTENERS; i++) {
		if (!p[i].revents)
			continue;
		if (i <= UDP6)
			answer_udp(o, o->listeners[i]);
		else
			client_begin(o, o->listeners[i], i <= TCP6);
	}
}

void outside_serve(struct zonebook *b, int folder, int ready)
{
	struct outside o = { .book = b, .folder = folder };

	prctl(PR_SET_NAME, "outside");
	signal(SIGPIPE, SIG_IGN);
	o.tls = outside_tls_new(INTERNET_CATCHER);
	if (!open_listeners(&o) || fd_write_all(ready, "+", 1) < 0)
		_exit(1);
	close(ready);
	for (;;)
		turn(&o);
}
