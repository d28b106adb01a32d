/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * carry_names -- what the names of a Mailman 2.1 site's files say: what belongs to which list, what
 * must never travel, and what must not get into a live queue. Pure.
 *
 * Source of the rules: Mailman 2.1.39, Queue/Switchboard.py, ListAdmin.py, LockFile.py, Utils.py.
 */

#include "base/text.h"

#include <stdbool.h>

/* A lock, or the claim of one who waits for it: "NAME.lock", "NAME.lock.HOST.PID.N". Any component
 * of the path may be it. A copied lock has one name instead of two, and stops a list for hours. */
bool carry_is_lock(const char *path);

/* What a save left that did not come to its end: "config.pck.tmp.HOST.PID", "request.pck.tmp". The
 * file that it was to become is whole. */
bool carry_is_torn(const char *name);

/* Lower-case letters, digits and "-+_.=": Mailman sees no other list. */
bool carry_list_name_is_good(struct span name);

enum carry_entry {
	CARRY_ENTRY_WAITS = 1, /* .pck */
	CARRY_ENTRY_IN_WORK, /* .bak: a runner had it when it ended; it tries again when it starts */
	CARRY_ENTRY_KEPT,    /* .psv: for a person */
	CARRY_ENTRY_TORN,    /* .pck.tmp: Mailman never took the message */
	CARRY_ENTRY_OLD,     /* .db, .msg: half of an entry of 2.1.4 or older */
	CARRY_ENTRY_ODD,     /* a runner that finds it in its queue ends, each time it starts */
	CARRY_ENTRY_NONE,    /* no entry: Mailman does not look at it */
};
/* A name in a queue: TIME+HASH.EXTENSION. */
enum carry_entry carry_entry_of(const char *name);

enum carry_data {
	CARRY_DATA_HELD = 1, /* heldmsg-LIST-ID.pck, .txt */
	CARRY_DATA_BOUNCES,  /* bounce-events-PID.pck */
	CARRY_DATA_SITE, /* of no list, and has to move: owner-bounces.mbox, pending.pck of 2.1.4 */
	CARRY_DATA_PASSWORD,  /* adm.pw, creator.pw: have a place of their own */
	CARRY_DATA_GENERATED, /* aliases, virtual-mailman: made anew on new */
	CARRY_DATA_OF_HOST,   /* master-qrunner.pid, last_mailman_version, sitelist.cfg */
	CARRY_DATA_TORN,
	CARRY_DATA_OTHER,
};
/* A name in DATA_DIR. `list`, which may be NULL: borrowed from it; empty where it names none. */
enum carry_data carry_data_of(const char *name, struct span *list);

/* The list of "spam-LIST-ID.msg"; empty for other names. */
struct span carry_spam_list(const char *name);

/* First component of a path. */
struct span carry_first(const char *path);
/* Directories of page templates that come with Mailman: language codes. */
bool carry_is_language(const char *name);
