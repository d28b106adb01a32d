/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * write -- segments and groups as they get to the disk. One thread: the committer's. Descriptors, cuts
 * and the place behind the last durable octet are here; who waits for what is spool/commit.h.
 */

#include "spool/commit.h"

struct writer {
	struct spool_disk *disk; /* borrowed */
	uint64_t segment_size;
	int fd; /* -1: no segment is open */
	uint32_t number, next_number, group;
	uint32_t floor; /* for the next segment's beginning */
	uint64_t salt, offset, next_id;
	struct cut *cuts; /* owned */
	size_t cuts_n, cuts_room;
	struct iovec *iov; /* owned */
	size_t iov_room;
	unsigned char (*headers)[RECORD_HEADER]; /* owned */
	size_t headers_room;
};
void writer_fini(struct writer *w);

/* Octets of a job's payload. */
static inline uint32_t job_length(const struct job *j)
{
	return (uint32_t)(j->head.n + j->body.n);
}

/* A new segment, with its first record durable. -1 with errno: there is none, and no file of that
 * name that counts. */
int writer_begin(struct writer *w) MUST_CHECK;

/* The jobs are one group, durable when this returns 0. -1 with errno: none of them is, nor will be:
 * the segment has ended in front of them, and the next one (if it could be begun) says so. */
int writer_write(struct writer *w, struct job *jobs, size_t records, uint64_t octets) MUST_CHECK;

/* Closes the segment. */
void writer_leave(struct writer *w, bool in_good_order);
