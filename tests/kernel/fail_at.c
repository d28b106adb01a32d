/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * fail-at -- runs a program whose n-th system call on files fails.
 *
 *	FAIL_PROGRAM=PROGRAM FAIL_AT=N FAIL_ROUND=R FAIL_TOLD=FILE fail-at ARGUMENTS...
 *
 * Calls are counted from the one after the program has begun to answer (its first write(2) to
 * standard output), so that N means the same in every build. The failing one gets the R-th errno that
 * fits it (rows below, round and round). At the end FILE holds "CALLS NAME ERRNO": how many calls
 * there were, and which one failed ("none").
 *
 * The kernel asks us about each of these calls (seccomp(2), SECCOMP_RET_USER_NOTIF), and does not
 * begin it before the answer: so what fails has not happened. Wants Linux 5.5.
 */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW(name, ...)                                                                             \
	{                                                                                          \
#name, SYS_##name,                                                                 \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct call {
	const char *name;
	int number;
	int errnos[4]; /* 0 ends */
} calls[] = {
	/* these two first: install_filter() looks at their descriptors, since frames go by them */
	ROW(write, ENOSPC, EDQUOT, EIO, EFBIG),
	ROW(read, EIO),
	ROW(pwrite64, ENOSPC, EDQUOT, EIO),
	ROW(writev, ENOSPC, EIO),
	ROW(copy_file_range, ENOSPC, EIO, EDQUOT),
	ROW(fallocate, ENOSPC, EOPNOTSUPP),
	ROW(ftruncate, EIO),
	ROW(fsync, EIO, ENOSPC, EDQUOT),
	ROW(fdatasync, EIO, ENOSPC),
	ROW(syncfs, EIO, ENOSPC),
	ROW(openat, EACCES, ENOSPC, EMFILE, EIO),
	ROW(openat2, EACCES, ENOSPC, EMFILE, EIO),
	ROW(renameat, EIO, ENOSPC, EACCES, EDQUOT),
	ROW(renameat2, EIO, ENOSPC, EACCES, EDQUOT),
	ROW(linkat, EIO, ENOSPC, EACCES, EMLINK),
	ROW(symlinkat, ENOSPC, EACCES, EIO),
	ROW(mkdirat, ENOSPC, EACCES, EDQUOT, EIO),
	ROW(mkdir, ENOSPC, EACCES, EDQUOT, EIO),
	ROW(unlinkat, EIO, EACCES),
	ROW(fchmod, EIO, EPERM),
	ROW(fchown, EPERM, EDQUOT, EIO),
	ROW(fchownat, EPERM, EDQUOT, EIO),
	ROW(utimensat, EIO, EACCES),
	ROW(pread64, EIO),
	ROW(getdents64, EIO),
	ROW(newfstatat, EIO, EACCES),
	ROW(fstat, EIO),
};
#define CALLS (sizeof calls / sizeof *calls)

#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no))

#define LOAD_DESCRIPTOR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args))

/* Lets everything pass, and asks about `calls`; not about read(2) of standard input and write(2) to
 * standard error. write(2) to standard output begins the count. */
static int install_filter(void)
{
	struct sock_filter filter[2 * CALLS + 20];
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                           offsetof(struct seccomp_data, nr));
	for (size_t i = 2; i < CALLS; i++) {
		filter[n++] = (struct sock_filter)JUMP(BPF_JEQ, (unsigned)calls[i].number, 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	filter[n++] = (struct sock_filter)JUMP(BPF_JEQ, SYS_write, 2, 0);
	filter[n++] = (struct sock_filter)JUMP(BPF_JEQ, SYS_read, 3, 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	/* write */
	filter[n++] = (struct sock_filter)LOAD_DESCRIPTOR;
	filter[n++] = (struct sock_filter)JUMP(BPF_JEQ, STDERR_FILENO, 2, 3);
	/* read */
	filter[n++] = (struct sock_filter)LOAD_DESCRIPTOR;
	filter[n++] = (struct sock_filter)JUMP(BPF_JEQ, STDIN_FILENO, 0, 1);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);

	const struct sock_fprog program = { n, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
	                    &program);
}

static void send_fd(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof fd)] = { 0 }, byte = 0;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io,
		            .msg_iovlen = 1,
		            .msg_control = space,
		            .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	if (sendmsg(socket, &m, 0) < 0)
		_exit(71);
}

static int receive_fd(int socket)
{
	int fd = -1;
	char space[CMSG_SPACE(sizeof fd)], byte;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io,
		            .msg_iovlen = 1,
		            .msg_control = space,
		            .msg_controllen = sizeof space };

	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

struct count {
	bool begun;
	unsigned long n, at, round;
	const struct call *failed;
	int failed_errno;
};

static int answer(struct count *c, const struct seccomp_notif *asked)
{
	size_t row = 0, errnos = 0;

	if (asked->data.nr == SYS_write && asked->data.args[0] <= STDERR_FILENO) {
		c->begun = true;
		return 0;
	}
	if (!c->begun || ++c->n != c->at)
		return 0;
	while (row < CALLS && calls[row].number != asked->data.nr)
		row++;
	c->failed = &calls[row];
	while (errnos < 4 && c->failed->errnos[errnos])
		errnos++;
	c->failed_errno = c->failed->errnos[c->round % errnos];
	return c->failed_errno;
}

static void supervise(int listener, struct count *c)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) > 0 && !(p.revents & POLLHUP)) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp said = { 0 };
		int e;

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			continue; /* the caller is gone */
		e = answer(c, &asked);
		said.id = asked.id;
		said.error = -e;
		said.flags = e ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
	}
}

static void tell(const struct count *c)
{
	AUTO_BUF struct buf text = { 0 };
	const char *file = getenv("FAIL_TOLD");
	struct error err;

	buf_addf(&text, "%lu %s %d\n", c->n, c->failed ? c->failed->name : "none", c->failed_errno);
	if (file && file_write_path_durable(file, 0600, buf_span(&text), &err) < 0)
		fprintf(stderr, "fail-at: %s\n", err.text);
}

static unsigned long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct count c = { .at = number("FAIL_AT"), .round = number("FAIL_ROUND") };
	const char *program = getenv("FAIL_PROGRAM");
	int pair[2], listener, status = 0;
	pid_t pid;

	if (!program || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 64;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		listener = install_filter();
		if (listener < 0) {
			perror("fail-at");
			_exit(71);
		}
		send_fd(pair[1], listener);
		close(listener);
		execv(program, argv);
		_exit(127);
	}
	close(pair[1]);
	/* the pipes to mailhaul are the program's alone */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	listener = receive_fd(pair[0]);
	if (listener >= 0)
		supervise(listener, &c);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	tell(&c);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
