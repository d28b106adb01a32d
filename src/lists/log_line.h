/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * log_line -- what Mailman writes into its logs: records, which may go over several lines, and what
 * they tell of a post. Pure; fuzzed.
 *
 *	Nov 22 15:11:21 2026 (8689) Message discarded, msgid: <a@example.com>'
 *		list: Talk,
 *		handler: Moderate
 *
 * Source: Mailman/Logging and the logging calls of 2.1.39; the times are local ones of the host, taken
 * as this machine's.
 */

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* What is behind the stamp in a file of LOG_DIR. To add one: here, a row of `logs` in log_files.c. */
enum lists_log {
	LISTS_LOG_VETTE,
	LISTS_LOG_POST,
	LISTS_LOG_SMTP,
	LISTS_LOG_SMTP_FAILURE,
	LISTS_LOG_BOUNCE,
	LISTS_LOG_ERROR,
	LISTS_LOG_QRUNNER,
	LISTS_LOG_LOCKS,
	LISTS_LOGS, /* how many */
};

/* ── records ─────────────────────────────────────────────────────────────────────────────────── */

#define LISTS_LOG_RECORD_MAX                                                                       \
	65536u /* octets of one that are kept; what is behind is stepped over */

/* The text may have LFs in it; both spans are borrowed during the call. */
struct lists_log_record {
	uint64_t offset;   /* in the file */
	struct span stamp; /* "Nov 22 15:11:21 2026" */
	struct span text;  /* behind "(8689) " */
	uint64_t pid;      /* of the writer; 0: not known */
};
typedef void lists_log_record_fn(void *context, const struct lists_log_record *record);

/* Splits a file, cut anywhere, into records; `= { 0 }`. */
struct lists_log_reader {
	struct buf rest;
	uint64_t taken; /* octets of the file before `rest` */
	uint64_t lost;  /* octets of records that were too long, and before the first one */
};
#define AUTO_LISTS_LOG_READER __attribute__((cleanup(lists_log_reader_fini)))
void lists_log_reader_fini(struct lists_log_reader *r);
void lists_log_feed(struct lists_log_reader *r, struct span octets, lists_log_record_fn *call,
                    void *context);
void lists_log_end(struct lists_log_reader *r, lists_log_record_fn *call, void *context);

/* Seconds since 1970 of a stamp; mktime(3) is asked once an hour of the log's. `= { 0 }`. */
struct lists_log_clock {
	char hour[20];
	int64_t begins;
};
bool lists_log_time(struct lists_log_clock *c, struct span stamp, int64_t *at);

/* ── what a record tells ─────────────────────────────────────────────────────────────────────── */

enum lists_log_kind {
	LISTS_LOG_OTHER = 0,
	LISTS_LOG_HELD,      /* vette: list, id, sender, words (why) */
	LISTS_LOG_APPROVED,  /* vette: list, id */
	LISTS_LOG_DECIDED,   /* vette: a moderator refused or discarded one: list, sender */
	LISTS_LOG_DISCARDED, /* vette: a handler did: id, list, words (which) */
	LISTS_LOG_REJECTED,  /* vette: a handler did: id, list */
	LISTS_LOG_POSTED,    /* post: list, sender, id, words ("success", "2 failures") */
	LISTS_LOG_SENT,      /* smtp: id, list, words ("102 recips, completed in 0.014 seconds") */
	LISTS_LOG_REFUSED,   /* smtp-failure: the server took no recipient of it: id, words */
	LISTS_LOG_UNDELIVERED, /* smtp-failure: one recipient of any message: words */
	LISTS_LOG_SHUNTED,     /* error: a runner could not deal with it: base */
	LISTS_LOG_UNREADABLE,  /* error: it was put aside, or never read: base */
	LISTS_LOG_EXCEPTION,   /* error: what a runner stumbled over: words */
	LISTS_LOG_BOUNCED,     /* bounce: a bounce that tells nothing: list, id */
};

/* Spans are borrowed from the record; what it has not is empty. */
struct lists_log_event {
	enum lists_log_kind kind;
	struct span list; /* as it stands there; in vette often real_name, which is the list's name
	                     * but for the case of its letters */
	struct span id;   /* without its angle brackets; "n/a" is none, and empty here */
	struct span sender; /* an address */
	struct span base;   /* "1795360376.962675+c8b2...", of a queue's file */
	struct span words;
};
/* False: it tells nothing of a post that is known here. */
bool lists_log_event(enum lists_log log, struct span text, struct lists_log_event *out);
