/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * fake -- mail and name servers on loopback that stall, lie, reset, or behave; a process each.
 */

#include "base/memory.h"
#include "unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum fake_kind {
	FAKE_GOOD,     /* takes people@example.org, refuses others */
	FAKE_OPEN,     /* takes everything */
	FAKE_GREY,     /* 450 to every RCPT */
	FAKE_SILENT,   /* accepts, and says nothing */
	FAKE_MIDWAY,   /* silent after MAIL */
	FAKE_RESET,    /* resets the connection after the greeting */
	FAKE_NOT_SMTP, /* says something else */
	FAKE_ENDLESS,  /* a line without end */
	FAKE_BAD_TLS,  /* offers STARTTLS, then says what is no TLS */
	FAKE_DRIP,     /* an octet now and then, of a line without end */
	FAKE_BANNER,   /* greets with 554 */
	FAKE_WEB_DRIP, /* a page that comes octet by octet, for ever */
	FAKE_KINDS,
	FAKE_DNS_SILENT, /* UDP */
	FAKE_DNS_LIES,   /* UDP: the right number, and nonsense behind it */
};

static inline struct sockaddr_in fake_address(unsigned last, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(0x7f000000u | last) };
}

static inline void fake_say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static inline void fake_reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
	_exit(0);
}

static inline const char *fake_rcpt(enum fake_kind kind, const char *line)
{
	if (kind == FAKE_OPEN)
		return "250 2.1.5 ok\r\n";
	if (kind == FAKE_GREY)
		return "450 4.7.1 later\r\n";
	return strstr(line, "<people@example.org>") ? "250 2.1.5 ok\r\n" : "550 5.1.1 who\r\n";
}

/* Waits for the ClientHello, and answers what no TLS is. */
static inline void fake_shake(int fd)
{
	char hello[2048];

	fake_say(fd, "220 go\r\n");
	if (read(fd, hello, sizeof hello) > 0)
		fake_say(fd, "this is no TLS at all, it is not\r\n");
	_exit(0);
}

static inline void fake_drip(int fd, const char *start)
{
	fake_say(fd, start);
	while (write(fd, "x", 1) == 1)
		usleep(50000);
	_exit(0);
}

static inline void fake_serve(enum fake_kind kind, int fd)
{
	char line[2048];
	FILE *in = fdopen(dup(fd), "r");

	if (kind == FAKE_DRIP)
		fake_drip(fd, "220-");
	if (kind == FAKE_WEB_DRIP)
		fake_drip(fd, "HTTP/1.0 200 OK\r\n\r\n");
	if (kind == FAKE_BANNER)
		fake_say(fd, "554 5.3.2 no mail is taken here\r\n");

	if (kind == FAKE_SILENT)
		pause();
	if (kind == FAKE_NOT_SMTP)
		fake_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
	while (kind == FAKE_ENDLESS && write(fd, "220-xxxxxxxxxxxxxxxxxxxxxxxxxxx", 31) > 0)
		;
	fake_say(fd, "220 fake.example.org ESMTP\r\n");
	while (in && fgets(line, sizeof line, in)) {
		if (kind == FAKE_RESET)
			fake_reset(fd);
		if (!strncmp(line, "EHLO", 4))
			fake_say(fd, kind == FAKE_BAD_TLS ? "250-fake\r\n250 STARTTLS\r\n"
			                                  : "250-fake\r\n250 SIZE 1000000\r\n");
		else if (!strncmp(line, "STARTTLS", 8))
			fake_shake(fd);
		else if (!strncmp(line, "MAIL", 4))
			fake_say(fd, "250 2.1.0 ok\r\n");
		else if (!strncmp(line, "RCPT", 4) && kind == FAKE_MIDWAY)
			pause();
		else if (!strncmp(line, "RCPT", 4))
			fake_say(fd, fake_rcpt(kind, line));
		else if (!strncmp(line, "QUIT", 4))
			fake_say(fd, "221 bye\r\n");
		else
			fake_say(fd, "554 nothing more is to be said to a check\r\n");
	}
	_exit(0);
}

static inline void fake_serve_dns(enum fake_kind kind, int fd)
{
	unsigned char message[512];
	struct sockaddr_in from;

	for (;;) {
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(fd, message, sizeof message, 0, (struct sockaddr *)&from,
		                     &size);

		if (n < 12 || kind != FAKE_DNS_LIES)
			continue;
		message[2] |= 0x80;
		message[7] = 9; /* nine answers that are not there */
		(void)!sendto(fd, message, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}

/* Starts one at 127.0.0.`last`, at a port that is free. */
static inline pid_t fake_start_any(enum fake_kind kind, unsigned last, uint16_t *port)
{
	int on = 1, fd = socket(AF_INET, kind > FAKE_KINDS ? SOCK_DGRAM : SOCK_STREAM, 0);
	struct sockaddr_in a = fake_address(last, 0);
	socklen_t size = sizeof a;
	pid_t pid;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*port = ntohs(a.sin_port);
	assert_int_equal(kind > FAKE_KINDS ? 0 : listen(fd, 16), 0);
	pid = fork();
	if (pid)
		return close(fd), pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (kind > FAKE_KINDS)
		fake_serve_dns(kind, fd);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fake_serve(kind, one);
		}
		close(one);
	}
}

static inline void fake_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
