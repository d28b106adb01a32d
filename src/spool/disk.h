/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * disk -- what the spool asks of a file system, as a table: so that tests can put a disk below it
 * that fails, or forgets what was not synced. Everything else of the spool goes through here.
 *
 * Each function is as the system call of its name: -1 and errno on failure. Names are below the
 * spool's folder. Calls come from several threads, those on one descriptor too (pread while another
 * writes).
 */

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spool_disk {
	int (*open)(struct spool_disk *d, const char *name, int flags); /* open(2); new ones 0600 */
	void (*close)(struct spool_disk *d, int fd);
	/* No other process has it so; until the descriptor is closed. EWOULDBLOCK: one has. */
	int (*lock)(struct spool_disk *d, int fd);
	/* With `now`, fails with EAGAIN, or reads less, where it would wait for the disk. */
	ssize_t (*pread)(struct spool_disk *d, int fd, void *to, size_t n, uint64_t at, bool now);
	/* Writes all of it, or fails. May change the rows of `iov`. */
	int (*pwritev)(struct spool_disk *d, int fd, struct iovec *iov, int n, uint64_t at);
	/* Blocks for the file's first `size` octets, so that writing them needs no others. */
	int (*allocate)(struct spool_disk *d, int fd, uint64_t size);
	int (*truncate)(struct spool_disk *d, int fd, uint64_t size);
	int (*sync)(struct spool_disk *d, int fd); /* fdatasync(2) */
	/* fsync(2) of the spool's folder ("."), or of one below it */
	int (*sync_folder)(struct spool_disk *d, const char *name);
	void (*forget)(struct spool_disk *d, int fd); /* what is read next comes from the disk */
	int (*size)(struct spool_disk *d, int fd, uint64_t *size);
	int (*unlink)(struct spool_disk *d, const char *name);
	int (*make_folder)(struct spool_disk *d, const char *name); /* EEXIST is good */
	/* Calls `see` with every name in the spool's folder. */
	int (*list)(struct spool_disk *d, void (*see)(void *context, const char *name),
	            void *context);
	int (*room)(struct spool_disk *d,
	            uint64_t *free);       /* octets that an ordinary user may take */
	void (*end)(struct spool_disk *d); /* frees the table itself */
};

/* The system's calls on this folder, which is made where `make` says so. */
int spool_disk_system(const char *path, bool make, struct spool_disk **out, struct error *err)
	MUST_CHECK;
