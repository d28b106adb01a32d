/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* comparing -- what the files of one verify share; see copy/verify.h for the whole. */

#include "copy/known.h"
#include "copy/transfer.h"
#include "copy/verify.h"
#include "mail/listing.h"

/* A message that should be on new. Strings are borrowed from the ledger or the listing of old. */
struct expected {
	const char *folder, *base, *message_id;
	char *flags, *keywords; /* owned */
	uint32_t uid;
	uint64_t size;
	int64_t mtime_ns;
	bool has_digest;
	struct digest digest;
	const struct mail_message *found; /* on new, or NULL */
};

struct comparing {
	struct host *old_host, *new_host;
	const struct copy_account *account;
	struct state *state;
	const struct verify_options *options;
	struct verify_result *out;
	int64_t frozen_ms; /* 0: no freeze */
	struct known known;
	struct mail_listing old, new;
	struct expected *rows; /* by folder and base */
	size_t n, room;
	struct copy_progress progress;
};

/* Adds "USER FOLDER/BASE ID: words" to the differences. */
void comparing_tell(struct comparing *c, const char *folder, const char *base,
                    const char *message_id, const char *format, ...) PRINTF_LIKE(5, 6);

/* Fills c->rows. */
int comparing_expect(struct comparing *c, struct error *err) MUST_CHECK;

/* Looks at the octets of c->rows on new, and with `deep` on old. */
int comparing_octets(struct comparing *c, struct error *err) MUST_CHECK;

/* Subscriptions, ACLs, Sieve. */
int comparing_files(struct comparing *c, struct error *err) MUST_CHECK;
