/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mbox -- cuts an mbox file into messages where Dovecot would.
 *
 * A message begins at a line "From SENDER DATE" whose date can be read, at the start of the file or
 * behind any line end; a Content-Length that leads exactly to such a line, or to the end, is
 * believed, so that a From_ line inside a body cuts nothing
 * (https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/mbox/).
 *
 * The content of a message is what a user sent, and what Dovecot shows of it octet by octet: without
 * the From_ line, without the line end that parts it from the next (the last one before the next
 * From_ line, or the file's end), and without the header fields in which programs keep their books (X-UID,
 * Status, X-Status, X-Keywords, X-IMAP, X-IMAPbase, Content-Length). Its digest stays the same
 * whatever Dovecot writes there, and so does the identity made from it.
 */

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "mail/digest.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the octets come from: as pread(2), but less than `n` only at the end. -1 with errno. */
typedef ssize_t mbox_read_fn(void *context, void *out, size_t n, uint64_t offset);

struct mbox_message {
	uint64_t offset, end;  /* from its From_ line to the next one, or the end */
	struct span from_line; /* without LF; borrowed during the call; cut at 1000 octets */
	int64_t from_time;     /* of the From_ line, seconds since 1970, as if it were UTC */
	bool internal;         /* Dovecot's own first message with the folder's data: no mail */
	uint32_t uid;          /* X-UID, or 0 */
	uint32_t uidvalidity, uidnext; /* of X-IMAP or X-IMAPbase; 0 when absent */
	char flags[8];                 /* letters as in Maildir names, sorted; see mail/flags.h */
	bool seen_before;              /* Status has O: no longer recent */
	struct buf keywords;           /* of X-Keywords, sorted, one blank between */
	struct buf message_id;         /* as in mail/header.h; "" when there is none */
	uint64_t size;                 /* octets of content */
	struct digest digest;          /* of the content */
};

struct mbox_visitor {
	void *context;
	/* All may be NULL. `begin` knows offset, from_line, from_time; content comes in order. */
	int (*begin)(void *context, const struct mbox_message *m, struct error *err);
	int (*content)(void *context, struct span bytes, struct error *err);
	int (*end)(void *context, const struct mbox_message *m, struct error *err);
};

/*
 * Walks the messages that begin in [from, size); `from` is the offset of a From_ line.
 *
 *   place   borrowed; path, for errors
 *   one     only the first message
 *   errors  what is at `from` is no From_ line (scope MAILBOX, with the offset); a read failed
 */
int mbox_walk(mbox_read_fn *read, void *context, uint64_t from, uint64_t size, bool one,
              const char *place, const struct mbox_visitor *visitor, struct error *err) MUST_CHECK;

/* The same, message by message: what was read of the file is kept, for those that lie near. */
struct mbox_walker;
struct mbox_walker *mbox_walker_new(mbox_read_fn *read, void *context, uint64_t size,
                                    const char *place);
void mbox_walker_free(struct mbox_walker *w);
CLEANUP_DEFINE(struct mbox_walker, mbox_walker_free);
#define AUTO_MBOX_WALKER __attribute__((cleanup(mbox_walker_free_at)))
/* The message at *at, which is then behind it. */
int mbox_walker_one(struct mbox_walker *w, uint64_t *at, const struct mbox_visitor *visitor,
                    struct error *err) MUST_CHECK;

/* A From_ line without its LF; the time of its date as if it were UTC. */
bool mbox_from_line(struct span line, int64_t *time);

/* When that was, in seconds since 1970 UTC: by the zone in the line ("+0100"), else by the local
 * time of TZ, as Dovecot reads it for the INTERNALDATE. 0 when it is no From_ line. */
int64_t mbox_from_utc(struct span line);

/* X-UID and the others of the list above. */
bool mbox_is_bookkeeping(struct span header_name);
