/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * deliver_server -- a mail server for tests of giving out: a thread for each connection, and
 * whoever is written to decides what it answers.
 *
 *   later@  451, as often as `later_left` says, then 250
 *   never@  550
 *   cut@    the connection is closed
 *   mute@   no answer, until the server ends
 * and everybody else 250.
 */

#include "base/text.h"
#include "unit/unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DELIVER_SERVER_CONNECTIONS 64

struct deliver_server {
	struct sockaddr_in at;
	const char *greeting; /* NULL: 220 */
	const char *offers; /* lines of EHLO's reply between the first and the last, "250-X\r\n" */
	const char *dot;    /* the reply to the end of a message; NULL: 250 */
	size_t allowed;     /* connections at the same time, the others get 421; 0: any number */
	bool xclient_once;  /* as Postfix: who has said XCLIENT is not offered it again */
	bool lmtp;
	int fd;
	pthread_t thread, connections[DELIVER_SERVER_CONNECTIONS];
	pthread_mutex_t lock;
	size_t connections_n, at_once, at_once_most;
	int later_left;
	struct buf seen; /* a line each: XCLIENT ..., MAIL ..., RCPT ..., "= OCTETS" of a message */
	struct buf bodies; /* all messages, one behind the other */
	bool ending;
};

static void deliver_server_note(struct deliver_server *s, const char *line, size_t n)
{
	pthread_mutex_lock(&s->lock);
	buf_add(&s->seen, line, n);
	buf_add_char(&s->seen, '\n');
	pthread_mutex_unlock(&s->lock);
}

static const char *deliver_server_rcpt(struct deliver_server *s, const char *line)
{
	const char *reply = "250 2.1.5 Ok\r\n";

	if (strstr(line, "<never@"))
		return "550 5.1.1 no such person\r\n";
	if (strstr(line, "<cut@"))
		return NULL;
	pthread_mutex_lock(&s->lock);
	if (strstr(line, "<later@") && s->later_left-- > 0)
		reply = "451 4.7.1 come back\r\n";
	pthread_mutex_unlock(&s->lock);
	return reply;
}

/* One connection. */
struct deliver_server_talk {
	struct deliver_server *server;
	FILE *in, *out;
	size_t accepted; /* recipients of this message */
	bool told;       /* XCLIENT was said */
};

static void deliver_server_body(struct deliver_server_talk *t)
{
	struct deliver_server *s = t->server;
	AUTO_BUF struct buf body = { 0 };
	char line[2048];

	while (fgets(line, sizeof line, t->in) && strcmp(line, ".\r\n") != 0)
		buf_add_text(&body, line + (*line == '.'));
	pthread_mutex_lock(&s->lock);
	buf_addf(&s->seen, "= %zu\n", body.n);
	buf_add_span(&s->bodies, buf_span(&body));
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < (s->lmtp ? t->accepted : 1); i++)
		fputs(s->dot ? s->dot : "250 2.0.0 Ok: kept\r\n", t->out);
}

/* NULL: hang up. */
static const char *deliver_server_answer(struct deliver_server_talk *t, const char *line)
{
	struct deliver_server *s = t->server;
	const char *reply = "250 2.0.0 Ok\r\n";

	if (!strncmp(line, "EHLO", 4) || !strncmp(line, "LHLO", 4)) {
		fprintf(t->out, "250-stub.example.org\r\n%s",
		        s->xclient_once && t->told ? "" : s->offers);
		return "250 HELP\r\n";
	}
	if (!strncmp(line, "QUIT", 4))
		return NULL;
	if (!strncmp(line, "DATA", 4)) {
		if (!t->accepted)
			return "554 5.5.1 no recipients\r\n";
		fputs("354 go on\r\n", t->out);
		fflush(t->out);
		deliver_server_body(t);
		return "";
	}
	deliver_server_note(s, line, strlen(line));
	if (!strncmp(line, "XCLIENT", 7)) {
		if (s->xclient_once && t->told)
			return "550 5.7.0 not for you\r\n";
		t->told = true;
		return "220 stub.example.org\r\n";
	}
	if (!strncmp(line, "MAIL", 4))
		t->accepted = 0;
	if (!strncmp(line, "RCPT", 4)) {
		while (strstr(line, "<mute@") && !s->ending)
			usleep(10000);
		reply = deliver_server_rcpt(s, line);
		t->accepted += reply && *reply == '2';
	}
	return reply;
}

static void *deliver_server_run_one(void *context)
{
	struct deliver_server_talk *t = context;
	struct deliver_server *s = t->server;
	const char *reply = s->greeting ? s->greeting : "220 stub.example.org ESMTP\r\n";
	char line[4096];

	pthread_mutex_lock(&s->lock);
	s->at_once++;
	if (s->at_once > s->at_once_most)
		s->at_once_most = s->at_once;
	if (s->allowed && s->at_once > s->allowed)
		reply = "421 4.7.0 too many connections\r\n";
	pthread_mutex_unlock(&s->lock);
	while (reply) {
		fputs(reply, t->out);
		if (fflush(t->out) || !fgets(line, sizeof line, t->in))
			break;
		line[strcspn(line, "\r\n")] = '\0';
		reply = deliver_server_answer(t, line);
	}
	pthread_mutex_lock(&s->lock);
	s->at_once--;
	pthread_mutex_unlock(&s->lock);
	fclose(t->out);
	fclose(t->in);
	free(t);
	return NULL;
}

static void *deliver_server_run(void *context)
{
	struct deliver_server *s = context;

	while (!s->ending && s->connections_n < DELIVER_SERVER_CONNECTIONS) {
		int fd = accept(s->fd, NULL, NULL);
		struct deliver_server_talk *t;

		if (fd < 0)
			break;
		t = calloc(1, sizeof *t);
		assert_non_null(t);
		*t = (struct deliver_server_talk){ s, fdopen(fd, "r"), fdopen(dup(fd), "w"), 0,
			                           false };
		pthread_create(&s->connections[s->connections_n++], NULL, deliver_server_run_one,
		               t);
	}
	return NULL;
}

/* At a port of the loopback of its own. */
static void deliver_server_bind(struct deliver_server *s)
{
	socklen_t size = sizeof s->at;

	s->at = (struct sockaddr_in){ .sin_family = AF_INET,
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_return_code(bind(s->fd, (struct sockaddr *)&s->at, sizeof s->at), 0);
	assert_return_code(getsockname(s->fd, (struct sockaddr *)&s->at, &size), 0);
	pthread_mutex_init(&s->lock, NULL);
}

static void deliver_server_start(struct deliver_server *s)
{
	assert_return_code(listen(s->fd, 64), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, deliver_server_run, s), 0);
}

/* By then every client has gone. */
static void deliver_server_end(struct deliver_server *s)
{
	s->ending = true;
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->connections_n; i++)
		pthread_join(s->connections[i], NULL);
	close(s->fd);
	buf_fini(&s->seen);
	buf_fini(&s->bodies);
	pthread_mutex_destroy(&s->lock);
}
