/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * stream -- programs of hosts that talk at length: the rows of agent/streams.c. One at a time on a
 * host, on behalf of one user: doveadm, which needs no running Dovecot, Mailman 3 and HyperKitty.
 */

#include "remote/host.h"

/* What to start; all borrowed. */
struct host_stream {
	const char *row; /* of agent/streams.c; some need control */
	const char *user, *home;
	const char *location; /* mail_location of that user, or NULL: as the host's settings say */
	uint32_t uid, gid;
	const char *const *arguments; /* NULL-terminated, or NULL */
};

struct host_stream_result {
	int status;      /* exit code, or 128 + signal */
	struct buf said; /* owned; the end of what it wrote on standard error */
	uint64_t octets; /* of its output */
};
#define AUTO_STREAM_RESULT __attribute__((cleanup(host_stream_result_fini)))
void host_stream_result_fini(struct host_stream_result *r);

/* Called for each piece of output. -1 with *err set ends the program. */
typedef int host_stream_fn(void *context, struct span octets, struct error *err);

/*
 * Runs the program without input, and hands out what it prints as it comes.
 *
 *   returns  0 when it ran to its end, whatever its exit code; one that is silent for
 *            HOST_STREAM_SILENCE_MS is ended (ERROR_RETRY_LATER)
 */
#define HOST_STREAM_SILENCE_MS (10 * 60 * 1000)
int host_stream_read(struct host *h, const struct host_stream *what, host_stream_fn *sink,
                     void *context, struct host_stream_result *out, struct error *err) MUST_CHECK;

/* The same of one that reads `input`, which is borrowed. */
int host_stream_talk(struct host *h, const struct host_stream *what, struct span input,
                     host_stream_fn *sink, void *context, struct host_stream_result *out,
                     struct error *err) MUST_CHECK;

/*
 * One that is talked to in turns. Other calls to the host may be made meanwhile, but for another stream.
 *
 *	AUTO_HOST_TALK struct host_talk t = { 0 };
 *	host_talk_begin(&t, h, &what, sink, context, err);
 *	host_talk_say(&t, line, err); host_talk_hear(&t, wait_ms, err); ...
 *
 * Whatever it prints goes to `sink`, during `say` too.
 */
struct host_talk {
	struct host *h; /* borrowed, as all else is; NULL: none was begun */
	const char *row;
	host_stream_fn *sink;
	void *context;
	uint64_t unsent; /* octets of input that its agent keeps for it */
	bool ended;
	struct host_stream_result result; /* owned */
};
/* The program is gone behind it. */
void host_talk_end(struct host_talk *t);
#define AUTO_HOST_TALK __attribute__((cleanup(host_talk_end)))
int host_talk_begin(struct host_talk *t, struct host *h, const struct host_stream *what,
                    host_stream_fn *sink, void *context, struct error *err) MUST_CHECK;
/* Returns when its agent has all of `input`; a program that has ended takes nothing. */
int host_talk_say(struct host_talk *t, struct span input, struct error *err) MUST_CHECK;
/* Returns when it has printed something or ended (t->ended); silent for `silence_ms`: ERROR_RETRY_LATER. */
int host_talk_hear(struct host_talk *t, int64_t silence_ms, struct error *err) MUST_CHECK;

/*
 * Runs a program on each host and lets the two talk: what one says is the other's input, by way of
 * this process. Ends when both have; when one fails or falls silent, both are ended.
 *
 *   moved    called with the octets that went from `a` to `b` so far; may be NULL
 *   returns  as above, for both
 */
struct host_stream_side {
	struct host *h;
	struct host_stream what;
	struct host_stream_result result;
};
typedef void host_stream_moved_fn(void *context, uint64_t octets);
int host_stream_join(struct host_stream_side *a, struct host_stream_side *b,
                     host_stream_moved_fn *moved, void *context, struct error *err) MUST_CHECK;
