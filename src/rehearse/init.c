/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/init.h"

#include "rehearse/network.h"
#include "rehearse/root.h"
#include "rehearse/syslog.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where init keeps the descriptors that it was given; everything above is closed. */
enum { FD_LIFELINE = 3, FD_REPORT, FD_ROUTER, FD_END };

int init_drop_rights(struct error *err)
{
	static const int rights[] = {
		CAP_SYS_MODULE, CAP_SYS_RAWIO,     CAP_SYS_TIME,     CAP_SYSLOG,
		CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_MAC_OVERRIDE, CAP_MAC_ADMIN,
	};

	for (size_t i = 0; i < ROWS(rights); i++)
		if (prctl(PR_CAPBSET_DROP, rights[i]) < 0 && errno != EINVAL)
			return error_system(err, "drop a capability");
	return 0;
}

static void gather(const struct init_job *job)
{
	const int given[] = { job->lifeline, job->report, job->router };
	int high[ROWS(given)];

	/* first out of the way, then to their places, so that none steps on another */
	for (size_t i = 0; i < ROWS(given); i++)
		high[i] = given[i] < 0 ? -1 : fcntl(given[i], F_DUPFD_CLOEXEC, 64);
	for (size_t i = 0; i < ROWS(given); i++) {
		if (high[i] >= 0)
			dup3(high[i], FD_LIFELINE + (int)i, O_CLOEXEC);
		else
			close(FD_LIFELINE + (int)i);
	}
	close_range(FD_END, ~0u, 0);
}

static bool keeper_is_dead(void)
{
	struct pollfd p = { .fd = FD_LIFELINE };

	return poll(&p, 1, 0) != 0;
}

/* The keeper may have died before the kernel was told whose death counts: so ask after telling. */
static void bind_to_keeper(const struct description_host *h)
{
	char name[16];

	snprintf(name, sizeof name, "%s", h->name);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NAME, name) < 0 ||
	    keeper_is_dead())
		_exit(1);
}

static void use_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3 && fd >= 0; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static int build(const struct init_job *job, struct init_report *report, struct syslog *log)
{
	struct error *err = &report->error;

	setsid();
	umask(022);
	use_null();
	if ((job->router < 0 ? network_join_segments(job->set, err)
	                     : network_plug_host(job->host, FD_ROUTER, err)) < 0)
		return error_context(err, "network");
	close(FD_ROUTER);
	if (root_enter(job->set->name, job->host, &report->disk, err) < 0)
		return error_context(err, "root file system");
	use_null(); /* the first one was the real host's, whose mounts are gone */
	if (init_drop_rights(err) < 0)
		return -1;
	return syslog_open(log, job->host->hostname, err);
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Returns when the host is to end. */
static void serve(int signals, struct syslog *log)
{
	for (;;) {
		struct pollfd p[] = { { .fd = signals, .events = POLLIN },
			              { .fd = log->socket, .events = POLLIN },
			              { .fd = FD_LIFELINE } };
		struct signalfd_siginfo s;

		if (poll(p, ROWS(p), -1) < 0 && errno != EINTR)
			return;
		if (p[2].revents)
			return;
		while (read(signals, &s, sizeof s) == (ssize_t)sizeof s) {
			if (s.ssi_signo == SIGTERM)
				return;
			if (s.ssi_signo == SIGHUP)
				syslog_reopen(log);
		}
		reap();
		if (p[1].revents & POLLIN)
			syslog_serve(log);
	}
}

void init_run(const struct init_job *job)
{
	struct init_report report = { .disk.loop = -1 };
	struct syslog log;
	sigset_t all, none;
	int signals;

	gather(job);
	bind_to_keeper(job->host);
	/* the programs that build() runs must find signals as any program does */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	report.good = build(job, &report, &log) == 0;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd_write_all(FD_REPORT, &report, sizeof report) < 0 || !report.good || signals < 0)
		_exit(1);
	close(FD_REPORT);
	serve(signals, &log);
	_exit(0);
}
