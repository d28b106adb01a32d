/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * transfer -- carries messages from one host to another; each batch is durable before it is told
 * of. While one becomes durable the next is written: a break costs no more than the two.
 *
 * As a rule content passes through here in pieces: reads are asked ahead, writes go ahead too.
 * Where new's agent can reach old's files (host_seen_from()), and messages have the names that they
 * are listed with (no `name`), it reads them itself, and only what it says of them passes; of many
 * messages a part is given to a further agent (host_another()), each folder to one of them at a
 * time.
 */

#include "mail/listing.h"
#include "remote/mailbox.h"

/* One message that is to travel. Borrowed, but for `arrived`. */
struct transfer_row {
	const struct mailbox_account *from, *to;
	void *owner; /* the caller's */
	const char *folder;
	const struct mail_message *m;
	const struct mail_folder *f; /* for its keywords */
	bool arrived;                /* in place and durable */
	uint64_t inode;              /* then: of its file on new; 0: not known */
};

/* What arrived, told for a whole batch after its commit; borrowed during the call. */
struct transfer_arrival {
	size_t index; /* of its row */
	const struct mail_message
		*now; /* as it was when it was read: suffix, in_new, mtime, size */
	struct digest digest;
	const char *message_id;
};

struct transfer {
	struct host *from_host, *to_host;
	struct transfer_row *rows; /* borrowed; those of one account stand together */
	size_t n;
	uint64_t here_octets; /* out: of messages that new's agent read itself */
	void *context;
	/* File name at the new place, owned by the caller; NULL: base and suffix as they are. */
	char *(*name)(void *context, const struct transfer_row *row,
	              const struct mail_message *now);
	/* Before each commit: once it is sent they may be in place, and nobody may know; may be NULL.
	 * *batch is what the caller knows them by. */
	int (*leaving)(void *context, const struct transfer_arrival *arrivals, size_t n,
	               int64_t *batch, struct error *err);
	/* After each commit, in any order. */
	int (*arrived)(void *context, const struct transfer_arrival *arrivals, size_t n,
	               int64_t batch, struct error *err);
	/* One message that could not be read; sys_errno ENOENT: it is gone. */
	void (*failed)(void *context, const struct transfer_row *row, const struct error *why);
	/* Where much goes from disk to disk: again and again while the agents have work ahead, for some
	 * milliseconds of other work, not with these two hosts; may be NULL. */
	void (*meanwhile)(void *context);
};

int transfer_run(struct transfer *t, struct error *err) MUST_CHECK;
/* So few messages that a break may cost all of them: they need not be told of before all are there. */
bool transfer_is_small(const struct transfer_row *rows, size_t n);

/* Compares the content of messages that are on both sides: told are the digests. */
struct transfer_digest {
	bool there;
	struct digest digest;
	char *message_id; /* owned */
};
/* `out` has n rows, zeroed; the caller frees the message_ids. */
int transfer_digests(struct host *h, const struct mailbox_account *account,
                     const struct mailbox_wanted *wanted, size_t n, struct transfer_digest *out,
                     struct error *err) MUST_CHECK;
