/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * commit -- the thread that writes. Jobs go in one after the other and come back in that order,
 * each durable or failed; all jobs that are there when it has time are one group: one pwritev(2),
 * one fdatasync(2).
 *
 * When a group fails, the segment ends where it was durable before, and the next one is begun at
 * once, with that in its first record; then the jobs come back as failed. Those that may not fail
 * (`must`: what became of an attempt) are kept in front, and written again to the new segment.
 */

#include "spool/disk.h"
#include "spool/record.h"

#include <stdatomic.h>

#define COMMIT_GROUP_MAX (8u << 20) /* octets of one group, if it has more than one record */

enum job_kind {
	JOB_RECORD,
	JOB_REMOVE, /* the file of segment `segment` goes away, and that is durable */
};

struct job {
	struct job *next;
	enum job_kind kind;
	bool must;
	enum record_kind record;
	uint64_t id;
	struct buf head, body; /* owned; the payload is one behind the other */
	uint32_t segment;      /* JOB_REMOVE */
	uint64_t salt;         /* JOB_REMOVE; of a record: of the segment it came to */
	/* told when it comes back: */
	bool good;
	int why; /* errno, when it is not */
	struct place place;
	uint64_t used; /* octets of that segment by now */
	/* Called on the loop's thread. Owns the job. */
	void (*back)(void *context, struct job *j);
	void *context;
};
void job_free(struct job *j);

struct commit_options {
	struct spool_disk *disk; /* borrowed */
	uint64_t segment_size;
	uint32_t next_number, floor;
	uint64_t next_id;
	struct cut *cuts; /* owned by the committer from now on */
	size_t cuts_n;
	int ready_fd; /* borrowed; an eventfd that is written to when something is there */
};

struct committer;

/* Begins the first segment (on this thread), then the thread. */
int commit_start(struct committer **out, const struct commit_options *options, struct error *err)
	MUST_CHECK;
/* Writes what is there, ends the last segment in good order, and ends the thread. Jobs that come
 * back by that are for commit_take() still. */
void commit_stop(struct committer *c);
void commit_free(struct committer *c);

/* The committer owns the job until it comes back. */
void commit_add(struct committer *c, struct job *j);
/* What has come back since, in order; the caller owns the list. */
struct job *commit_take(struct committer *c);

/* Octets of payload that wait for the disk. */
uint64_t commit_waiting(const struct committer *c);
/* Ids from here on are told by the next segment's beginning; it keeps up by itself with what it
 * writes. Floor: segments below it are gone. */
void commit_set_floor(struct committer *c, uint32_t floor);

struct commit_figures {
	uint64_t groups, failed;
	uint32_t segment;    /* that is being written; 0: none, the last one failed */
	uint64_t salt, used; /* its octets */
	int why;             /* errno of the last failure, 0 when the last group was good */
	int64_t failed_ms;   /* clock_monotonic_ms() of it */
};
void commit_figures(struct committer *c, struct commit_figures *out);
