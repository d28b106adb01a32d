/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* known -- what the ledger says of one account: messages, folders, files of earlier passes. */

#include "mail/listing.h"
#include "state/messages.h"

struct known_message {
	char *folder, *base, *flags, *keywords, *message_id; /* owned */
	uint32_t uid;
	uint64_t size;
	int64_t mtime_ns;
	bool in_new;
	struct digest digest;
};
struct known_folder {
	char *folder; /* owned */
	uint32_t uidvalidity, uidnext;
	uint64_t file_size;
	int64_t file_mtime_ns;
	struct digest file_digest;
	bool gone; /* not on old any more; perhaps still on new */
};
struct known_file {
	char *place, *path, *target; /* owned */
	uint64_t size;
	int64_t mtime_ns;
	struct digest digest;
};

/* A message of a batch that was cut off: perhaps in place on new, and then ours. */
struct known_coming {
	char *folder, *base; /* owned */
};

struct known {
	struct known_message *messages; /* sorted by folder and base */
	size_t messages_n, messages_room;
	struct known_folder *folders;
	size_t folders_n, folders_room;
	struct known_file *files;
	size_t files_n, files_room;
	struct known_coming *coming; /* sorted as the messages */
	size_t coming_n, coming_room;
};
#define AUTO_KNOWN __attribute__((cleanup(known_fini)))
void known_fini(struct known *k);

/* Of the folders with MESSAGES_PRESENT also those that are gone: what we made, we may remove. */
int known_load(struct known *k, struct state *state, const char *account, enum messages_which which,
               struct error *err) MUST_CHECK;

/* The same without the messages, of which an mbox that only grew needs none. */
int known_load_others(struct known *k, struct state *state, const char *account,
                      enum messages_which which, struct error *err) MUST_CHECK;
message_visit_fn known_take_message; /* its context is a struct known; known_sort() then */

/* Adds what state/coming.h has of that account. */
int known_load_coming(struct known *k, struct state *state, const char *account, struct error *err)
	MUST_CHECK;

/* A message that we brought to new, or may have: known, or on its way. */
bool known_is_ours(const struct known *k, const char *folder, const char *base);
/* A message that the ledger does not have, as if it had it; to be sorted before the next
 * known_find(). */
void known_add_message(struct known *k, const char *folder, const struct mail_message *m,
                       const struct digest *digest);
void known_sort(struct known *k);

const struct known_message *known_find(const struct known *k, const char *folder, const char *base);
const struct known_folder *known_find_folder(const struct known *k, const char *folder);
const struct known_file *known_find_file(const struct known *k, const char *place,
                                         const char *path);
