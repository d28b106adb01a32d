/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/control.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PREFIX "mailhaul/sealed/"
#define PROC_UNIX_MAX (64u << 20)
#define REQUEST_WAIT_S 2 /* a peer that connects and is silent must not hold the keeper */

static socklen_t address(struct sockaddr_un *a, const char *set)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path + 1, sizeof a->sun_path - 1, PREFIX "%s", set);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
}

static bool peer_is_root(int fd, pid_t *pid)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.uid != 0)
		return false;
	*pid = peer.pid;
	return true;
}

int control_listen(const char *set, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t n = address(&a, set);

	if (fd < 0)
		return error_system(err, "make the control socket");
	if (bind(fd, (struct sockaddr *)&a, n) < 0 && errno == EADDRINUSE) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "sealed hosts named %s are up already", set);
		return error_hint(err, "mailhaul sealed end %s", set);
	}
	if (listen(fd, 64) < 0)
		return error_system(err, "listen at the control socket");
	return fd_take(&fd);
}

int control_accept(int listener, char request[CONTROL_REQUEST_MAX])
{
	AUTO_CLOSE int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval wait = { .tv_sec = REQUEST_WAIT_S };
	pid_t pid;
	ssize_t n;

	if (fd < 0 || !peer_is_root(fd, &pid) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
		return -1;
	n = recv(fd, request, CONTROL_REQUEST_MAX - 1, 0);
	if (n <= 0)
		return -1;
	request[n] = 0;
	return fd_take(&fd);
}

void control_answer(int connection, const struct error *failed, struct span text, int fd)
{
	AUTO_BUF struct buf words = { 0 };
	struct iovec part;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (failed) {
		buf_addf(&words, "-%d\n%s\n%s", (int)failed->retry, failed->text, failed->hint);
	} else {
		buf_add_char(&words, '+');
		buf_add_span(&words, text);
	}
	part = (struct iovec){ .iov_base = words.p, .iov_len = words.n };
	if (fd >= 0) {
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd),
			                         .cmsg_level = SOL_SOCKET,
			                         .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		m.msg_control = &control;
		m.msg_controllen = sizeof control.room;
	}
	(void)!sendmsg(connection, &m, MSG_NOSIGNAL);
}

static int call(const char *set, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t n = address(&a, set);

	if (fd < 0)
		return error_system(err, "make a socket");
	if (connect(fd, (struct sockaddr *)&a, n) < 0) {
		if (errno != ECONNREFUSED)
			return error_system(err, "reach the keeper of %s", set);
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
		          "no sealed hosts named %s are up", set);
		return error_hint(err, "mailhaul sealed list shows what is up");
	}
	return fd_take(&fd);
}

/* "-R\nWORDS\nHINT" becomes the error that the keeper had. */
static int answer_fail(struct span answer, struct error *err)
{
	struct span retry = { 0 }, words = { 0 }, hint = { 0 };
	enum error_retry r = ERROR_RETRY_NEVER;

	if (span_next_line(&answer, &retry) && retry.n == 2 && retry.p[1] >= '1' &&
	    retry.p[1] <= '0' + ERROR_RETRY_REACH)
		r = (enum error_retry)(retry.p[1] - '0');
	span_next_line(&answer, &words);
	span_next_line(&answer, &hint);
	error_set(err, ERROR_SCOPE_HOST, r, 0, "%.*s", (int)words.n, words.p ? words.p : "");
	return error_hint(err, "%.*s", (int)hint.n, hint.p ? hint.p : "");
}

/* Takes one answer apart. The descriptor that came with it is closed unless it is wanted. */
static int answer_take(int connection, struct buf *text, int *fd, struct error *err)
{
	AUTO_FREE char *room = xmalloc(CONTROL_ANSWER_MAX);
	AUTO_CLOSE int came = -1;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { room, CONTROL_ANSWER_MAX };
	struct msghdr m = { .msg_iov = &part,
		            .msg_iovlen = 1,
		            .msg_control = &control,
		            .msg_controllen = sizeof control };
	ssize_t n = recvmsg(connection, &m, MSG_CMSG_CLOEXEC);
	struct span answer = { room, n > 0 ? (size_t)n : 0 };

	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&came, CMSG_DATA(c), sizeof came);
	if (n <= 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, n < 0 ? errno : 0,
		                 "the keeper has ended");
	if (room[0] != '+')
		return answer_fail(answer, err);
	if (text)
		buf_add_span(text, span_from(answer, 1));
	if (fd)
		*fd = fd_take(&came);
	return 0;
}

int control_ask(const char *set, const char *request, struct buf *text, int *fd, int *keeper,
                struct error *err)
{
	AUTO_CLOSE int connection = call(set, err);
	AUTO_CLOSE int held = -1;
	pid_t pid;

	if (connection < 0)
		return -1;
	if (!peer_is_root(connection, &pid))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "what calls itself the keeper of %s is not root's", set);
	if (keeper) {
		held = pidfd_open(pid, 0);
		if (held < 0 && errno != ESRCH)
			return error_system(err, "hold on to the keeper of %s", set);
	}
	if (send(connection, request, strlen(request), MSG_NOSIGNAL) < 0)
		return error_system(err, "ask the keeper of %s", set);
	if (answer_take(connection, text, fd, err) < 0)
		return -1;
	if (keeper)
		*keeper = fd_take(&held);
	return 0;
}

int control_list(struct strings *sets, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line;

	if (file_read("/proc/net/unix", PROC_UNIX_MAX, &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line)) {
		ssize_t at = span_find_text(line, " @" PREFIX);
		AUTO_FREE char *name = NULL;

		if (at < 0)
			continue;
		name = span_dup(span_from(line, (size_t)at + 2 + strlen(PREFIX)));
		if (!strings_has(sets, name))
			strings_add(sets, name);
	}
	strings_sort(sets);
	return 0;
}
