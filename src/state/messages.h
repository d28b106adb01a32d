/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * messages -- the ledger's account of stored mail: every message that a copy brought from the old
 * side to the new one, written down only after it was durable there.
 *
 * At the freeze, what the old side holds then becomes the manifest: the list that verify and
 * rollback go by. Rows are never deleted; what was expunged on old is `gone`.
 */

#include "base/cleanup.h"
#include "mail/digest.h"
#include "state/state.h"

#include <stddef.h>

/* Strings are borrowed; names may hold any octet but NUL. */
struct message_record {
	const char *account, *folder, *base;
	uint32_t uid; /* 0: has none yet */
	uint64_t size;
	int64_t mtime_ns;
	bool in_new;
	const char *flags, *keywords; /* letters; names with blanks between */
	const char *message_id;       /* "<...>" or "" */
	struct digest digest;
	int64_t first_ms; /* when it was first brought over; 0 in a put: now */
	int64_t last_ms;  /* last seen on old */
	bool gone;        /* not on old any more */
	bool in_manifest; /* was there at the freeze */
};

/* Puts many rows without preparing each; one process, between state_begin() and state_commit(). */
struct message_writer;
int message_writer_new(struct message_writer **out, struct state *s, struct error *err) MUST_CHECK;
int message_writer_put(struct message_writer *w, const struct message_record *record,
                       struct error *err) MUST_CHECK;
/* It is not on old any more. */
int message_writer_gone(struct message_writer *w, const char *account, const char *folder,
                        const char *base, struct error *err) MUST_CHECK;
void message_writer_free(struct message_writer *w);
CLEANUP_DEFINE(struct message_writer, message_writer_free);
#define AUTO_MESSAGE_WRITER __attribute__((cleanup(message_writer_free_at)))

/* Reads rows of messages that are not gone, without preparing each. */
struct message_reader;
int message_reader_new(struct message_reader **out, struct state *s, struct error *err) MUST_CHECK;
void message_reader_free(struct message_reader *r);
CLEANUP_DEFINE(struct message_reader, message_reader_free);
#define AUTO_MESSAGE_READER __attribute__((cleanup(message_reader_free_at)))

enum messages_which { MESSAGES_ALL, MESSAGES_PRESENT, MESSAGES_MANIFEST };

typedef int message_visit_fn(void *context, const struct message_record *record, struct error *err);

/* By account, folder and base; `account` NULL: all. The record is valid during the call; -1 from
 * `visit` ends the walk. */
int messages_walk(struct state *s, const char *account, enum messages_which which,
                  message_visit_fn *visit, void *context, struct error *err) MUST_CHECK;
/* `base` NULL: all of that folder, by base. */
int message_reader_get(struct message_reader *r, const char *account, const char *folder,
                       const char *base, message_visit_fn *visit, void *context, struct error *err)
	MUST_CHECK;
/* 1: there is such a message; 0: none. */
int message_reader_has(struct message_reader *r, const char *account, const char *folder,
                       const char *base, struct error *err) MUST_CHECK;
/* All rows with that Message-ID, gone ones too. */
int messages_find(struct state *s, const char *message_id, message_visit_fn *visit, void *context,
                  struct error *err) MUST_CHECK;
int messages_count(struct state *s, const char *account, enum messages_which which,
                   uint64_t *messages, uint64_t *octets, struct error *err) MUST_CHECK;

/* The same of each folder that has any, in the order of their names. */
typedef int message_count_fn(void *context, const char *folder, uint64_t messages, uint64_t octets,
                             struct error *err);
int messages_count_folders(struct state *s, const char *account, enum messages_which which,
                           message_count_fn *visit, void *context, struct error *err) MUST_CHECK;

/* ── folders ─────────────────────────────────────────────────────────────────────────────────── */

struct folder_record {
	const char *account, *folder;
	uint32_t uidvalidity, uidnext; /* 0: not known */
	uint64_t file_size;            /* mbox: of the file as it was copied */
	int64_t file_mtime_ns;
	struct digest file_digest; /* mbox */
	bool gone, in_manifest;
};
int folder_put(struct state *s, const struct folder_record *record, struct error *err) MUST_CHECK;
typedef int folder_visit_fn(void *context, const struct folder_record *record, struct error *err);
int folders_walk(struct state *s, const char *account, enum messages_which which,
                 folder_visit_fn *visit, void *context, struct error *err) MUST_CHECK;

/* ── files beside the messages: subscriptions, ACLs, Sieve ───────────────────────────────────── */

struct beside_record {
	const char *account, *place; /* "root" or "home" */
	const char *path;
	const char *target; /* of a symbolic link, or "" */
	uint64_t size;
	int64_t mtime_ns;
	struct digest digest;
	bool gone, in_manifest;
};
int beside_put(struct state *s, const struct beside_record *record, struct error *err) MUST_CHECK;
typedef int beside_visit_fn(void *context, const struct beside_record *record, struct error *err);
int beside_walk(struct state *s, const char *account, enum messages_which which,
                beside_visit_fn *visit, void *context, struct error *err) MUST_CHECK;

/* ── the manifest ────────────────────────────────────────────────────────────────────────────── */

/* What is on old now is the manifest of the freeze at `at_ms`; an older manifest is replaced. In
 * one transaction of its own. */
int messages_freeze(struct state *s, int64_t at_ms, struct error *err) MUST_CHECK;
/* 0: there was no freeze yet, or it was taken back. */
int messages_frozen_at(struct state *s, int64_t *at_ms, struct error *err) MUST_CHECK;
/* After a rollback the old side lives on: there is no manifest any more. */
int messages_thaw(struct state *s, struct error *err) MUST_CHECK;
