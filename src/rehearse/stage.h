/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * stage -- a sealed copy of this host with the pretended internet around it: one set of sealed hosts
 * (rehearse/sealed.h) with one host, "new", and its router, which holds every other address there is. Where
 * the cut-over is rehearsed, a copy of the old host stands beside it.
 * Ends with the process that opened it, however that dies. Needs root.
 */

#include "rehearse/zonebook.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "base/text.h"

#include <stdbool.h>
#include <sys/types.h>

/* Borrowed while stage_open() runs. */
struct stage_plan {
	const char *hostname;     /* as the host has it */
	struct strings addresses; /* the copy's, "203.0.113.10/24"; its main ones first */
	const char *disk;         /* how large each copy's is, "20G"; NULL: default */
	const char *old_root;     /* folder of the old host's files; NULL: it is not there */
	const char *old_hostname;
	struct strings old_addresses;
};
/* All that it owns. */
void stage_plan_fini(struct stage_plan *plan);

enum stage_side { STAGE_NEW, STAGE_OLD, STAGE_SIDES };

struct stage;
/* Returns when the copy is up: without any service, and nobody outside. */
int stage_open(struct stage **out, const struct stage_plan *plan, struct error *err) MUST_CHECK;
void stage_close(struct stage *s); /* ends all of it, and waits for that */
CLEANUP_DEFINE(struct stage, stage_close);
#define AUTO_STAGE __attribute__((cleanup(stage_close_at)))

/* The description that a plan makes, as mailhaul-sealed(1) has it. Pure. */
void stage_describe(const struct stage_plan *plan, const char *name, bool memory, struct buf *out);

/* Which of the copies all that follows is about, until it is said again; new at first. */
void stage_turn_to(struct stage *s, enum stage_side side);
/* Its PID 1, as seen here. */
pid_t stage_pid(const struct stage *s);
/* This process's network is the copy's for ever after. */
int stage_move_in(struct stage *s, struct error *err) MUST_CHECK;
/* Puts a program at `path` of the copy. */
int stage_place(struct stage *s, const char *program, const char *path, struct error *err)
	MUST_CHECK;

/* Runs a program in the copy; as process_run(). */
int stage_run(struct stage *s, const char *const argv[], const struct process_options *options,
              struct process_result *out, struct error *err) MUST_CHECK;
/* The same for a shell script; only its exit code and words count. Another code than 0 is an error. */
int stage_script(struct stage *s, const char *script, int64_t timeout_ms, struct buf *said,
                 struct error *err) MUST_CHECK;

/* Lets the pretended internet begin (rehearse/outside.h). Once. */
int stage_begin_outside(struct stage *s, struct zonebook *b, int folder, struct error *err)
	MUST_CHECK;
/* Between the two, this process's sockets are outside. */
int stage_go_outside(struct stage *s, struct error *err) MUST_CHECK;
void stage_come_back(struct stage *s);

/* Makes a datagram socket at `path` in the copy, for everybody there to write to; the caller owns it. */
int stage_socket(struct stage *s, const char *path, struct error *err) MUST_CHECK;

/* How many TCP sockets listen in the copy. */
size_t stage_listeners(struct stage *s);

/*
 * Holds what the kernel tells of the copy against what was promised: all that it could write to is
 * its own, and it and the internet around it have no link to anywhere else.
 *
 *   proof  gets a line for each thing seen
 *   wrong  gets a line for each that is not as promised
 */
void stage_prove(struct stage *s, struct strings *proof, struct strings *wrong);

/* What stage_prove() reads; pure. Mounts that lead to a file system of the real host for writing go
 * to *wrong; returns how many there are in all. */
size_t stage_judge_mounts(struct span mountinfo, struct strings *wrong);
/* Names of links in the text of /proc/PID/net/dev. */
void stage_read_links(struct span net_dev, struct strings *out);
