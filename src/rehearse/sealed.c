/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/sealed.h"

#include "rehearse/control.h"
#include "rehearse/keeper.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_TIMEOUT_MS 30000

/* What the keeper-to-be tells the command that started it: good, then the set as JSON; or not, and
 * the error. Both are the same program, so its octets will do. */
struct start_report {
	bool good;
	struct error error;
};

static int require_root(struct error *err)
{
	if (geteuid() == 0)
		return 0;
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0, "sealed hosts need root");
	return error_hint(err, "run it as root, or with sudo");
}

/* Cuts every tie to whoever started us: session, directory, descriptors. A keeper that held a
 * caller's standard output would keep `start | tee log` from ending. Returns where `report` is. */
static int detach(int report)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (chdir("/") < 0 || null < 0)
		_exit(1);
	report = fcntl(report, F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close_range(3, (unsigned)report - 1, 0);
	close_range((unsigned)report + 1, ~0u, 0);
	prctl(PR_SET_NAME, "sealed-keeper");
	return report;
}

static void keep_apart(struct description *d, int report)
{
	AUTO_BUF struct buf message = { 0 };
	struct start_report r = { 0 };
	struct keeper *k = NULL;
	struct error ignored;

	report = detach(report);
	r.good = keeper_open(&k, d, &r.error) == 0;
	buf_add(&message, &r, sizeof r);
	if (r.good)
		keeper_describe(k, &message);
	signal(SIGPIPE, SIG_IGN);
	/* nobody to be told: whoever wanted the hosts was interrupted */
	if (fd_write_all(report, message.p, message.n) < 0 || !r.good) {
		if (k)
			keeper_close(k);
		_exit(1);
	}
	close(report);
	(void)!keeper_serve(k, &ignored);
	keeper_close(k);
	_exit(0);
}

static int report_take(int fd, struct buf *set, struct error *err)
{
	AUTO_BUF struct buf message = { 0 };
	struct start_report r;
	ssize_t n;

	do {
		n = read(fd, buf_room(&message, 65536), 65536);
		if (n > 0)
			buf_grown(&message, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (message.n < sizeof r)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0,
		                 "the keeper was killed while it started");
	memcpy(&r, message.p, sizeof r);
	if (!r.good) {
		*err = r.error;
		return -1;
	}
	buf_add_span(set, span_from(buf_span(&message), sizeof r));
	return 0;
}

int sealed_start(const char *path, struct buf *set, struct error *err)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	int report[2], result;
	pid_t pid;

	if (description_load(&d, path, err) < 0 || require_root(err) < 0)
		return -1;
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	pid = fork();
	if (pid == 0)
		keep_apart(TAKE(d), report[1]);
	close(report[1]);
	if (pid < 0) {
		error_system(err, "fork the keeper");
		close(report[0]);
		return -1;
	}
	result = report_take(report[0], set, err);
	close(report[0]);
	if (result < 0)
		waitpid(pid, NULL, 0); /* nothing is left only when it is gone too */
	return result;
}

int sealed_keep(const char *path, void (*up)(const char *set), struct error *err)
{
	AUTO_DESCRIPTION struct description *d = NULL;
	AUTO_KEEPER struct keeper *k = NULL;
	AUTO_BUF struct buf set = { 0 };

	if (description_load(&d, path, err) < 0 || require_root(err) < 0 ||
	    keeper_open(&k, TAKE(d), err) < 0)
		return -1;
	keeper_describe(k, &set);
	up(buf_text(&set));
	return keeper_serve(k, err);
}

int sealed_end(const char *name, struct error *err)
{
	AUTO_CLOSE int keeper = -1;
	struct pollfd p = { .events = POLLIN };

	if (require_root(err) < 0 || control_ask(name, "end", NULL, NULL, &keeper, err) < 0)
		return -1;
	p.fd = keeper;
	while (keeper >= 0) {
		int ready = poll(&p, 1, END_TIMEOUT_MS);

		if (ready > 0)
			break;
		if (ready == 0)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, ETIMEDOUT,
			                 "wait for the keeper of %s to end", name);
	}
	return 0;
}

int sealed_list(struct buf *sets, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	struct error one;
	bool any = false;

	if (require_root(err) < 0 || control_list(&names, err) < 0)
		return -1;
	buf_add_char(sets, '[');
	for (size_t i = 0; i < names.n; i++) {
		AUTO_BUF struct buf set = { 0 };

		/* one that ends just now is not up */
		if (control_ask(names.rows[i], "list", &set, NULL, NULL, &one) < 0)
			continue;
		buf_addf(sets, "%s%s", any ? "," : "", buf_text(&set));
		any = true;
	}
	buf_add_char(sets, ']');
	return 0;
}

/* Sends "WORD HOST[ ARGUMENT]" to the keeper of NAME. */
static int ask_about_host(const char *word, const char *target, const char *argument,
                          struct error *err)
{
	AUTO_FREE char *request = NULL;
	struct span host = span_of(target), name = { 0 };
	AUTO_FREE char *set = NULL;

	if (require_root(err) < 0)
		return -1;
	span_next_part(&host, '/', &name);
	if (!host.p || !host.n || strpbrk(target, " \t"))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "\"%s\" is not NAME/HOST", target);
	set = span_dup(name);
	request = xasprintf("%s %s%s%s", word, host.p, argument ? " " : "",
	                    argument ? argument : "");
	return control_ask(set, request, NULL, NULL, NULL, err);
}

int sealed_unplug(const char *target, struct error *err)
{
	return ask_about_host("unplug", target, NULL, err);
}

int sealed_plug(const char *target, struct error *err)
{
	return ask_about_host("plug", target, NULL, err);
}

int sealed_cut(const char *target, bool up, struct error *err)
{
	return ask_about_host("cut", target, up ? "up" : "down", err);
}
