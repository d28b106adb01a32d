/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * carried -- which queue files of one host were brought to another, and how far each has come. What
 * makes carrying a queue safe to repeat: see mta/postfix_carry.c for the order of things.
 */

#include "base/error.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

enum carried_phase {
	CARRIED_STAGED = 1, /* whole and on disk beside the new queue */
	CARRIED_PLACED,     /* in the new queue */
	CARRIED_NAMED,      /* `new_path` is what it is called there */
	CARRIED_ASIDE, /* taken out of one of the two queues: what comes under its id is another */
};

struct carried_file {
	char *path;       /* below the old queue directory: "deferred/A/ABCDEF" */
	char *new_path;   /* below the new one, or "" */
	uint64_t size;    /* octets */
	int64_t mtime_ns; /* since 1970 UTC */
	uint64_t inode;   /* on the new host */
	enum carried_phase phase;
};
struct carried_files {
	struct carried_file *rows; /* owned; by path */
	size_t n, room;
};
#define AUTO_CARRIED_FILES __attribute__((cleanup(carried_files_fini)))
void carried_files_fini(struct carried_files *f);

/* All files of one direction; `from` and `to` are names of hosts. */
int carried_load(struct state *s, const char *from, const char *to, struct carried_files *out,
                 struct error *err) MUST_CHECK;
/* Stores these rows, replacing those of the same path, in one transaction. */
int carried_put(struct state *s, const char *from, const char *to, const struct carried_file *rows,
                size_t n, struct error *err) MUST_CHECK;
