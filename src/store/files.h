/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* files -- what lies beside the messages: what of it is carried, what is rebuilt at the new place. */

#include "store/store.h"

/* Dovecot's caches (dovecot.index, .cache, .log, dovecot.list.index ...): never copied, and dropped
 * where the uidlist changed. */
bool files_is_index(const char *name);

/* Subscriptions, ACLs and the like. */
bool files_is_carried(const char *name);

/* Tells the sink of each carried file in the directory `dirfd`, the account's `folder`. */
int files_scan(int dirfd, const char *folder, const struct store_sink *sink, struct error *err)
	MUST_CHECK;

/* For mbox: `.imap` in the directory `dirfd`. Its index files are no caches: the UIDVALIDITY of an
 * empty folder, and flags that Dovecot writes into the mbox file later, stand only there. They
 * belong to files of the same size and date, and those are kept. */
int files_scan_mbox_indexes(int dirfd, const char *folder, const struct store_sink *sink,
                            struct error *err) MUST_CHECK;
