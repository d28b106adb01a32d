/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * old-kernel -- runs a program as Linux 2.6.32 would: what came later is not there.
 *
 *	old-kernel PROGRAM ARGUMENTS...
 *	OLD_KERNEL_PROGRAM=PROGRAM old-kernel ARGUMENTS...	as a stand-in for PROGRAM
 *
 * A seccomp filter, which children inherit, answers
 *	ENOSYS	every system call whose number came after perf_event_open(2), the last one that 2.6.32
 *		had on x86_64 (arch/x86/include/asm/unistd_64.h of that release), and every x32 call
 *	EINVAL	fstatat(2) with AT_EMPTY_PATH (2.6.39), which later C libraries say for fstat(2);
 *		fcntl(2) for locks of open files (3.15) and all that came after F_DUPFD_CLOEXEC
 * and uname(2) tells of a 2.6 kernel (personality(2), UNAME26).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the list of calls is that of x86_64"
#endif

#define NUMBER offsetof(struct seccomp_data, nr)
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i)) /* low half; little-endian */
#define LOAD(from) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (from))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define FAIL(e) ANSWER(SECCOMP_RET_ERRNO | (e))
/* Goes on with the next instruction when it holds, and else over `n` of them. */
#define WHEN(test, value, n) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, (n))
#define UNLESS(test, value, n) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (n), 0)

static struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	UNLESS(BPF_JEQ, AUDIT_ARCH_X86_64, 1),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(NUMBER),
	WHEN(BPF_JGT, SYS_perf_event_open, 1),
	FAIL(ENOSYS),
	WHEN(BPF_JEQ, SYS_newfstatat, 4),
	LOAD(ARGUMENT(3)),
	WHEN(BPF_JSET, AT_EMPTY_PATH, 1),
	FAIL(EINVAL),
	ANSWER(SECCOMP_RET_ALLOW),
	WHEN(BPF_JEQ, SYS_fcntl, 6),
	LOAD(ARGUMENT(1)),
	WHEN(BPF_JGT, F_DUPFD_CLOEXEC, 1),
	FAIL(EINVAL),
	WHEN(BPF_JGE, F_OFD_GETLK, 2),
	UNLESS(BPF_JGT, F_OFD_SETLKW, 1),
	FAIL(EINVAL),
	ANSWER(SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	char *given = getenv("OLD_KERNEL_PROGRAM");

	if (!given && argc < 2) {
		fputs("usage: old-kernel PROGRAM ARGUMENTS...\n", stderr);
		return 64;
	}
	if (personality(PER_LINUX | UNAME26) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("old-kernel");
		return 71;
	}
	execv(given ? given : argv[1], given ? argv : argv + 1);
	perror(given ? given : argv[1]);
	return 127;
}
