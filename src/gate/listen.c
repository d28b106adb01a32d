/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/listen.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG 4096
#define BIND_AGAIN_MS 10
#define NOBODY 65534 /* Debian and most others; the number needs no account */

static int fail(const struct gate_address *at, const char *what, struct error *err)
{
	int e = errno;

	error_system(err, "%s %s", what, at->text);
	if (e == EADDRINUSE) {
		err->retry = ERROR_RETRY_LATER;
		return error_hint(err, "another program listens there: stop it first");
	}
	if (e == EACCES)
		return error_hint(err, "ports below 1024 want root");
	return -1;
}

int gate_listen(const struct gate_address *at, int64_t until_ms, struct error *err)
{
	const int one = 1;

	AUTO_CLOSE int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	                           0);
	if (fd < 0)
		return fail(at, "socket for", err);
	/* Sessions of the server before us still linger. Never SO_REUSEPORT: Postfix sets it (3.7
	 * does), and then the kernel would deal out clients between it and us. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	/* IPv4 has a listener of its own */
	if (at->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	while (bind(fd, &at->any, at->size) < 0 || listen(fd, BACKLOG) < 0) {
		if (errno != EADDRINUSE || clock_monotonic_ms() >= until_ms)
			return fail(at, "listen at", err);
		clock_sleep_ms(BIND_AGAIN_MS);
	}
	return fd_take(&fd);
}

int gate_pid_file_write(const char *path, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	buf_addf(&text, "%ld\n", (long)getpid());
	return file_write_path_durable(path, 0644, buf_span(&text), err);
}

size_t gate_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 1u << 20 ? 1u << 20 : limit.rlim_cur;
}

int gate_drop_root(struct error *err)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* not on kernels before 3.5 */
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return error_system(err, "give up root");
	return 0;
}
