/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * net -- for tests that want real name servers: a network of this process's own with nothing but
 * loopback in it (all of 127.0.0.0/8, every port), a folder, and daemons that end with the test.
 */

#include "unit/files.h"
#include "unit/unit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "dns/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct net {
	char dir[64];
	pid_t daemons[8];
	size_t n;
};

static inline void net_enter(struct net *net)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		fail_msg("no network namespace: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	request.ifr_flags = IFF_UP;
	assert_return_code(ioctl(fd, SIOCSIFFLAGS, &request), errno);
	close(fd);
	snprintf(net->dir, sizeof net->dir, "/tmp/mailhaul-unit.XXXXXX");
	assert_non_null(mkdtemp(net->dir));
	assert_return_code(chmod(net->dir, 0755), errno);
	net->n = 0;
}

static inline void net_end_daemon(struct net *net, size_t i)
{
	if (net->daemons[i] > 0) {
		kill(net->daemons[i], SIGKILL);
		waitpid(net->daemons[i], NULL, 0);
	}
	net->daemons[i] = 0;
}

static inline void net_leave(struct net *net)
{
	while (net->n)
		net_end_daemon(net, --net->n);
	files_remove(net->dir);
}

/* Writes DIR/name; "%DIR%" in the text becomes the folder. */
static inline void net_write(struct net *net, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", net->dir, name);
	AUTO_BUF struct buf out = { 0 };
	struct error err = { 0 };
	struct span rest = span_of(text);
	ssize_t at;

	while ((at = span_find_text(rest, "%DIR%")) >= 0) {
		buf_add(&out, rest.p, (size_t)at);
		buf_add_text(&out, net->dir);
		rest = span_from(rest, (size_t)at + 5);
	}
	buf_add_span(&out, rest);
	assert_good(file_write_path_durable(path, 0644, buf_span(&out), &err), &err);
}

/* Starts a daemon in the foreground; it says its words into DIR/NAME.log. Returns its index. */
static inline size_t net_start(struct net *net, const char *name, const char *const argv[])
{
	AUTO_FREE char *log = xasprintf("%s/%s.log", net->dir, name);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(out, 2);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	net->daemons[net->n] = pid;
	return net->n++;
}

/* Until the server answers this name with anything but SERVFAIL; fails with its log. */
static inline void net_await_name(struct net *net, const char *daemon, const char *address,
                                  const char *name)
{
	struct dns_server server = { .address = (char *)(uintptr_t)address, .port = 53 };
	struct dns_question q = {
		.name = name, .type = DNS_SOA, .recurse = true, .timeout_ms = 1000
	};
	AUTO_BUF struct buf log = { 0 };

	for (int i = 0; i < 1200; i++) {
		AUTO_ANSWER struct dns_answer a = { 0 };
		struct error err = { 0 };

		if (dns_ask(&server, &q, &a, &err) == 0 && a.rcode == DNS_NOERROR)
			return;
		clock_sleep_ms(100);
	}
	AUTO_FREE char *path = xasprintf("%s/%s.log", net->dir, daemon);
	struct error err = { 0 };
	if (file_read(path, 1 << 20, &log, &err) < 0)
		buf_add_text(&log, err.text);
	size_t shown = log.n > 800 ? 800 : log.n;
	fail_msg("%s at %s does not serve %s:\n%s", daemon, address, name,
	         buf_text(&log) + (log.n - shown));
}

/* named listens only on addresses that an interface carries. */
static inline void net_add_address(const char *address)
{
	const char *const argv[] = { "ip", "address", "add", address, "dev", "lo", NULL };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	struct error err = { 0 };

	assert_good(process_run(argv, &(struct process_options){ 0 }, &r, &err), &err);
	assert_good(process_expect_good(argv, &r, &err), &err);
}

/* BIND, with DIR/NAME.conf. */
static inline size_t net_start_bind(struct net *net, const char *name, const char *address,
                                    const char *zone)
{
	AUTO_FREE char *conf = xasprintf("%s/%s.conf", net->dir, name);
	const char *const argv[] = { "/usr/sbin/named", "-g", "-n", "1", "-c", conf, NULL };
	size_t i;

	net_add_address(address);
	i = net_start(net, name, argv);
	net_await_name(net, name, address, zone);
	return i;
}
