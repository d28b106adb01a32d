/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/sealed.h"

#include "rehearse/control.h"
#include "rehearse/init.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NOT_EXECUTABLE 126 /* as shells have it */
#define STATUS_NOT_FOUND 127

/* "pid:4713": for who holds the host's keeper himself, and may be in a network in which nobody can ask it. */
static int host_by_pid(struct span number, struct error *err)
{
	uint64_t pid;
	int pidfd;

	if (!span_parse_u64(number, &pid) || !pid || pid > INT32_MAX)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0, "no process \"%.*s\"",
		                 (int)number.n, number.p);
	pidfd = pidfd_open((pid_t)pid, 0);
	if (pidfd < 0) {
		error_system(err, "find the host");
		err->retry = ERROR_RETRY_REACH;
	}
	return pidfd;
}

/* Asks the keeper for the host's PID 1. Returns a pidfd that the caller owns. */
static int host_find(const char *target, struct error *err)
{
	struct span host = span_of(target), name = { 0 };
	AUTO_FREE char *set = NULL, *request = NULL;
	int pidfd = -1;

	if (geteuid() != 0) {
		error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "sealed hosts need root");
		return error_hint(err, "run it as root, or with sudo");
	}
	if (span_starts(host, "pid:"))
		return host_by_pid(span_from(host, 4), err);
	span_next_part(&host, '/', &name);
	if (!host.p || !host.n || strpbrk(target, " \t"))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is not NAME/HOST", target);
	set = span_dup(name);
	request = xasprintf("enter %s", host.p);
	if (control_ask(set, request, NULL, &pidfd, NULL, err) < 0)
		return -1;
	return pidfd;
}

/* fork(2) with the child in the host's PID namespace; this process stays where it is, in every
 * respect. Returns as fork(2) does; -1 with *err set. */
static pid_t fork_into(const char *target, int pidfd, struct error *err)
{
	AUTO_CLOSE int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (own < 0)
		return error_system(err, "open /proc/self/ns/pid");
	if (setns(pidfd, CLONE_NEWPID) < 0) {
		error_system(err, "enter %s", target);
		err->retry = err->sys_errno == EPERM ? ERROR_RETRY_PERSON : ERROR_RETRY_REACH;
		return -1;
	}
	pid = fork();
	if (pid < 0) { /* ENOMEM: the host's PID 1 is dead */
		error_system(err, "enter %s", target);
		err->retry = ERROR_RETRY_REACH;
	}
	if (pid != 0 && setns(own, CLONE_NEWPID) < 0)
		abort();
	return pid;
}

/* The command's side of fork(2). `alive` reads end of file once the one who waits for it is dead:
 * asked after the kernel was told to kill us then, so that there is no moment between. */
static void run(char *const argv[], const sigset_t *mask, int alive, int pidfd)
{
	struct pollfd p = { .fd = alive };
	struct error err;
	int e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&p, 1, 0) != 0)
		_exit(STATUS_NOT_EXECUTABLE);
	if (setns(pidfd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) < 0 ||
	    chdir("/") < 0) {
		fprintf(stderr, "mailhaul: enter: %s\n", strerror(errno));
		_exit(EXIT_CODE_UNREACHED);
	}
	if (init_drop_rights(&err) < 0) {
		fprintf(stderr, "mailhaul: %s\n", err.text);
		_exit(STATUS_NOT_EXECUTABLE);
	}
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	unsetenv("TMPDIR"); /* names a directory that most likely is not there */
	setenv("PWD", "/", 1);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	e = errno;
	fprintf(stderr, "mailhaul: %s: %s\n", argv[0], strerror(e));
	_exit(e == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* True when the command has ended. One that is stopped (^Z) stops us too, so that the shell sees
 * it, and goes on with us. */
static bool look(pid_t pid, int *status)
{
	int s;

	if (waitpid(pid, &s, WNOHANG | WUNTRACED) != pid)
		return false;
	if (WIFSTOPPED(s)) {
		kill(getpid(), SIGSTOP);
		kill(pid, SIGCONT);
		return false;
	}
	*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	return true;
}

static int await(pid_t pid, int signals, int *status, struct error *err)
{
	struct signalfd_siginfo s;

	for (;;) {
		if (read(signals, &s, sizeof s) != (ssize_t)sizeof s) {
			if (errno == EINTR)
				continue;
			return error_system(err, "wait for the command");
		}
		/* what the terminal sends went to the command as well; what a process sent
		 * (code <= 0) came to us alone */
		if (s.ssi_signo != SIGCHLD && s.ssi_code <= 0)
			kill(pid, (int)s.ssi_signo);
		if (s.ssi_signo == SIGCHLD && look(pid, status))
			return 0;
	}
}

int sealed_enter(const char *target, char *const argv[], int *status, struct error *err)
{
	static const int handed_on[] = { SIGTERM, SIGINT,  SIGHUP,   SIGQUIT,
		                         SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD };
	AUTO_CLOSE int pidfd = host_find(target, err);
	AUTO_CLOSE int signals = -1;
	sigset_t mask, before;
	int alive[2], result;
	pid_t pid;

	if (pidfd < 0)
		return -1;
	sigemptyset(&mask);
	for (size_t i = 0; i < ROWS(handed_on); i++)
		sigaddset(&mask, handed_on[i]);
	sigprocmask(SIG_BLOCK, &mask, &before);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return error_system(err, "prepare to run a command");
	pid = fork_into(target, pidfd, err);
	if (pid == 0) {
		close(alive[1]);
		run(argv, &before, alive[0], pidfd);
	}
	close(alive[0]);
	result = pid < 0 ? -1 : await(pid, signals, status, err);
	close(alive[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
