/* SPDX-License-Identifier: BSD-2-Clause */
#include "http/program.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "remote/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK 65536u

static int find_program(char out[4096], struct error *err)
{
	const char *given = getenv("MAILHAUL_HTTP");

	if (given) {
		snprintf(out, 4096, "%s", given);
		return 0;
	}
	if (program_beside("mailhaul-http", out, err) < 0) {
		err->retry = ERROR_RETRY_PERSON;
		return -1;
	}
	return 0;
}

int program_start(struct program *p, const char *ca_file, unsigned together, struct error *err)
{
	char path[4096], number[16];
	const char *const argv[] = { path,    "--together", number, ca_file ? "--ca-file" : NULL,
		                     ca_file, NULL };
	int ends[2], result;

	if (find_program(path, err) < 0)
		return -1;
	snprintf(number, sizeof number, "%u", together);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_system(err, "a socket for %s", path);
	result = process_begin(argv, ends[1], ends[1], &p->pid);
	close(ends[1]);
	if (result) {
		p->pid = 0;
		close(ends[0]);
		errno = result;
		return error_system(err, "start %s", path);
	}
	p->fd = ends[0];
	p->closed = false;
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

int program_end(struct program *p)
{
	int status = 0;

	if (!p->pid)
		return 0;
	close(p->fd);
	/* one that has ended is not hurt by it, and its number is still its own */
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	buf_reset(&p->in);
	buf_reset(&p->out);
	return status;
}

static int give(struct program *p)
{
	while (p->out.n) {
		ssize_t n = send(p->fd, p->out.p, p->out.n, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		buf_drop_front(&p->out, (size_t)n);
	}
	return 0;
}

static int take(struct program *p)
{
	for (;;) {
		ssize_t n = recv(p->fd, buf_room(&p->in, CHUNK), CHUNK, 0);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		if (n == 0)
			return -1;
		buf_grown(&p->in, (size_t)n);
		if ((size_t)n < CHUNK)
			return 0;
	}
}

void program_pump(struct program *p, int wait_ms)
{
	struct pollfd fd = { .fd = p->fd, .events = (short)(POLLIN | (p->out.n ? POLLOUT : 0)) };

	if (wait_ms)
		(void)poll(&fd, 1, wait_ms);
	/* what it said before it closed is still read */
	if (give(p) < 0)
		p->out.n = 0;
	p->closed = take(p) < 0;
}
