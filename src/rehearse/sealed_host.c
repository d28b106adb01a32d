/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/sealed_host.h"

#include "rehearse/init.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIMEOUT_MS 60000
#define END_TIMEOUT_MS 20000
#define DISK_LOOK_MS 2

void sealed_host_init(struct sealed_host *h, const struct description *set,
                      const struct description_host *plan, const struct strings *loops)
{
	*h = (struct sealed_host){
		.set = set, .plan = plan, .loops = loops, .pidfd = -1, .report = -1, .disk.loop = -1
	};
}

static void forget(struct sealed_host *h)
{
	if (h->pidfd >= 0)
		close(h->pidfd);
	if (h->report >= 0)
		close(h->report);
	h->pidfd = h->report = -1;
	h->pid = 0;
	h->cut = false;
}

int sealed_host_spawn(struct sealed_host *h, int router, const int lifeline[2], struct error *err)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
		         CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&h->pidfd,
		.exit_signal = SIGCHLD,
	};
	int report[2];
	long pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	/* as fork(2) with namespaces; this process has one thread, so nothing is left locked */
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		init_run(&(struct init_job){ h->set, h->plan, router, lifeline[0], report[1] });
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return error_system(err, "make the namespaces of host %s", h->plan->name);
	}
	h->pid = (pid_t)pid;
	h->report = report[0];
	return 0;
}

static int report_read(struct sealed_host *h, struct init_report *r, struct error *err)
{
	struct pollfd p = { .fd = h->report, .events = POLLIN };
	ssize_t n;
	int ready;

	do
		ready = poll(&p, 1, START_TIMEOUT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT, "start");
	/* shorter than PIPE_BUF, so it is there whole or not at all (pipe(7)) */
	_Static_assert(sizeof *r <= 4096, "one write must stay one read");
	n = read(h->report, r, sizeof *r);
	if (n != (ssize_t)sizeof *r)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		                 "its PID 1 was killed while it started");
	return 0;
}

int sealed_host_await(struct sealed_host *h, struct error *err)
{
	struct init_report r;
	struct error ignored;
	int result = report_read(h, &r, err);

	if (result == 0) {
		h->disk = r.disk;
		if (!r.good) {
			*err = r.error;
			result = -1;
		}
	}
	if (result < 0) {
		if (sealed_host_end(h, &ignored) < 0)
			error_hint(err, "%s", ignored.text);
		return error_context(err, "host %s", h->plan->name);
	}
	close(h->report);
	h->report = -1;
	return 0;
}

/* PID 1 ends only after every process of its namespace was killed and reaped (pid_namespaces(7)),
 * so with it all that held mounts is gone. */
static int await_death(struct sealed_host *h, struct error *err)
{
	struct pollfd p = { .fd = h->pidfd, .events = POLLIN };
	int64_t end = clock_monotonic_ms() + END_TIMEOUT_MS;

	for (;;) {
		int64_t left = end - clock_monotonic_ms();
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);

		if (ready > 0)
			break;
		if (ready == 0)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
			                 "host %s: a process does not die", h->plan->name);
	}
	waitpid(h->pid, NULL, 0);
	return 0;
}

static int await_disk(const struct sealed_host *h, struct error *err)
{
	int64_t end = clock_monotonic_ms() + END_TIMEOUT_MS;

	while (!disk_is_gone(&h->disk)) {
		if (clock_monotonic_ms() > end)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
			                 "host %s: its disk on /dev/loop%d is still in use",
			                 h->plan->name, h->disk.loop);
		clock_sleep_ms(DISK_LOOK_MS);
	}
	return 0;
}

int sealed_host_end(struct sealed_host *h, struct error *err)
{
	if (h->pid && (pidfd_send_signal(h->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH))
		return error_system(err, "kill host %s", h->plan->name);
	if (h->pid && await_death(h, err) < 0)
		return -1;
	forget(h);
	if (await_disk(h, err) < 0)
		return -1;
	disk_forget(&h->disk, h->loops);
	h->disk = (struct disk){ .loop = -1 };
	return 0;
}

bool sealed_host_notice_end(struct sealed_host *h)
{
	struct pollfd p = { .fd = h->pidfd, .events = POLLIN };

	if (!h->pid || poll(&p, 1, 0) <= 0)
		return false;
	waitpid(h->pid, NULL, 0);
	forget(h);
	return true;
}

int sealed_host_open_network(const struct sealed_host *h, struct error *err)
{
	char path[48];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/ns/net", (int)h->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_system(err, "open the network of host %s", h->plan->name);
	return fd;
}
