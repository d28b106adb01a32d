/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * doctor -- one Mailman that several hosts touch (web server here, runners and MTA there): what is
 * not as it has to be, why that matters, and what to do about it.
 *
 * Looking changes nothing. Two things do, and only when they are asked for: doctor_probe(), which
 * leaves nothing behind, and doctor_hand_in().
 */

#include "accounts/passwd.h"
#include "base/error.h"
#include "doctor/mounts.h"
#include "lists/paths.h"
#include "lists/site.h"
#include "remote/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DOCTOR_HOSTS_MAX 16u

enum doctor_weight {
	DOCTOR_MUST = 1, /* mail is lost or stands still, or decisions are lost */
	DOCTOR_SHOULD,   /* works today */
	DOCTOR_INFO,     /* worth to know */
};
const char *doctor_weight_name(enum doctor_weight weight); /* "must", "should", "info" */

/* What a host has at the value of a path variable. */
struct doctor_place {
	const char *path; /* borrowed from the installation; NULL: it is not known */
	char *end;        /* without links; NULL: it is not there */
	bool is_there;
	uint64_t device, fs_id, inode;
	int64_t mtime_ns;
	const struct mount *mount; /* borrowed from the host; NULL: not known */
	uint64_t waiting;          /* of a queue: entries that wait or are in work */
};

/* Whether two hosts have one and the same there. */
enum doctor_same {
	DOCTOR_UNKNOWN, /* a host does not say its path */
	DOCTOR_SAME,
	DOCTOR_OTHER,
	DOCTOR_NEITHER, /* it is on none of the two */
};

enum doctor_token {
	DOCTOR_TOKEN_NONE, /* not tried, or it could not be */
	DOCTOR_TOKEN_SEEN,
	DOCTOR_TOKEN_NOT_SEEN,
};

struct doctor_host {
	const char *name;                   /* borrowed; as the person calls it */
	struct host *h;                     /* borrowed */
	const struct lists_installation *m; /* borrowed */
	char *kernel;                       /* that runs there; NULL: not known */
	struct mounts mounts;
	struct system_users users;
	struct host_processes processes;
	bool knows_processes; /* a folder runs nothing */
	bool knows_clock;
	int64_t ahead_ms, give_or_take_ms; /* of its clock against this machine's */
	char *python;                      /* program that runs Mailman; NULL: not known */
	unsigned python_version;           /* 207 of 2.7; 0: not known */
	int64_t data_version;              /* DATA_FILE_VERSION; 0: not known */
	struct strings packages;           /* "mailman 1:2.1.39-1" */
	const char *selinux;               /* "enforcing", "permissive", "off", "not known" */
	bool apparmor;
	struct strings
		known; /* directories that are no links, as lists_resolve_near() keeps them */
	struct doctor_place places[LISTS_PATHS];
};

/* A message that lies where no runner looks. All strings are owned. */
struct doctor_stranded {
	size_t host;
	enum lists_path queue;
	char *dir;             /* the directory, on that host */
	bool is_in_force;      /* the host's settings name that directory today */
	struct lists_queued q; /* list, sender, subject; `name` is of the file now */
};

struct doctor_check;
struct doctor_finding {
	const struct doctor_check *check; /* id, why, remedy */
	enum doctor_weight weight;
	bool on[DOCTOR_HOSTS_MAX]; /* hosts that it is about */
	char *what;                /* a variable, or a file */
	struct strings seen;       /* evidence, one sentence each; fit for a terminal */
};

struct doctor {
	struct doctor_host hosts[DOCTOR_HOSTS_MAX];
	size_t n;
	size_t back;        /* the host whose runners do the work */
	bool back_is_known; /* it was named, or its master of runners was seen */
	bool probed;
	enum doctor_token tokens[LISTS_PATHS][DOCTOR_HOSTS_MAX][DOCTOR_HOSTS_MAX]; /* from, to */
	struct doctor_stranded *stranded; /* owned; by host, then by queue */
	size_t stranded_n, stranded_room;
	struct doctor_finding *findings; /* owned; in the order of the checks */
	size_t findings_n, findings_room;
	struct strings troubles; /* what could not be looked at */
};
#define AUTO_DOCTOR __attribute__((cleanup(doctor_fini)))
void doctor_fini(struct doctor *d);

/*
 * Takes one more host; at least two are wanted.
 *
 *   name, h, m  borrowed as long as *d lives
 */
void doctor_add(struct doctor *d, const char *name, struct host *h,
                const struct lists_installation *m);

/* Looks at all hosts: facts, places, what is stranded. `back`: the name of the host with the runners;
 * NULL: the one on which their master runs, else the first. */
int doctor_look(struct doctor *d, const char *back, struct error *err) MUST_CHECK;

/*
 * Control, after doctor_look(). In each directory that has to be one for all, each host writes a small
 * file with a name of its own, that Mailman passes over, and all look for it; then it is removed, also
 * after a failure. What an earlier, broken off probe has left is removed too.
 */
int doctor_probe(struct doctor *d, struct error *err) MUST_CHECK;

/* Puts all questions; fills findings. */
int doctor_judge(struct doctor *d, struct error *err) MUST_CHECK;

/*
 * Control, after doctor_look(). Puts what is stranded into the queue of the same name at the back end,
 * one by one, each octet of it as it is. Says each to `journal`, one line a message, when it is
 * durable. May be broken off anywhere and repeated: how far an entry has come is in its name, on both
 * hosts, so that it gets into the queue once.
 *
 *   dry_run  says what would be done, and needs no control
 */
int doctor_hand_in(struct doctor *d, bool dry_run, FILE *journal, size_t *done, size_t *left,
                   struct error *err) MUST_CHECK;

/* What is known of `which` on the hosts a and b, and by what (one sentence; `how` may be NULL). */
enum doctor_same doctor_compare(const struct doctor *d, enum lists_path which, size_t a, size_t b,
                                struct buf *how);
/* Is it one for all hosts? The first answer that is not SAME, else that. */
enum doctor_same doctor_shared(const struct doctor *d, enum lists_path which);
/* "back's /var/x (mm_cfg.py line 3), ext4 on /dev/sda1, device 801, inode 12", appended. */
void doctor_describe(const struct doctor *d, enum lists_path which, size_t host, struct buf *out);

/* ── checks ──────────────────────────────────────────────────────────────────────────────────── */

struct doctor_check {
	const char *id; /* stable; "storage.queues" */
	enum doctor_weight weight;
	const char *why, *remedy;
	/* Adds findings. -1: a host can't be reached. */
	int (*look)(struct doctor *d, const struct doctor_check *c, struct error *err);
};
extern const struct doctor_check doctor_checks[];
extern const unsigned doctor_checks_rows;
