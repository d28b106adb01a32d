/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * spool -- messages that were answered 250 and are not yet given out.
 *
 * Invariants. The tests in tests/unit/spool hold each of them against kill -9, against a disk that
 * forgets what was not synced (torn and out of order), and against a failure of every single call.
 *
 *  1. A ticket is told SPOOL_DURABLE only after fdatasync(2) of all its octets, its envelope, and
 *     fsync(2) of the folder that names the segment they are in. From then on its message is there,
 *     once, until every recipient is on record as delivered (or was dropped by a person).
 *  2. Nothing leaves the spool before the record that allows it is durable. A message whose record
 *     of delivery was lost with the machine is given out again: the one doubling that SMTP itself
 *     can't exclude (RFC 1047).
 *  3. A sector that holds something durable is never written again: each group of records begins
 *     on a new 4096 octets, segments are only appended to, and by one process only; every open
 *     begins a new one.
 *  4. What a write or a sync has failed for is never trusted again, and never tried again in that
 *     place: after a failed sync Linux holds pages for clean that are not on the disk, so that a
 *     second sync would say yes (https://lwn.net/Articles/752063/). The segment ends where it was
 *     last durable; the next one says so in its beginning ("segment N counts up to offset X"), and
 *     only then are the tickets told SPOOL_FAILED. Their messages are not there afterwards, but
 *     where the disk takes nothing any more until the process ends, not even that.
 *  5. Segments go in the order in which they were made: the oldest one, when no message that
 *     begins in it is left. So a record never outlives what it speaks of the other way round, and
 *     no message comes back. What is kept for long (held mail) is moved to the newest segment when
 *     it alone keeps the older ones.
 *  6. The folder is all there is: the index is made from the segments at open. Each record has
 *     its own sums, and begins with a number that nobody outside knows: octets of a message are
 *     never taken for a record. A damaged record costs itself only; its octets are copied to
 *     damaged/, and told. An unfinished tail is cut, which costs nothing that was answered.
 *  7. One process at a time has a spool open for writing (spool_open()); any number look at it
 *     (spool_view()).
 *
 * Threads. All functions belong to the thread that opened the spool (the loop), and none of them
 * waits for the disk, except where they say so. A second thread of the spool's own writes and
 * syncs: whatever has come while it was busy goes into one pwritev(2) and one fdatasync(2) (group
 * commit). When a message, a record or a read is ready, the descriptor of spool_ready_fd() becomes
 * readable, and spool_ready() makes the calls that were asked for, on the loop's thread.
 *
 * Layout of a large message. Octets are gathered up to SPOOL_GATHER_MAX and then go to the segment
 * as a record of their own, in the same groups as those of other messages; the last record of a
 * message has the envelope and tells where its pieces are. A message that fits into one piece is
 * one record. So a message of any size costs about SPOOL_GATHER_MAX octets of memory, no message
 * waits for the end of another, and pieces whose message never ends are nothing.
 *
 * Times to come are told as delays and kept on the monotonic clock, so that a clock that jumps
 * neither holds a message up nor makes it hurry. On disk stand the wall clock at the settlement and
 * the delay: after an open no message waits longer than its delay.
 *
 * Memory: under 200 octets a message in the index, plus 1 octet for each recipient after the first
 * eight; whatever else a message has is on disk.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct smtp_envelope;
struct smtp_peer;
struct spool;
struct spool_disk;
struct spool_ticket;
struct spool_reader;

#define SPOOL_SEGMENT_SIZE (64u << 20) /* octets after which a segment is ended */
#define SPOOL_GATHER_MAX (256u << 10)  /* octets of one message that wait in memory */
#define SPOOL_RECIPIENTS_MAX 10000u    /* of one message */
#define SPOOL_REPLY_MAX 1024u          /* octets of a server's reply that are kept */
#define SPOOL_ENVELOPE_MAX (8u << 20)  /* octets of an envelope as it is stored */

/* ── opening ─────────────────────────────────────────────────────────────────────────────────── */

struct spool_options {
	const char *path;        /* borrowed; the folder, made (0700) when it is not there */
	uint64_t size_max;       /* octets that the spool may hold; 0: no bound of its own */
	uint64_t reserve;        /* octets that have to stay free on the file system */
	uint64_t segment_size;   /* 0: SPOOL_SEGMENT_SIZE; less where size_max is small */
	bool hold;               /* nothing is due until spool_set_hold(s, false) */
	struct spool_disk *disk; /* borrowed; NULL: the system's calls. For tests; spool/disk.h */
	/* Told of each thing found damaged at open, and of failures that no caller sees. Called on
	 * the loop's thread, from spool_open() and spool_ready(). NULL: nobody. */
	void (*told)(void *context, const char *what);
	void *context;
};

/*
 * Takes the lock, reads all segments, begins a new one. Waits for the disk: reads everything that
 * is in the spool once.
 *
 *   errors  ERROR_RETRY_LATER: another process has it open; ERROR_RETRY_PERSON: no right, disk
 *           full; ERROR_RETRY_NEVER: a later version's spool. Damage is no error: it is told.
 */
int spool_open(struct spool **out, const struct spool_options *options, struct error *err)
	MUST_CHECK;

/* The same without lock, without a change on disk, and without a thread: for looking while a gate
 * has it open. Only the functions under "looking" may be called. Messages that are just being
 * written may be missed or seen before they are durable. */
int spool_view(struct spool **out, const struct spool_options *options, struct error *err)
	MUST_CHECK;

/* Ends the thread when all that was queued has been written, and makes the calls that are due.
 * Waits for the disk. Tickets that are not finished are abandoned; readers have to be closed
 * before. NULL is allowed. */
void spool_close(struct spool *s);
CLEANUP_DEFINE(struct spool, spool_close);
#define AUTO_SPOOL __attribute__((cleanup(spool_close_at)))

/* Readable when spool_ready() has something to do. Borrowed; an eventfd(2), never read it. */
int spool_ready_fd(const struct spool *s);
/* Makes the calls that are due: of tickets, settlements and fetches. Any function of this header
 * but spool_close() may be called from them. */
void spool_ready(struct spool *s);
/* Waits (poll(2)) until something is ready, then spool_ready(). For programs without a loop. */
void spool_wait(struct spool *s);

/* ── taking ──────────────────────────────────────────────────────────────────────────────────── */

enum spool_outcome {
	SPOOL_DURABLE = 1, /* answer 250 */
	SPOOL_FAILED,      /* answer 451: the disk has failed, the message is not kept */
	SPOOL_FULL,        /* answer 452 4.3.1: no room; the message is not kept */
};

/* `id` is what the log should name; valid for SPOOL_DURABLE. `why` borrowed, "" if durable. */
typedef void spool_done(void *context, enum spool_outcome outcome, uint64_t id, const char *why);

/*
 * Whether a message of `octets` (0: not known) may be begun: SPOOL_DURABLE, SPOOL_FULL or
 * SPOOL_FAILED (the last group could not be written; the next one is tried, so ask again). Counts
 * what is under way, the bound and the reserve. Cheap: free space is asked (statvfs(2)) at most
 * five times a second.
 */
enum spool_outcome spool_may_take(struct spool *s, uint64_t octets);

/* A message begins. Never NULL; it has an id from now on. */
struct spool_ticket *spool_begin(struct spool *s);
/* For import: under the id that it had. NULL: a message with that id is there or on its way. */
struct spool_ticket *spool_begin_as(struct spool *s, uint64_t id);
uint64_t spool_ticket_id(const struct spool_ticket *t);

/* More octets of the message, as they shall be given out (CRLF, not dot-stuffed). They are copied.
 * Returns false when so much waits for the disk that the caller should read no more from its
 * client for now; `resume` of spool_on_room() is called when there is room again. The octets are
 * taken in either case. */
bool spool_add(struct spool_ticket *t, struct span octets);
/* Called (once after each spool_add() that returned false to anyone) when there is room again. */
void spool_on_room(struct spool *s, void (*resume)(void *context), void *context);

/* The message is whole; the ticket is gone. `e` and `peer` are borrowed during the call. `done` is
 * called by spool_ready(), never from here. */
void spool_finish(struct spool_ticket *t, const struct smtp_envelope *e,
                  const struct smtp_peer *peer, spool_done *done, void *context);
/* As if it had never begun; the ticket is gone. NULL is allowed. */
void spool_abandon(struct spool_ticket *t);
/* The owner of a finished ticket is gone (its client hung up): its `done` will not be called. The
 * message is kept: nobody knows whether the client would have got the 250. */
void spool_forget(struct spool *s, void *context);

/* ── giving out ──────────────────────────────────────────────────────────────────────────────── */

/* What is on record for one recipient. The numbers stand on disk. */
enum spool_state {
	SPOOL_PENDING = 0,   /* to be given out; if an attempt was deferred, when it is due */
	SPOOL_DELIVERED = 1, /* the new server has answered 2yz */
	SPOOL_HELD = 2,      /* the new server has refused it, or a person holds it: no attempts */
	SPOOL_DROPPED = 3,   /* a person has taken it out */
};

struct spool_due {
	uint64_t id;
	uint64_t size;       /* octets of the message */
	int64_t arrived_ms;  /* since 1970 UTC: as struct smtp_peer tells it */
	uint32_t attempts;   /* deferred so often */
	uint32_t recipients; /* in all */
	uint32_t pending;    /* of them */
};

/* The next message that is due at `now_ms` (clock_monotonic_ms()), in the order of arrival; those
 * that were deferred take their place again when their time has come. It is the caller's from then
 * on, and not due again before spool_settle() or spool_put_back(). False: none is due. */
bool spool_take_due(struct spool *s, int64_t now_ms, struct spool_due *out);
/* When (clock_monotonic_ms()) spool_take_due() has the next one; INT64_MAX: none waits, or the
 * spool is on hold. */
int64_t spool_next_due_ms(const struct spool *s);
/* Not tried after all: due at once again, nothing is recorded. */
void spool_put_back(struct spool *s, uint64_t id);

struct spool_result {
	uint32_t recipient;     /* index in the envelope */
	enum spool_state state; /* PENDING: deferred */
	struct span reply; /* borrowed; of the server ("250 2.0.0 Ok: queued as ..."), or why */
};

/*
 * What became of an attempt. Recipients that are not named stay as they are; those that are still
 * pending become due after `delay_ms` (0: at once). The message is free to be taken again then. A
 * record that can't be written is written again, elsewhere, until it is durable.
 *
 *   done    may be NULL; called when it is durable. When all recipients are delivered or dropped,
 *           the message is gone from then on.
 */
void spool_settle(struct spool *s, uint64_t id, const struct spool_result *results, size_t n,
                  int64_t delay_ms, spool_done *done, void *context);

/* All pending recipients are held (`why` is kept as the reply), or all held ones pending and due at
 * once. For persons. False: no such message, a caller of spool_take_due() has it now, or its last
 * record is not yet durable. */
bool spool_hold(struct spool *s, uint64_t id, const char *why, spool_done *done, void *context);
bool spool_release(struct spool *s, uint64_t id, spool_done *done, void *context);
/* Takes every recipient out that is not delivered (DROPPED): the message is gone when that is
 * durable. */
bool spool_drop(struct spool *s, uint64_t id, const char *why, spool_done *done, void *context);
/* Nothing is due while it holds. Not kept on disk. */
void spool_set_hold(struct spool *s, bool hold);
bool spool_on_hold(const struct spool *s);

/* ── reading a message ───────────────────────────────────────────────────────────────────────── */

/*
 * A reader keeps its message's octets on disk until it is closed. Every record that is read is
 * held against its sum.
 *
 * SPOOL_NOT_NOW: the octets are not in memory, and `may_wait` was false: call again with true from
 * a thread that may wait (uv_queue_work()), which is the one call that another thread may make, one
 * at a time for each reader; or use spool_fetch(). With memory warm, nearly all reads are SPOOL_OK.
 */
enum spool_read { SPOOL_OK = 1, SPOOL_END, SPOOL_NOT_NOW, SPOOL_BROKEN };

/* NULL: no such message. Does not touch the disk. */
struct spool_reader *spool_reader_open(struct spool *s, uint64_t id);
void spool_reader_close(struct spool_reader *r); /* NULL is allowed */
CLEANUP_DEFINE(struct spool_reader, spool_reader_close);
#define AUTO_SPOOL_READER __attribute__((cleanup(spool_reader_close_at)))

/* The envelope as it came, and who brought it; both are the reader's, valid until it is closed.
 * What is on record for each recipient by now is asked by spool_states(). */
enum spool_read spool_read_envelope(struct spool_reader *r, bool may_wait,
                                    const struct smtp_envelope **envelope,
                                    const struct smtp_peer **peer, struct error *err) MUST_CHECK;
/* The next octets of the message, at most SPOOL_GATHER_MAX; valid until the next call. */
enum spool_read spool_read_next(struct spool_reader *r, bool may_wait, struct span *out,
                                struct error *err) MUST_CHECK;
/* Begins again with the first octet. */
void spool_read_rewind(struct spool_reader *r);

/* Does what `may_wait` = true would, on a thread of the spool's own: when `ready` is called (by
 * spool_ready()), the next spool_read_envelope() or spool_read_next() is answered at once. The
 * reader must not be used or closed before. */
void spool_fetch(struct spool_reader *r, void (*ready)(void *context), void *context);

/* ── looking ─────────────────────────────────────────────────────────────────────────────────── */

/* One octet (enum spool_state) for each recipient; borrowed until the next call on the spool. NULL:
 * no such message (any more). */
const uint8_t *spool_states(const struct spool *s, uint64_t id, uint32_t *n);

struct spool_item {
	struct spool_due due;
	int64_t delay_ms; /* until it is due; 0: at once */
	uint32_t held;    /* recipients */
	bool taken;       /* a caller of spool_take_due() has it */
};
bool spool_find(const struct spool *s, uint64_t id, struct spool_item *out);
/* All messages in the order of arrival, until `see` returns false, which must not change the
 * spool. */
void spool_each(const struct spool *s, bool (*see)(void *context, const struct spool_item *item),
                void *context);

struct spool_usage {
	uint64_t messages;  /* in the index */
	uint64_t held;      /* of them, with a recipient that is held */
	uint64_t octets;    /* of their messages */
	uint64_t disk;      /* octets of all segments, written */
	uint64_t under_way; /* octets of messages that are not yet durable */
	uint64_t segments;
	uint64_t groups;    /* committed since open: one sync each */
	uint64_t committed; /* messages, since open */
	uint64_t failed;    /* groups that failed since open */
	uint64_t damaged;   /* records found damaged at open */
	uint64_t free;      /* octets free on the file system when last looked at */
};
void spool_usage(const struct spool *s, struct spool_usage *out);

/* One result that is on record, the newest first; the reply is borrowed during the call. Of a
 * message that was moved to another segment (invariant 5), the last one of each recipient is
 * left. */
struct spool_event {
	int64_t at_ms; /* since 1970 UTC */
	uint32_t recipient;
	enum spool_state state;
	int64_t delay_ms; /* PENDING: it was due again so much later */
	struct span reply;
};
/* Tells the records of one message. Waits for the disk: reads the segments that hold them. */
int spool_history(struct spool *s, uint64_t id,
                  void (*see)(void *context, const struct spool_event *event), void *context,
                  struct error *err) MUST_CHECK;

/* How ids are written: 16 hexadecimal digits. Returns `out`. */
const char *spool_id_text(char out[17], uint64_t id);
bool spool_id_parse(struct span text, uint64_t *id);
