/* SPDX-License-Identifier: BSD-2-Clause */

/* The gate put on a host, started, found again by another agent, and stopped, as a cut-over does. */

#include "remote/daemon.h"
#include "unit/unit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64] = "/tmp/mailhaul-unit.XXXXXX";
static char *gate; /* the built program */

static void copy_program(const char *from, const char *name)
{
	AUTO_FREE char *to = xasprintf("%s/%s", dir, name);
	AUTO_BUF struct buf bytes = { 0 };
	struct error err = { 0 };

	assert_good(file_read(from, 64u << 20, &bytes, &err), &err);
	assert_good(file_write_path_durable(to, 0700, buf_span(&bytes), &err), &err);
}

/* A network, a /run and a folder for the agent of this test alone. */
static int begin(void **state)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const char *agent = getenv("MAILHAUL_AGENT");
	int fd;

	(void)state;
	assert_non_null(agent);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		fail_msg("no namespaces: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_return_code(ioctl(fd, SIOCSIFFLAGS, &request), errno);
	close(fd);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	assert_return_code(mount("none", "/run", "tmpfs", 0, NULL), errno);
	assert_non_null(mkdtemp(dir));
	gate = xasprintf("%.*s/mailhaul-gate", (int)(strrchr(agent, '/') - agent), agent);
	copy_program(agent, "agent");
	AUTO_FREE char *ours = xasprintf("%s/agent", dir);
	setenv("MAILHAUL_AGENT", ours, 1);
	return 0;
}

static int finish(void **state)
{
	static const char *const names[] = { "agent", "mailhaul-gate" };

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
	}
	rmdir(dir);
	free(gate);
	return 0;
}

static struct host *open_host(bool control)
{
	struct host_place place = { .name = "here", .reach = HOST_LOCAL, .control = control };
	struct error err = { 0 };
	struct host *h = NULL;

	assert_good(host_open(&h, &place, &err), &err);
	return h;
}

static void hear_gate(char out[256])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(25) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t n = 0;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(out, 0, 256);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		n = read(fd, out, 255);
	close(fd);
	(void)n;
}

static const char *const words[] = { "--listen", "127.0.0.1:25", "--mode",
	                             "defer",    "--name",       "mail.example.org",
	                             "--text",   "moving",       NULL };

static void it_is_placed_started_found_again_and_stopped(void **state)
{
	AUTO_DAEMON struct host_daemon first = { 0 }, again = { 0 };
	AUTO_BUF struct buf log = { 0 };
	struct error err = { 0 };
	char heard[256];
	struct stat st, same;

	(void)state;
	AUTO_HOST struct host *h = open_host(true);
	assert_good(host_daemon_look(h, "gate", &first, &err), &err);
	assert_int_equal(first.pid, 0);
	assert_good(host_place_program(h, "gate", gate, &err), &err);
	assert_return_code(stat(first.program, &st), errno);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_good(host_place_program(h, "gate", gate, &err), &err);
	assert_return_code(stat(first.program, &same), errno);
	assert_int_equal(st.st_ino, same.st_ino); /* the same bytes: not written again */

	assert_good(host_daemon_start(h, "gate", words, &first, &err), &err);
	assert_true(first.pid > 1);
	/* its own session: what ends the agent's connection does not end it */
	assert_int_equal(getsid((pid_t)first.pid), first.pid);
	hear_gate(heard);
	assert_string_equal(heard, "421 4.3.2 mail.example.org moving\r\n");
	assert_good(host_daemon_start(h, "gate", words, &again, &err), &err);
	assert_int_equal(again.pid, first.pid);

	/* mailhaul and its agent are killed: the gate goes on, and another agent finds it */
	host_close(TAKE(h));
	h = open_host(true);
	hear_gate(heard);
	assert_string_equal(heard, "421 4.3.2 mail.example.org moving\r\n");
	assert_good(host_daemon_look(h, "gate", &again, &err), &err);
	assert_int_equal(again.pid, first.pid);
	assert_good(host_daemon_stop(h, "gate", &err), &err);
	assert_good(host_daemon_stop(h, "gate", &err), &err);
	assert_good(host_daemon_look(h, "gate", &again, &err), &err);
	assert_int_equal(again.pid, 0);
	hear_gate(heard);
	assert_string_equal(heard, "");
	assert_good(host_read(h, first.log, 1 << 20, &log, &err), &err);
	assert_non_null(strstr(buf_text(&log), "client=[127.0.0.1]:"));
}

static void one_that_was_killed_is_started_anew(void **state)
{
	AUTO_DAEMON struct host_daemon d = { 0 };
	AUTO_HOST struct host *h = open_host(true);
	struct error err = { 0 };
	unsigned long first;

	(void)state;
	assert_good(host_daemon_start(h, "gate", words, &d, &err), &err);
	first = d.pid;
	kill((pid_t)first, SIGKILL);
	for (int i = 0; i < 1200 && d.pid; i++) {
		clock_sleep_ms(50);
		assert_good(host_daemon_look(h, "gate", &d, &err), &err);
	}
	assert_int_equal(d.pid, 0);
	assert_good(host_daemon_start(h, "gate", words, &d, &err), &err);
	assert_true(d.pid && d.pid != first);
	assert_good(host_daemon_stop(h, "gate", &err), &err);
}

/* The gate itself, whose keeper is the daemon. */
static pid_t child_of(uint64_t keeper)
{
	AUTO_FREE char *path = xasprintf("/proc/%llu/task/%llu/children",
	                                 (unsigned long long)keeper, (unsigned long long)keeper);
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };
	uint64_t pid = 0;

	assert_good(file_read(path, 256, &text, &err), &err);
	assert_true(span_parse_u64(span_trim(buf_span(&text)), &pid));
	return (pid_t)pid;
}

static void one_that_its_keeper_starts_again_still_knows_what_it_was_told(void **state)
{
	static const char *const kept[] = { "--supervise", "--listen",     "127.0.0.1:25",
		                            "--mode",      "defer",        "--domain",
		                            "example.org", "--deliver-to", "127.0.0.1:9",
		                            NULL };
	static const char *const relay[] = { "mode", "relay", NULL }, *const status[] = { "status",
		                                                                          NULL };
	AUTO_DAEMON struct host_daemon d = { 0 };
	AUTO_HOST struct host *h = open_host(true);
	AUTO_BUF struct buf said = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_good(host_daemon_start(h, "gate", kept, &d, &err), &err);
	assert_good(host_daemon_tell(h, "gate", relay, NULL, &err), &err);
	for (int i = 0; i < 3; i++) {
		assert_return_code(kill(child_of(d.pid), SIGKILL), errno);
		/* asked at once: the answer waits for the next one */
		assert_good(host_daemon_tell(h, "gate", status, &said, &err), &err);
		assert_non_null(strstr(buf_text(&said), "\"mode\": \"relay\""));
	}
	assert_good(host_daemon_stop(h, "gate", &err), &err);
}

static void a_pid_file_that_names_somebody_else_is_no_daemon_of_ours(void **state)
{
	AUTO_DAEMON struct host_daemon d = { 0 };
	AUTO_HOST struct host *h = open_host(true);
	AUTO_BUF struct buf text = { 0 };
	struct error err = { 0 };

	(void)state;
	buf_addf(&text, "%ld\n", (long)getpid());
	assert_good(file_write_path_durable("/run/mailhaul/gate.pid", 0644, buf_span(&text), &err),
	            &err);
	assert_good(host_daemon_look(h, "gate", &d, &err), &err);
	assert_int_equal(d.pid, 0);
	assert_good(host_daemon_stop(h, "gate", &err), &err); /* and this test is still here */
}

static void what_can_not_start_says_why_in_its_own_words(void **state)
{
	const char *const spool[] = { "--listen", "127.0.0.1:25", "--mode", "spool", NULL };
	const char *const taken[] = { "--listen", "127.0.0.1:25", "--mode", "defer", "--wait", "0",
		                      NULL };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(25) };
	AUTO_HOST struct host *h = open_host(true);
	AUTO_HOST struct host *reader = open_host(false);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct error err = { 0 };

	(void)state;
	assert_fails(host_daemon_start(h, "gate", spool, NULL, &err), &err, "ended with 64");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof at), errno);
	assert_return_code(listen(fd, 1), errno);
	assert_fails(host_daemon_start(h, "gate", taken, NULL, &err), &err, "ended with 75");
	assert_int_equal(err.retry, ERROR_RETRY_LATER);
	close(fd);
	assert_fails(host_daemon_start(h, "postfix", NULL, NULL, &err), &err, "no such daemon");
	assert_fails(host_daemon_start(reader, "gate", words, NULL, &err), &err, "read-only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_placed_started_found_again_and_stopped),
		cmocka_unit_test(one_that_was_killed_is_started_anew),
		cmocka_unit_test(one_that_its_keeper_starts_again_still_knows_what_it_was_told),
		cmocka_unit_test(a_pid_file_that_names_somebody_else_is_no_daemon_of_ours),
		cmocka_unit_test(what_can_not_start_says_why_in_its_own_words),
	};

	return cmocka_run_group_tests_name("gate/daemon", tests, begin, finish);
}
