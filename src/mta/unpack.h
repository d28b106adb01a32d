/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * unpack -- many files onto a host at once, with owner, mode and time: small ones travel together as
 * one tar stream, long ones in pieces. Nothing is on disk for sure before unpack_finish().
 *
 *	AUTO_UNPACK struct unpack *u = unpack_new(to, "/var/spool/postfix/mailhaul-carry");
 *	unpack_add(u, from, "/var/spool/postfix", files, n, err)
 *	unpack_finish(u, err)
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stdint.h>

struct unpack_file {
	const char *path; /* below the folder; its directories have to be there */
	uint32_t mode, uid, gid;
	uint64_t size;    /* octets, as listed */
	int64_t mtime_ns; /* since 1970 UTC; whole seconds arrive */
};

struct unpack;

/* Control. `folder` is borrowed text, and has to be there. */
struct unpack *unpack_new(struct host *to, const char *folder);
void unpack_free(struct unpack *u);
CLEANUP_DEFINE(struct unpack, unpack_free);
#define AUTO_UNPACK __attribute__((cleanup(unpack_free_at)))

/* Reads the files on `from`, where they lie below `source` under the same paths, and sends them, now
 * or with the next ones. ERROR_RETRY_LATER: one is not as long as it was when it was listed. */
int unpack_add(struct unpack *u, struct host *from, const char *source,
               const struct unpack_file *files, size_t n, struct error *err) MUST_CHECK;
/* Sends what is left; all of it is on disk when 0 is returned. */
int unpack_finish(struct unpack *u, struct error *err) MUST_CHECK;

/* Pure: one tar header of 512 octets (POSIX.1-1988 ustar). False when the path does not fit. */
bool unpack_header(const struct unpack_file *file, char out[512]);
