/* SPDX-License-Identifier: BSD-2-Clause */
#include "gate/rights.h"

#include "base/attr.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

/* What libuv, OpenSSL, the spool and glibc's threads call once the gate serves; found by strace over
 * the tests and read in their sources. Missing here costs an error, not the process. */
static const uint16_t allowed[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
	SYS_rename,
	SYS_unlink,
	SYS_mkdir,
	SYS_rmdir,
	SYS_stat,
	SYS_lstat,
	SYS_open,
	SYS_access,
	SYS_link,
	SYS_poll,
	SYS_select,
	SYS_pipe,
	SYS_dup2,
	SYS_getdents,
	SYS_arch_prctl,
	SYS_time,
	SYS_readlink,
#endif
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	SYS_epoll_create1,
	SYS_eventfd2,
	SYS_pipe2,
	SYS_ppoll,
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_preadv,
	SYS_preadv2,
	SYS_pwritev,
	SYS_pwritev2,
	SYS_lseek,
	SYS_fsync,
	SYS_fdatasync,
	SYS_sync_file_range,
	SYS_syncfs,
	SYS_fallocate,
	SYS_ftruncate,
	SYS_flock,
	SYS_fcntl,
	SYS_ioctl,
	SYS_fadvise64,
	SYS_sendfile,
	SYS_copy_file_range,
	SYS_openat,
	SYS_openat2,
	SYS_close,
	SYS_close_range,
	SYS_dup,
	SYS_dup3,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_statfs,
	SYS_fstatfs,
	SYS_getdents64,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_renameat,
	SYS_renameat2,
	SYS_linkat,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_utimensat,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_umask,
	SYS_socket,
	SYS_connect,
	SYS_accept4,
	SYS_accept,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_shutdown,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_getpeername,
	SYS_listen,
	SYS_mmap,
	SYS_munmap,
	SYS_mprotect,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_set_tid_address,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_membarrier,
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigpending,
	SYS_rt_sigtimedwait,
	SYS_sigaltstack,
	SYS_signalfd4,
	SYS_tgkill,
	SYS_restart_syscall,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrandom,
	SYS_uname,
	SYS_sysinfo,
	SYS_getrusage,
	SYS_prlimit64,
	SYS_prctl,
	SYS_exit,
	SYS_exit_group,
};

/* Nobody calls these by mistake. */
static const uint16_t deadly[] = {
	SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_writev,
#ifdef SYS_fork
	SYS_fork,   SYS_vfork,
#endif
};

#define FIELD(member) ((uint32_t)offsetof(struct seccomp_data, member))
#define LOAD(at) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at))
#define ANSWER(what) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what))
#define SKIP_UNLESS(value, n) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n))

bool gate_confine_calls(void)
{
	struct sock_filter lines[2 * (ROWS(allowed) + ROWS(deadly)) + 16];
	struct sock_fprog program = { .filter = lines };
	unsigned n = 0;

	lines[n++] = LOAD(FIELD(arch));
	lines[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	lines[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	lines[n++] = LOAD(FIELD(nr));
	for (size_t i = 0; i < ROWS(allowed); i++) {
		lines[n++] = SKIP_UNLESS(allowed[i], 1);
		lines[n++] = ANSWER(SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < ROWS(deadly); i++) {
		lines[n++] = SKIP_UNLESS(deadly[i], 1);
		lines[n++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	}
	/* a thread, but no process; clone3's flags can't be seen, and glibc falls back */
	lines[n++] = SKIP_UNLESS(SYS_clone, 3);
	lines[n++] = LOAD(FIELD(args[0])); /* the low half: both processors are little-endian */
	lines[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	lines[n++] = ANSWER(SECCOMP_RET_ALLOW);
	lines[n++] = ANSWER(SECCOMP_RET_ERRNO | ENOSYS);
	program.len = (unsigned short)n;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
	       0;
}

#else

bool gate_confine_calls(void)
{
	return false; /* no list for this processor */
}

#endif
