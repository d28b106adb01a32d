/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * carry -- brings a Mailman 2.1 site from one host's layout onto another's, again and again: each
 * pass moves only what changed (copy/tree.h), and may be killed at any moment. Nothing is run, on
 * neither side, and old is only read.
 *
 * By path variable (lists/paths.h), each to the same variable's place on new: lists, held messages and
 * bounce events, private archives with their mboxes, every queue, preserved spam, password files,
 * templates of the site and of hosts, logs (below LOG_DIR/before-move). Octets, times and modes stay;
 * owners go by name, groups become new's Mailman's, files get what the group needs (check_perms),
 * directories are set-gid. Nothing is opened to others that was not.
 *
 * A symbolic link in the place of a list, an archive or an mbox, to a directory outside of the root, is
 * followed on old, and is a directory on new. One that leads nowhere, or to what Mailman does not own, is in
 * `failed`; so is one further down that leads out of its root, to what new does not have.
 *
 * Never: locks, wherever they lie; what a save left torn; the pid file; last_mailman_version, which has
 * to be the target's; aliases and the like, which are made anew there. Told, and not put into a queue: a
 * name at which new's runner would end; half entries of 2.1.4.
 *
 * Changed on the way: `whichq` of queue entries, the path of a queue, in which nothing else of the file
 * changes; and `_parsemsg` of those that bin/update of an upgrade has marked wrongly. In archives/public, links to new's path are made for the lists whose archive is public; what
 * is a directory there is a copy of an archive that somebody made, and is put aside.
 *
 * A private archive is never in public, not for a second, because of the order: first the configurations
 * on old are read, then new's public directory loses what is not public by them, then files are copied,
 * below a directory that others can't list, and the links are made last, of those lists alone that are
 * public on old and in what has arrived on new. A configuration that can't be read is private.
 *
 * A list's parts go alone when it is named. One that was opened (lists_carry_open()) lives on new:
 * nothing of it is touched any more, whatever old has.
 */

#include "base/cleanup.h"
#include "lists/paths.h"
#include "remote/host.h"
#include "state/state.h"

#include <stdbool.h>
#include <stdint.h>

struct lists_carry_options {
	struct host *from, *to; /* borrowed; `to` needs control unless dry_run */
	const struct lists_installation *old, *new; /* borrowed */
	struct state *state;                        /* borrowed; not in a transaction */
	const struct strings *lists;                /* borrowed; empty or NULL: the whole site */
	bool dry_run;
	bool replace; /* lists that are in use on new already: theirs is put aside */
	bool is_part; /* of a step that has its own marks in the journal */
	/* Queues stay where they are: while either side's runners run, an entry that lies on both is sent
	 * by both. lists/take.h brings them then. */
	bool leave_queues;
	/* Borrowed; sorted; "QUEUE/NAME", as lists_take_name() has it. When set, these entries of queues
	 * go, whosever they are, and nothing else does. */
	const struct strings *entries;
	/* Borrowed; a word of the caller's for this way back. When set, `from` is where the lists lived since
	 * they were opened: they come over what `to` has, whose own is put aside, once for each word. Only
	 * what belongs to lists goes, and what state has on record of them stays. */
	const char *back;
	void (*progress)(void *context, uint64_t files, uint64_t octets, const char *what);
	void *context;
};

/* What was done with one path variable's files. */
struct lists_carry_part {
	const char *name; /* "lists", "queue in"; a constant */
	char *from, *to;  /* owned; roots */
	uint64_t entries, created, updated, attributes, removed, unchanged, failed;
	uint64_t bytes_read, bytes_sent;
};

struct lists_carry_result {
	struct lists_carry_part *parts; /* owned; in the order in which they went */
	size_t parts_n, parts_room;
	uint64_t lists;  /* that belonged to the pass */
	uint64_t links;  /* of archives/public, made, mended or removed */
	uint64_t whichq; /* entries that got new's path */
	/* "LIST: FILE: why", printable: not there as it has to be; of a verify: what differs */
	struct strings failed;
	struct strings changed; /* of a dry run: "FILE" on old, which a pass would bring */
	struct strings notes;   /* for a person; nothing is wrong on new because of them */
};
#define AUTO_LISTS_CARRY __attribute__((cleanup(lists_carry_result_fini)))
void lists_carry_result_fini(struct lists_carry_result *r);

/* How much a pass did on new: files, links, attributes. */
uint64_t lists_carry_changes(const struct lists_carry_result *r);

/* One pass. `out` is zeroed by the caller. 0 when it came to its end: look at out->failed. */
int lists_carry(const struct lists_carry_options *o, struct lists_carry_result *out,
                struct error *err) MUST_CHECK;

/*
 * Reads both sides and compares: the content of each file; of those that had to change, and of pickles
 * that a save has written anew, the values; owners and modes as they had to become; who can reach an
 * archive. Changes nothing; what differs is in out->failed, and in out->notes what is damaged on both
 * sides, such as an index that pipermail would take for empty.
 */
int lists_carry_verify(const struct lists_carry_options *o, struct lists_carry_result *out,
                       struct error *err) MUST_CHECK;

/* From now on these lists live on new. Each must have been carried (ERROR_RETRY_PERSON). `attempt`: of the
 * cut-over that opens them; 0: none does. */
int lists_carry_open(struct state *s, const struct strings *lists, int64_t attempt,
                     struct error *err) MUST_CHECK;
/* They live on old again: these, or with NULL all that this attempt has opened. */
int lists_carry_unopen(struct state *s, const struct strings *lists, int64_t attempt,
                       struct error *err) MUST_CHECK;
