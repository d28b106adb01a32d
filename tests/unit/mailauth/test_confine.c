/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/confine.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process tries once it is confined; returns what it exits with: 0 when it could not. */
typedef int attempt_fn(void);

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 || open("/dev/null", O_WRONLY) >= 0;
}

static int make_a_file(void)
{
	return open("/tmp", O_TMPFILE | O_RDWR, 0600) >= 0;
}

static int open_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static int listen_for_others(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 || listen(fd, 1) == 0;
}

static int be_root(void)
{
	return setuid(0) == 0 || geteuid() == 0;
}

static int start_a_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int start_a_process(void)
{
	return fork() >= 0;
}

/* The status of a process that makes this attempt. */
static int status_of(attempt_fn *attempt)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct error err = { 0 };

		_exit(mailauth_confine(10000, &err) < 0 ? 99 : attempt());
	}
	waitpid(pid, &status, 0);
	return status;
}

static void a_confined_process_opens_nothing_but_ways_to_name_servers(void **state)
{
	static attempt_fn *const attempts[] = { open_a_file, make_a_file, open_a_unix_socket,
		                                listen_for_others, be_root };

	(void)state;
	for (size_t i = 0; i < ROWS(attempts); i++)
		assert_int_equal(status_of(attempts[i]), 0);
}

static void it_ends_when_it_starts_another(void **state)
{
	(void)state;
	assert_true(WIFSIGNALED(status_of(start_a_program)));
	assert_int_equal(WTERMSIG(status_of(start_a_program)), SIGSYS);
	assert_int_equal(WTERMSIG(status_of(start_a_process)), SIGSYS);
}

UNIT_TESTS("mailauth/confine",
           cmocka_unit_test(a_confined_process_opens_nothing_but_ways_to_name_servers),
           cmocka_unit_test(it_ends_when_it_starts_another));
