/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * perms -- rights on all that belongs to a Mailman: what they are, what they have to be, and how
 * that is mended. A process of Mailman has its rights through the group: CGI programs and the MTA's
 * wrapper are set-gid, the runners belong to it; so a copy that lost the group, or the set-gid bit
 * of a directory, breaks the next message and not the copy.
 *
 * Symbolic links are followed where a path variable or an archive is one, as Mailman does it, and
 * never changed through. Rules: bin/check_perms of 2.1.39, and what it leaves out.
 */

#include "accounts/passwd.h"
#include "base/error.h"
#include "lists/paths.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One name. */
struct lists_perm_row {
	enum lists_path variable; /* below which it lies; LISTS_PREFIX: a program's directory */
	char *below;              /* path below that; "" is the place itself */
	char *path;               /* on the host, without links */
	uint32_t mode;            /* with its type */
	uint32_t uid, gid;
	uint64_t links;
	char *target; /* of a link */
};

enum lists_perm_fault {
	LISTS_PERM_MODE = 1, /* bits that lack, or are too many */
	LISTS_PERM_OWNER,    /* group, or user */
	LISTS_PERM_LINK,     /* a public archive that is no link to the archive, or lacks it */
	LISTS_PERM_LEAK,     /* the archive of a private list can be read by others */
};

struct lists_perm_finding {
	enum lists_perm_fault fault;
	char *path;
	uint32_t mode, should_mode; /* of LISTS_PERM_MODE and LISTS_PERM_OWNER: permission bits */
	uint32_t uid, gid, should_uid, should_gid;
	char *target;  /* what a link shall say; NULL: it shall go away */
	char *words;   /* "lacks 0020: ..." */
	bool mendable; /* else a person has to */
};

struct lists_perms {
	struct lists_perm_row *rows; /* owned; all that was looked at */
	size_t n, room;
	struct lists_perm_finding *findings; /* owned; at most one of MODE/OWNER for each path */
	size_t findings_n, findings_room;
	struct strings troubles; /* what could not be looked at */
	uint32_t uid, gid;       /* of the installation */
	struct system_users users;
};
#define AUTO_LISTS_PERMS __attribute__((cleanup(lists_perms_fini)))
void lists_perms_fini(struct lists_perms *p);

/* Looks at everything, and judges. -1: the host can't be reached. */
int lists_perms_check(struct host *h, const struct lists_installation *m, struct lists_perms *out,
                      struct error *err) MUST_CHECK;

/*
 * Control. Mends what can be, each thing after a fresh look at it, and says each to `journal`, one
 * line a thing, when it is durable. May be broken off and repeated: what is right is left alone.
 *
 *   done, failed  things
 */
int lists_perms_repair(struct host *h, const struct lists_perms *p, FILE *journal, size_t *done,
                       size_t *failed, struct error *err) MUST_CHECK;

/* ── a baseline: how it was before, to be held against how it is after a copy ────────────────── */

/* Appends a line for each name: VARIABLE/PATH mode user:group; by names, so that it holds on a host
 * with other numbers and another layout. */
void lists_perms_baseline(const struct lists_perms *p, struct buf *out);
/* Adds a line of words for each name that differs from the baseline, is gone, or is new. */
int lists_perms_compare(const struct lists_perms *p, struct span baseline, struct strings *out,
                        struct error *err) MUST_CHECK;

/* ── for the files of perms alone ────────────────────────────────────────────────────────────── */

/* perms_walk.c */
int lists_perms_walk(struct host *h, const struct lists_installation *m, struct lists_perms *p,
                     struct error *err) MUST_CHECK;
/* perms_rules.c: what a row has to be. */
struct lists_perm_rule {
	uint32_t needs;   /* bits that have to be there */
	uint32_t forbids; /* bits that must not */
	bool group;       /* the installation's */
	bool user;
	const char *why;
};
struct lists_perm_rule lists_perms_rule(const struct lists_installation *m,
                                        const struct lists_perm_row *row);
/* perms_links.c: archives of public and private lists. */
int lists_perms_links(struct host *h, const struct lists_installation *m, struct lists_perms *p,
                      struct error *err) MUST_CHECK;
/* The strings are taken. */
void lists_perms_add(struct lists_perms *p, struct lists_perm_finding finding);
const struct lists_perm_row *lists_perms_row(const struct lists_perms *p, enum lists_path variable,
                                             const char *below);
