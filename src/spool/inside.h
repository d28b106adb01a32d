/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* inside -- what the files of this room share; nobody else includes it. */

#include "spool/commit.h"
#include "spool/errand.h"
#include "spool/index.h"
#include "spool/spool.h"

#include <pthread.h>

/* One file. The list is in the order of numbers; the loop alone changes it, under segments_lock,
 * since errands look into it too. */
struct segment {
	uint32_t number;
	uint64_t salt;
	int fd;        /* for reading; -1: not open yet */
	uint64_t used; /* octets */
	uint32_t live; /* messages whose first_segment it is */
	uint32_t pins; /* readers and tickets that need it */
	bool removing;
	bool kept; /* holds damage that could not be copied: is not removed */
};

struct spool {
	struct spool_options options; /* `path` owned */
	struct spool_disk *disk;
	bool disk_owned, view, closing;
	int lock_fd, ready_fd;
	struct committer *committer;
	struct errands *errands; /* NULL until the first one */
	struct index index;

	pthread_mutex_t segments_lock;
	struct segment *segments; /* owned */
	size_t segments_n, segments_room;
	uint32_t seen_segment; /* all that was written to older ones has come back */

	uint64_t next_id;
	struct spool_ticket *tickets; /* all that have not come back */
	uint64_t under_way;           /* octets of theirs */
	bool full;                    /* a spool_add() has returned false */
	bool refused;                 /* there is work for tickets_tell() */
	struct resume {
		void (*call)(void *context);
		void *context;
	} * resumes; /* owned */
	size_t resumes_n, resumes_room;

	uint64_t free;      /* octets of the file system, at */
	int64_t free_at_ms; /* clock_monotonic_ms(); 0: never */
	uint64_t committed, damaged;
	struct move *move;          /* a message that goes to the newest segment, or NULL */
	int64_t move_not_before_ms; /* clock_monotonic_ms(); the last one has failed */
};

/* ── segments ────────────────────────────────────────────────────────────────────────────────── */

/* Borrowed until the list changes; NULL: not there (any more). */
struct segment *segment_find(struct spool *s, uint32_t number);
/* As it is told by a job that came back, or by the scan. */
void segment_note(struct spool *s, uint32_t number, uint64_t salt, uint64_t used);
void segment_live(struct spool *s, uint32_t number, int change);
void segment_pin(struct spool *s, uint32_t number);
void segment_unpin(struct spool *s, uint32_t number);
/* A descriptor to read from, the list's own; from any thread. -1 with errno. */
int segment_fd(struct spool *s, uint32_t number, uint64_t *salt);
uint64_t segments_used(const struct spool *s);
void segments_fini(struct spool *s);

/* Removes what nobody needs any more, and moves what alone keeps much else (spool.h, 5). */
void retire(struct spool *s);
/* Writes the message once more, to the newest segment, with what is on record of it; s->move until
 * that is durable, or has failed. */
void move_begin(struct spool *s, struct item *i);

/* ── open ────────────────────────────────────────────────────────────────────────────────────── */

void spool_tell(const struct spool *s, const char *format, ...) PRINTF_LIKE(2, 3);
/* Makes the index of what is in the folder. *cuts is the caller's. */
int recover(struct spool *s, struct cut **cuts, size_t *cuts_n, uint32_t *next_number,
            struct error *err) MUST_CHECK;

/* ── records ─────────────────────────────────────────────────────────────────────────────────── */

/* Holds a good MESSAGE or SETTLE record against the index. */
void apply_message(struct spool *s, uint64_t id, struct place at, uint32_t length,
                   const struct message *m);
void apply_settlement(struct spool *s, uint64_t id, struct place at, struct settlement *t);
/* The message is done: forget it. */
void item_gone(struct spool *s, struct item *i);
void describe_item(const struct spool *s, const struct item *i, struct spool_item *out);

struct job *job_new(enum record_kind kind, uint64_t id, void (*back)(void *context, struct job *j),
                    void *context);

/* The payload of the record at `at`, held against its sums. `length`: octets of it. */
enum spool_read read_record(struct spool *s, struct place at, uint32_t length,
                            enum record_kind kind, uint64_t id, bool may_wait, struct buf *payload,
                            struct error *err);

/* Results on record, newest first, of the chain that begins with `last`, then of the message's own
 * record. Waits for the disk; from any thread. */
int read_history(struct spool *s, uint64_t id, struct place last, const struct message *m,
                 void (*see)(void *context, const struct spool_event *event), void *context,
                 struct error *err) MUST_CHECK;

/* Those that could not even be written. */
void tickets_tell(struct spool *s);
/* As the spool ends: waits for those that are finished; then abandons the rest. */
void tickets_drain(struct spool *s);
void tickets_end(struct spool *s);
