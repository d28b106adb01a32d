/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * old_kernel -- one call of the C library, as kernels before 2.6.39 know it.
 *
 * glibc from 2.33 on says fstat(2) as fstatat(2) with AT_EMPTY_PATH, which those refuse (EINVAL):
 * opendir(3) and all else that looks at a descriptor would fail there. A static program takes these
 * names from here instead, and so does the C library inside it. Linked to the agent alone, on
 * x86_64, where the kernel's struct stat is the program's.
 */

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The names that glibc's fstat64.o has: all of them, or the linker would find some twice. */
int __fstat64(int fd, struct stat *st);

int __fstat64(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

int fstat(int fd, struct stat *st) __attribute__((alias("__fstat64")));
int fstat64(int fd, struct stat64 *st) __attribute__((alias("__fstat64")));
