/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/confine.h"

#include "base/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534 /* the number needs no account */
#define MORE_MAX 64u

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

static int drop_root(struct error *err)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	                       setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return error_system(err, "give up root");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return 0;
}

static void limit(const struct confinement *c)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit answer = { c->answer, c->answer };
	const struct rlimit files = { c->descriptors, c->descriptors };
	const struct rlimit processor = { c->processor_ms / 1000 + 1, c->processor_ms / 1000 + 2 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_FSIZE, &answer);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (c->processor_ms)
		(void)setrlimit(RLIMIT_CPU, &processor);
#ifndef __SANITIZE_ADDRESS__ /* its shadow wants terabytes of addresses */
	const struct rlimit memory = { c->memory, c->memory };

	(void)setrlimit(RLIMIT_AS, &memory);
#endif
}

/* A set of rules that handles everything the oldest Landlock knows (5.13), and allows nothing. */
static void shut_files(void)
{
	const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	AUTO_CLOSE int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	if (rules >= 0)
		(void)syscall(SYS_landlock_restrict_self, rules, 0);
}

#ifdef ARCHITECTURE

/* What glibc, libcrypto and who asks servers call; missing here costs an error. */
static const uint16_t allowed[] = {
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
	SYS_read,
	SYS_readv,
	SYS_write,
	SYS_writev,
	SYS_close,
	SYS_fcntl,
	SYS_fstat,
	SYS_connect,
	SYS_sendto,
	SYS_sendmsg,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_mprotect,
	SYS_futex,
	SYS_sched_yield,
	SYS_clock_gettime,
	SYS_gettimeofday,
	SYS_clock_nanosleep,
	SYS_getrandom,
	SYS_uname,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_setitimer,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
};

/* Nobody calls these by mistake. */
static const uint16_t deadly[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_writev, SYS_clone,
#ifdef SYS_fork
	SYS_fork,   SYS_vfork,
#endif
};

#define FIELD(member) ((uint32_t)offsetof(struct seccomp_data, member))
#define LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define ANSWER(what) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))
#define SKIP_UNLESS(value, n) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n))

static unsigned allow(struct sock_filter *lines, unsigned n, const uint16_t *calls, size_t calls_n)
{
	for (size_t i = 0; i < calls_n; i++) {
		lines[n++] = SKIP_UNLESS(calls[i], 1);
		lines[n++] = ANSWER(SECCOMP_RET_ALLOW);
	}
	return n;
}

static void shut_calls(const struct confinement *c)
{
	struct sock_filter lines[2 * (ROWS(allowed) + ROWS(deadly) + MORE_MAX) + 16];
	struct sock_fprog program = { .filter = lines };
	unsigned n = 0;

	lines[n++] = LOAD(FIELD(arch));
	lines[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	lines[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	lines[n++] = LOAD(FIELD(nr));
	n = allow(lines, n, allowed, ROWS(allowed));
	n = allow(lines, n, c->more, c->more_n < MORE_MAX ? c->more_n : MORE_MAX);
	for (size_t i = 0; i < ROWS(deadly); i++) {
		lines[n++] = SKIP_UNLESS(deadly[i], 1);
		lines[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	}
	/* a socket of IPv4 or IPv6; no other kind of door */
	lines[n++] = SKIP_UNLESS(SYS_socket, 5);
	lines[n++] = LOAD(FIELD(args[0])); /* the low half: both processors are little-endian */
	lines[n++] = SKIP_UNLESS(AF_INET, 1);
	lines[n++] = ANSWER(SECCOMP_RET_ALLOW);
	lines[n++] = SKIP_UNLESS(AF_INET6, 1);
	lines[n++] = ANSWER(SECCOMP_RET_ALLOW);
	lines[n++] = ANSWER(SECCOMP_RET_ERRNO | EPERM);
	program.len = (unsigned short)n;
	(void)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

#else

static void shut_calls(const struct confinement *c)
{
	/* no list for this processor */
}

#endif

int confine(const struct confinement *c, struct error *err)
{
	if (drop_root(err) < 0)
		return -1;
	limit(c);
	shut_files();
	shut_calls(c);
	return 0;
}
