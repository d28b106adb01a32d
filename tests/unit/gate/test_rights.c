/* SPDX-License-Identifier: BSD-2-Clause */

/* What a gate has given up, it does not have: each test does the deed in a child. */

#include "gate/rights.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child ends that does this. */
static int in_child(int (*deed)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(deed());
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int opens_what_is_not_its_own(void)
{
	const char *const writable[] = { "/tmp", NULL }, *const readable[] = { "/etc/hostname" };
	char path[] = "/tmp/mailhaul-unit.XXXXXX";
	int fd;

	if (!gate_confine_files(writable, 2, readable, 1))
		return 77;
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) < 0)
		return 1;
	if (open("/etc/hostname", O_RDONLY) < 0 && errno != ENOENT)
		return 2;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	if (open("/etc/hostname", O_WRONLY) >= 0)
		return 4;
	return 0;
}

static void only_the_spool_can_be_opened(void **state)
{
	int status = in_child(opens_what_is_not_its_own);

	(void)state;
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* a kernel without Landlock: the gate says so in its log */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int runs_a_program(void)
{
	char *const words[] = { (char[]){ "true" }, NULL };

	if (!gate_confine_calls())
		return 77;
	execv("/bin/true", words);
	return 1;
}

static int makes_a_process(void)
{
	if (!gate_confine_calls())
		return 77;
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0 && errno == ENOSYS ? 0 : 1;
}

static int does_something_odd(void)
{
	if (!gate_confine_calls())
		return 77;
	return syscall(SYS_mount, "a", "b", "c", 0, NULL) < 0 && errno == ENOSYS ? 0 : 1;
}

static void a_program_is_never_run(void **state)
{
	int status = in_child(runs_a_program);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	assert_int_equal(in_child(makes_a_process), 0);
	assert_int_equal(in_child(does_something_odd), 0);
}

static int gives_up_root(void)
{
	const struct gate_account nobody = { 65534, 65534 };
	struct error err;

	gate_no_dumps();
	if (gate_drop_root(&nobody, &err) < 0)
		return 1;
	if (setresuid(0, 0, 0) == 0 || geteuid() != 65534 || getegid() != 65534)
		return 2;
	return open("/proc/self/mem", O_RDWR) < 0 ? 0 : 3; /* nobody of its kind can trace it */
}

static void root_is_given_up_for_good(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(gives_up_root), 0);
}

static void what_root_becomes_is_never_root(void **state)
{
	struct gate_account a;
	struct error err = { 0 };

	(void)state;
	assert_good(gate_account_find("65000", NULL, &a, &err), &err);
	assert_int_equal(a.uid, 65000);
	assert_good(gate_account_find(NULL, NULL, &a, &err), &err);
	assert_int_equal(a.uid, 65534);
	/* a spool that is somebody's: his */
	assert_good(gate_account_find(NULL, "/nonexistent", &a, &err), &err);
	assert_int_equal(a.uid, 65534);
	assert_fails(gate_account_find("root", NULL, &a, &err), &err, "does not run as root");
	assert_fails(gate_account_find("0", NULL, &a, &err), &err, "does not run as root");
	assert_fails(gate_account_find("no such one", NULL, &a, &err), &err, "no such account");
	assert_good(gate_account_find("daemon", NULL, &a, &err), &err);
	assert_int_equal(a.uid, 1);
}

UNIT_TESTS("gate/rights", cmocka_unit_test(only_the_spool_can_be_opened),
           cmocka_unit_test(a_program_is_never_run), cmocka_unit_test(root_is_given_up_for_good),
           cmocka_unit_test(what_root_becomes_is_never_root));
