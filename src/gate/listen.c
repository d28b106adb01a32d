/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/listen.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096
#define BIND_AGAIN_MS 5
#define FIRST_GIVEN 3 /* SD_LISTEN_FDS_START */

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

/* ── given ───────────────────────────────────────────────────────────────────────────────────── */

void gate_given_fini(struct gate_given *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->fds[i] >= 0)
			(void)close(g->fds[i]);
	g->n = 0;
}

static void add_given(struct gate_given *g, int fd)
{
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (g->n < GATE_LISTEN_MAX)
		g->fds[g->n++] = fd;
	else
		(void)close(fd);
}

void gate_given_by_parent(struct gate_given *g)
{
	const char *pid = getenv("LISTEN_PID"), *many = getenv("LISTEN_FDS");
	uint64_t ours, n;

	if (pid && many && text_parse_u64(pid, &ours) && ours == (uint64_t)getpid() &&
	    text_parse_u64(many, &n))
		for (uint64_t i = 0; i < n && i < GATE_LISTEN_MAX; i++)
			add_given(g, FIRST_GIVEN + (int)i);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static int refused(const char *control, const char *why, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0, "hand-over from %s: %s",
	                 control, why);
}

static int ask_gate(int fd, const char *control, struct error *err)
{
	static const char words[] = "hand-over\n";
	struct timeval patience = { .tv_sec = 10 };
	struct sockaddr_un there = { .sun_family = AF_UNIX };

	if (strlen(control) >= sizeof there.sun_path)
		return refused(control, "the path is too long", err);
	memcpy(there.sun_path, control, strlen(control) + 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&there, sizeof there) < 0 ||
	    fd_write_all(fd, words, sizeof words - 1) < 0)
		return refused(control, strerror(errno), err);
	return 0;
}

int gate_given_by_gate(struct gate_given *g, const char *control, struct error *err)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char octets[CMSG_SPACE(sizeof(int) * GATE_LISTEN_MAX)];
	} room = { 0 };
	char answer[256] = "";
	struct iovec part = { answer, sizeof answer - 1 };
	struct msghdr message = { .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = room.octets,
		                  .msg_controllen = sizeof room.octets };
	ssize_t n;

	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_system(err, "socket");
	if (ask_gate(fd, control, err) < 0)
		return -1;
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return refused(control, n < 0 ? strerror(errno) : "it said nothing", err);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		size_t fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < fds; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
			add_given(g, one);
		}
	}
	return g->n ? 0 : refused(control, answer, err);
}

/* ── steering ────────────────────────────────────────────────────────────────────────────────── */

/* From now on the socket of this number in the group gets what comes. The numbers are those in which
 * the sockets began to listen; when one ends, the last takes its number. A number that is none lets
 * the kernel choose by hash. */
static bool steer(int fd, size_t number)
{
	struct sock_filter answer = BPF_STMT(BPF_RET | BPF_K, (uint32_t)number);
	struct sock_fprog program = { .len = 1, .filter = &answer };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

bool gate_listen_yield(int fd, uint64_t neighbour)
{
	socklen_t size = sizeof(int);
	uint64_t other;
	int shared = 0;
	size_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, &size) < 0 || !shared)
		return false;
	n = gate_listen_others(fd, &other);
	/* one who was there before us has the first number, one who came later the last */
	return n > 0 && steer(fd, other == neighbour ? 0 : n);
}

/* ── one socket ──────────────────────────────────────────────────────────────────────────────── */

static bool is_at(int fd, const struct gate_address *at)
{
	struct gate_address own;

	if (fd < 0 || !gate_address_of_socket(fd, true, &own) || own.size != at->size)
		return false;
	if (at->any.sa_family == AF_INET)
		return own.four.sin_port == at->four.sin_port &&
		       own.four.sin_addr.s_addr == at->four.sin_addr.s_addr;
	return own.six.sin6_port == at->six.sin6_port &&
	       !memcmp(&own.six.sin6_addr, &at->six.sin6_addr, sizeof own.six.sin6_addr);
}

static int from_given(const struct gate_address *at, struct gate_given *given)
{
	for (size_t i = 0; i < given->n; i++)
		if (is_at(given->fds[i], at))
			return fd_take(&given->fds[i]);
	return -1;
}

/* A socket that others hold too: what is set here is set for them. */
static int adopt(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	(void)listen(fd, BACKLOG);
	return fd;
}

static int fresh(const struct gate_address *at, bool share)
{
	const int one = 1;

	AUTO_CLOSE int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	                           0);
	if (fd < 0)
		return -1;
	/* sessions of the server before us still linger */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (share)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	/* IPv4 has a listener of its own */
	if (at->any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, &at->any, at->size) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return fd_take(&fd);
}

/* Beside whoever is there, and in front of him. */
static int beside(const struct gate_address *at)
{
	AUTO_CLOSE int fd = fresh(at, true);

	if (fd >= 0) {
		uint64_t ignored;
		size_t n = gate_listen_others(fd, &ignored);

		/* shared without being steered, each client would come to either */
		if (n && !steer(fd, n))
			return -1;
	}
	return fd_take(&fd);
}

int gate_listen(const struct gate_address *at, unsigned take, struct gate_given *given,
                int64_t until_ms, struct error *err)
{
	int fd = from_given(at, given);

	if (fd >= 0)
		return adopt(fd);
	for (;;) {
		fd = take == GATE_TAKE_STEER ? beside(at) : fresh(at, false);
		if (fd >= 0)
			return fd;
		if (take == GATE_TAKE_COPY && errno == EADDRINUSE) {
			fd = gate_listen_copy(at);
			if (fd >= 0)
				return adopt(fd);
			errno = EADDRINUSE;
		}
		if (errno != EADDRINUSE || clock_monotonic_ms() >= until_ms)
			return fail(at, "listen at", err);
		clock_sleep_ms(BIND_AGAIN_MS);
	}
}

/* ── the process ─────────────────────────────────────────────────────────────────────────────── */

int gate_pid_file_open(const char *path, struct error *err)
{
	int fd;

	(void)unlink(path); /* nobody's link is followed, nobody's file is kept */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? error_system(err, "--pid-file %s", path) : fd;
}

int gate_pid_file_write(int fd, struct error *err)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (fd_write_all(fd, text, (size_t)n) < 0 || fsync(fd) < 0)
		return error_system(err, "--pid-file");
	return 0;
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
