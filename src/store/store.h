/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * store -- mailbox formats on disk, read below a directory descriptor.
 *
 * A format is a file with a `struct store` and a row in store/store.c. Nothing here follows a
 * symbolic link below an account's root, or changes anything; what writes is store/write.h,
 * store/change.h, store/append.h and store/mboxgrow.h.
 */

#include "base/error.h"
#include "mail/listing.h"

#include <stdbool.h>
#include <stdint.h>

/* What a scan finds, in this order: a folder, its messages, the next folder ...; files and troubles
 * anywhere between. All is borrowed during the call. -1 with *err set ends the scan. */
struct store_sink {
	void *context;
	int (*folder)(void *context, const struct mail_folder *folder, struct error *err);
	int (*message)(void *context, const struct mail_message *message, struct error *err);
	int (*file)(void *context, const struct mail_file *file, struct error *err);
	/* left_out: what may be mail is not told of because of it; else only worth knowing. */
	int (*trouble)(void *context, const char *words, bool left_out, struct error *err);
};

/* Directories that stay open from message to message of one account; zeroed by the caller. */
struct store_places {
	char *folder; /* owned; NULL: nothing is open */
	int folderfd, newfd, curfd;
	bool courier; /* keywords are not in the names: store/courier.h */
};
void store_places_fini(struct store_places *p);

/* One message, as a listing named it. */
struct store_wanted {
	struct store_places *places;        /* borrowed */
	const char *folder, *base, *suffix; /* borrowed */
	bool in_new;
	uint64_t offset; /* mbox */
};

/* A message that was opened. What it holds is on its way into memory: who opens some more before he reads
 * the first waits for the disk once, not once for each. */
struct store_opened;
void store_opened_free(struct store_opened *o); /* NULL is allowed */

/* What a read gives, in this order: begin, bytes..., and the call's return. */
struct store_reader {
	void *context;
	/* The message as it is now: suffix, in_new, mode, size, mtime. For mbox, `from_line` is the
	 * separator in front of it, without LF; else empty. */
	int (*begin)(void *context, const struct mail_message *now, struct span from_line,
	             struct error *err);
	int (*bytes)(void *context, struct span bytes, struct error *err);
};

struct store {
	enum mailbox_format format;
	const char *name;
	int (*scan)(int rootfd, const struct mailbox_account *account,
	            const struct store_sink *sink, struct error *err);
	/* ENOENT: it is gone; scope MESSAGE: give up this one only. *out is the caller's. NULL, and `read` too:
	 * this format has a reader of its own (store/mboxread.h). */
	int (*open)(int rootfd, const struct mailbox_account *account,
	            const struct store_wanted *wanted, struct store_opened **out,
	            struct error *err);
	/* Once; errors as with `open`. */
	int (*read)(struct store_opened *o, const struct store_reader *reader, struct error *err);
};

extern const struct store store_maildir, store_mbox;

/* NULL: one that only Dovecot reads (mailbox_is_dovecots()). */
const struct store *store_find(enum mailbox_format format);
