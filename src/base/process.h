/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * process -- runs a program to its end, feeds it, catches what it says, and never waits for ever; or begins
 * one that is talked to.
 */

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_result {
	struct buf out;    /* standard output, at most `limit` octets */
	struct buf errors; /* standard error, at most 64 KiB */
	int status;        /* exit code, or 128 + signal */
	bool cut;          /* standard output was longer than the limit */
};
#define AUTO_PROCESS_RESULT __attribute__((cleanup(process_result_fini)))
void process_result_fini(struct process_result *r);

struct process_options {
	struct span input;  /* borrowed; given on standard input */
	int64_t timeout_ms; /* 0: 60 s. Past it the whole process group is killed */
	size_t limit;       /* octets of output kept; 0: 16 MiB */
};

/*
 * Runs argv[0] (searched in PATH, plus /usr/sbin and /sbin) with no shell between.
 *
 *   argv     borrowed; NULL at its end. Nothing secret: other users can read it
 *   returns  0 when the program ran and ended, whatever its exit code; -1 when it could not be
 *            started (sys_errno ENOENT: no such program) or took too long (ERROR_RETRY_LATER)
 */
int process_run(const char *const argv[], const struct process_options *options,
                struct process_result *out, struct error *err) MUST_CHECK;

/* Turns a run that ended with another code than 0 into an error that quotes its last words. */
int process_expect_good(const char *const argv[], const struct process_result *r, struct error *err)
	MUST_CHECK;

/*
 * Begins a program that ends with the line it is talked to by: `in` becomes its standard input, `out` its
 * output. It is in a process group of its own, because Ctrl-C is for who has begun it, and a broken pipe ends
 * it again. As by vfork(2): nothing of the caller's memory is copied. No other descriptor is closed.
 *
 *   argv     borrowed; argv[0] is searched in PATH when it has no slash
 *   pid      of the child; the caller waits for it
 *   returns  0, or errno
 */
int process_begin(const char *const argv[], int in, int out, pid_t *pid) MUST_CHECK;
