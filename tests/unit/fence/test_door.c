/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The fence, asked and set through a real agent in a network of its own, and tried by a stranger on
 * the other end of a cable. The agent's other looks at the network are tried in the same place.
 */

#include "fence/fence.h"
#include "unit/unit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct host *host;
static int ask, answers; /* the stranger's pipes */
static pid_t stranger;
static int door_25, door_4, door_587; /* listening */

/* ── the stranger: "c PORT" connects and keeps the socket, "l PORT" says and hears a line ────────── */

static int stranger_connect(const char *address, unsigned port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	struct timeval limit = { .tv_sec = 2 };

	inet_pton(AF_INET, address, &four.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
	            is_six ? sizeof six : sizeof four) < 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	return fd;
}

static void stranger_live(int in, int out)
{
	int kept = -1;
	char line[128], address[64], word;
	unsigned port;
	ssize_t n;

	while ((n = read(in, line, sizeof line - 1)) > 0) {
		int result = 0;

		line[n] = '\0';
		if (sscanf(line, "%c %63s %u", &word, address, &port) == 3 && word == 'c') {
			kept = stranger_connect(address, port);
			result = kept < 0 ? -kept : 0;
		} else if (send(kept, "hello\n", 6, MSG_NOSIGNAL) != 6) {
			result = errno;
		}
		(void)!write(out, &result, sizeof result);
	}
	_exit(0);
}

static int stranger_does(char word, const char *address, unsigned port)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%c %s %u", word, address, port), result = -1;

	assert_int_equal(write(ask, line, (size_t)n), n);
	assert_int_equal(read(answers, &result, sizeof result), sizeof result);
	return result;
}

/* ── the network ─────────────────────────────────────────────────────────────────────────────── */

static void run(const char *line)
{
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	const char *const argv[] = { "sh", "-ec", line, NULL };
	struct error err = { 0 };

	assert_good(process_run(argv, &(struct process_options){ 0 }, &r, &err), &err);
	assert_good(process_expect_good(argv, &r, &err), &err);
}

static int listen_at(int family, unsigned port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	assert_return_code(
		bind(fd, family == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
	             family == AF_INET6 ? sizeof six : sizeof four),
		errno);
	assert_return_code(listen(fd, 16), errno);
	return fd;
}

static void start_stranger(void)
{
	int to[2], from[2], ready[2];
	char c;

	assert_return_code(pipe(to), errno);
	assert_return_code(pipe(from), errno);
	assert_return_code(pipe(ready), errno);
	stranger = fork();
	if (stranger == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		close(to[1]);
		(void)!write(ready[1], "r", 1);
		stranger_live(to[0], from[1]);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	ask = to[1];
	answers = from[0];
}

static int begin(void **state)
{
	struct host_place place = { .name = "here", .reach = HOST_LOCAL, .control = true };
	struct error err = { 0 };
	char agent[PATH_MAX], self[PATH_MAX / 2] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(agent, sizeof agent, "%s/../../mailhaul-agent", self);
	setenv("MAILHAUL_AGENT", agent, 0);
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		fail_msg("no network namespace: %s", strerror(errno));
	start_stranger();
	AUTO_FREE char *cable = xasprintf(
		"ip link set lo up; ip link add eth0 type veth peer name eth0 netns %d\n"
		"ip address add 203.0.113.10/24 dev eth0; ip address add 2001:db8::10/64 dev eth0 "
		"nodad\n"
		"ip link set eth0 up; nsenter -t %d -n sh -ec 'ip link set lo up\n"
		"ip address add 203.0.113.1/24 dev eth0; ip address add 2001:db8::1/64 dev eth0 "
		"nodad\n"
		"ip link set eth0 up'",
		stranger, stranger);
	run(cable);
	door_25 = listen_at(AF_INET6, 25);
	door_4 = listen_at(AF_INET, 25);
	door_587 = listen_at(AF_INET, 587);
	assert_good(host_open(&host, &place, &err), &err);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	host_close(host);
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	return 0;
}

/* ── the door ────────────────────────────────────────────────────────────────────────────────── */

static void a_closed_port_refuses_strangers_of_both_families_and_opens_again(void **state)
{
	const uint16_t smtp[] = { 25 }, both[] = { 587, 25 };
	struct fence_state s = { .n = 7 };
	struct error err = { 0 };

	(void)state;
	assert_good(fence_read(host, &s, &err), &err);
	assert_false(s.stands);
	assert_int_equal(stranger_does('c', "203.0.113.10", 25), 0);
	assert_good(fence_close(host, both, 2, &err), &err);
	assert_good(fence_close(host, smtp, 1, &err), &err);
	assert_good(fence_read(host, &s, &err), &err);
	assert_true(s.stands);
	assert_int_equal(s.n, 2);
	assert_int_equal(stranger_does('c', "203.0.113.10", 25), ECONNREFUSED);
	assert_int_equal(stranger_does('c', "203.0.113.10", 587), ECONNREFUSED);
	assert_int_equal(stranger_does('c', "2001:db8::10", 25), ECONNREFUSED);

	assert_good(fence_open(host, smtp, 1, &err), &err);
	assert_good(fence_open(host, smtp, 1, &err), &err);
	assert_int_equal(stranger_does('c', "203.0.113.10", 25), 0);
	assert_int_equal(stranger_does('c', "2001:db8::10", 25), 0);
	assert_int_equal(stranger_does('c', "203.0.113.10", 587), ECONNREFUSED);
	assert_good(fence_remove(host, &err), &err);
	assert_good(fence_remove(host, &err), &err);
	assert_int_equal(stranger_does('c', "203.0.113.10", 587), 0);
	assert_good(fence_read(host, &s, &err), &err);
	assert_false(s.stands);
}

static void the_host_itself_passes_a_closed_door(void **state)
{
	const uint16_t smtp[] = { 25 };
	struct error err = { 0 };
	int fd;

	(void)state;
	assert_good(fence_close(host, smtp, 1, &err), &err);
	fd = stranger_connect("127.0.0.1", 25);
	assert_true(fd >= 0);
	close(fd);
	fd = stranger_connect("203.0.113.10", 25); /* its own outer address, through loopback */
	assert_true(fd >= 0);
	close(fd);
	assert_good(fence_remove(host, &err), &err);
}

/* Takes the waiting connections off the listeners. */
static int accept_one(int door)
{
	struct pollfd p = { .fd = door, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
	return accept(door, NULL, NULL);
}

static void drain(int door)
{
	struct pollfd p = { .fd = door, .events = POLLIN };

	while (poll(&p, 1, 0) == 1)
		close(accept(door, NULL, NULL));
}

static void an_open_session_goes_on_behind_a_closed_door_and_is_counted(void **state)
{
	const uint16_t smtp[] = { 25 };
	AUTO_SESSIONS struct fence_sessions s = { 0 };
	struct error err = { 0 };
	char line[16] = "";
	int session;

	(void)state;
	drain(door_4);
	assert_good(fence_sessions(host, smtp, 1, &s, &err), &err);
	size_t before = s.outside;

	assert_int_equal(stranger_does('c', "203.0.113.10", 25), 0);
	session = accept_one(door_4);
	assert_good(fence_close(host, smtp, 1, &err), &err);
	assert_int_equal(stranger_does('l', "-", 0), 0);
	assert_int_equal(read(session, line, sizeof line), 6);
	assert_string_equal(line, "hello\n");
	assert_good(fence_sessions(host, smtp, 1, &s, &err), &err);
	assert_int_equal(s.outside, before + 1);
	size_t found = 0;
	for (size_t i = 0; i < s.n; i++)
		if (!strcmp(s.rows[i].peer, "203.0.113.1")) {
			found++;
			assert_int_equal(s.rows[i].port, 25);
			assert_false(s.rows[i].from_itself);
		}
	assert_int_equal(found, 1);
	close(session);
	/* until the kernel has it in another state */
	for (int i = 0; i < 1200 && s.outside != before; i++) {
		clock_sleep_ms(50);
		assert_good(fence_sessions(host, smtp, 1, &s, &err), &err);
	}
	assert_int_equal(s.outside, before);
	assert_good(fence_remove(host, &err), &err);
}

static void a_host_without_nft_says_so_in_a_way_to_go_around(void **state)
{
	const uint16_t smtp[] = { 25 };
	struct host_place place = { .name = "bare", .reach = HOST_LOCAL, .control = true };
	AUTO_HOST struct host *bare = NULL;
	struct fence_state s = { .stands = true };
	struct error err = { 0 };

	(void)state;
	if (unshare(CLONE_NEWNS) < 0)
		fail_msg("no mount namespace: %s", strerror(errno));
	run("mount --make-rprivate / && mount -t tmpfs none /usr/sbin");
	assert_good(host_open(&bare, &place, &err), &err);
	assert_int_equal(fence_close(bare, smtp, 1, &err), -1);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.hint, "nftables"));
	assert_good(fence_read(bare, &s, &err), &err);
	assert_false(s.stands);
	assert_good(fence_remove(bare, &err), &err);
	run("umount /usr/sbin");
}

/* ── what else the agent sees ────────────────────────────────────────────────────────────────── */

static void each_listener_is_told_with_its_owner(void **state)
{
	AUTO_LISTENERS struct host_listeners l = { 0 };
	struct error err = { 0 };
	size_t seen = 0;

	/* a child holds the same sockets, as Postfix's smtpd does; the parent is to be named */
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_good(host_listeners(host, &l, &err), &err);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (size_t i = 0; i < l.n; i++) {
		if (l.rows[i].port != 25 && l.rows[i].port != 587)
			continue;
		seen++;
		assert_int_equal(l.rows[i].pid, getpid());
		assert_non_null(strstr(l.rows[i].program, "test_door"));
		assert_non_null(strstr(l.rows[i].command, "test_door"));
		assert_string_equal(l.rows[i].address, l.rows[i].family == 6 ? "::" : "0.0.0.0");
	}
	assert_int_equal(seen, 3);
}

static void an_address_is_announced_only_where_it_is(void **state)
{
	struct error err = { 0 };

	(void)state;
	run("ip address add 203.0.113.77/24 dev eth0; ip address add 2001:db8::77/64 dev eth0 "
	    "nodad");
	assert_good(host_announce(host, "eth0", "203.0.113.77", &err), &err);
	assert_good(host_announce(host, "eth0", "2001:db8::77", &err), &err);
	assert_fails(host_announce(host, "eth0", "203.0.113.78", &err), &err, "not on interface");
	assert_fails(host_announce(host, "lo", "127.0.0.1", &err), &err, "no Ethernet");
	assert_fails(host_announce(host, "eth9", "203.0.113.77", &err), &err, "eth9");
	assert_fails(host_announce(host, "eth0", "mail.example.org", &err), &err, "no IP address");
}

/* The address goes to another MAC; the neighbour's table must follow at once. */
static void a_neighbour_believes_the_announcement(void **state)
{
	struct error err = { 0 };
	AUTO_FREE char *stale = xasprintf("nsenter -t %d -n sh -ec 'ip neigh replace 203.0.113.77 "
	                                  "lladdr 02:00:00:00:00:01 dev "
	                                  "eth0 nud reachable; ip neigh replace 2001:db8::77 "
	                                  "lladdr 02:00:00:00:00:01 dev eth0 "
	                                  "nud reachable'",
	                                  stranger);
	AUTO_FREE char *fresh = xasprintf("nsenter -t %d -n ip neigh show to 203.0.113.77 | grep "
	                                  "-q \"$(ip -o link show eth0 | "
	                                  "sed 's/.*ether \\([^ ]*\\).*/\\1/')\"\n"
	                                  "nsenter -t %d -n ip neigh show to 2001:db8::77 | grep "
	                                  "-q \"$(ip -o link show eth0 | "
	                                  "sed 's/.*ether \\([^ ]*\\).*/\\1/')\"",
	                                  stranger, stranger);

	(void)state;
	run(stale);
	assert_good(host_announce(host, "eth0", "203.0.113.77", &err), &err);
	assert_good(host_announce(host, "eth0", "2001:db8::77", &err), &err);
	run(fresh);
}

static void processes_are_listed_with_their_parents(void **state)
{
	AUTO_PROCESSES struct host_processes p = { 0 };
	struct error err = { 0 };
	bool seen = false;

	(void)state;
	assert_good(host_processes(host, &p, &err), &err);
	for (size_t i = 0; i < p.n; i++)
		if (p.rows[i].pid == (unsigned long)stranger) {
			seen = true;
			assert_int_equal(p.rows[i].parent, getpid());
			assert_int_equal(p.rows[i].uid, getuid());
			assert_non_null(strstr(p.rows[i].command, "test_door"));
		}
	assert_true(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_port_refuses_strangers_of_both_families_and_opens_again),
		cmocka_unit_test(the_host_itself_passes_a_closed_door),
		cmocka_unit_test(an_open_session_goes_on_behind_a_closed_door_and_is_counted),
		cmocka_unit_test(each_listener_is_told_with_its_owner),
		cmocka_unit_test(an_address_is_announced_only_where_it_is),
		cmocka_unit_test(a_neighbour_believes_the_announcement),
		cmocka_unit_test(processes_are_listed_with_their_parents),
		cmocka_unit_test(a_host_without_nft_says_so_in_a_way_to_go_around),
	};

	return cmocka_run_group_tests_name("fence/door", tests, begin, finish);
}
