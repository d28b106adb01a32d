/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * log_files -- a log with its older parts, as logrotate(8) leaves them: "vette", "vette.1",
 * "vette.2.gz", "vette-20261122", and what a move put into before-move/. They are read as they come;
 * what cannot be is told of, and never left out in silence.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "lists/log_line.h"
#include "lists/paths.h"
#include "remote/host.h"

enum lists_log_form {
	LISTS_LOG_PLAIN,
	LISTS_LOG_GZIP,
	LISTS_LOG_FOREIGN, /* packed by a program that is not known here: not read */
};

struct lists_log_file {
	char *path;
	uint64_t size; /* octets */
	int64_t mtime_ns;
	enum lists_log_form form;
	struct buf begins; /* its first octets: by them one file is known that two hosts share */
	const char *same;  /* path of the file, maybe of another host, that it is; NULL: of none */
	char *problem;     /* why it was not read, or not to its end */
};
struct lists_log_files {
	struct lists_log_file *rows; /* owned; the oldest first, by their times */
	size_t n, room;
};
#define AUTO_LISTS_LOG_FILES __attribute__((cleanup(lists_log_files_fini)))
void lists_log_files_fini(struct lists_log_files *f);

/* "vette", "smtp-failure" ... */
const char *lists_log_name(enum lists_log log);

/* The parts of the log `name` in a directory and in before-move/ below it. A directory that is not
 * there has none. -1: the host can't be reached. */
int lists_log_files_find(struct host *h, const char *dir, const char *name,
                         struct lists_log_files *out, struct error *err) MUST_CHECK;
/* Of files of n hosts that are one and the same, or a copy and what it was copied from, all but the
 * longest are marked: `same`, which is borrowed from it. */
void lists_log_files_match(struct lists_log_files *hosts, size_t n);

/* Its octets, unpacked. What goes wrong with the file is its `problem`; -1: the host can't be
 * reached. */
typedef void lists_log_octets_fn(void *context, struct span octets);
int lists_log_file_octets(struct host *h, struct lists_log_file *f, lists_log_octets_fn *call,
                          void *context, struct error *err) MUST_CHECK;
/* The same as lines, without their ends. `at`: octets before it. One that grows beyond LISTS_LOG_LINE_MAX is
 * left out up to there. The last one may have no end yet: is_whole is false then. */
#define LISTS_LOG_LINE_MAX (64u << 10)
typedef void lists_log_line_fn(void *context, struct span line, uint64_t at, bool is_whole);
int lists_log_file_lines(struct host *h, struct lists_log_file *f, lists_log_line_fn *call,
                         void *context, struct error *err) MUST_CHECK;
/* The same as records. */
int lists_log_file_records(struct host *h, struct lists_log_file *f, lists_log_record_fn *call,
                           void *context, struct error *err) MUST_CHECK;
