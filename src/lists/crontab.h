/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * crontab -- Mailman's jobs in the tables of cron(8): digests, reminders of passwords and of requests,
 * those who are warned. Two hosts that both have them send all of it twice.
 *
 * Looked into are /etc/crontab, /etc/cron.d and the users' tables, of Debian, Red Hat and
 * FreeBSD. A job is a line with a path that ends in cron/JOB, JOB being one of Mailman's, or of a
 * Mailman 3 one that ends in /mailman before notify, digests or gatenews; one behind "#" is
 * there, and not in force. Source: cron/crontab.in of 2.1.39; debian/mailman3.cron.d of 3.3.8;
 * which files of cron.d count: cron(8) of Debian.
 */

#include "base/cleanup.h"
#include "lists/paths.h"

#include <stdbool.h>

struct lists_cron_job { /* all strings are owned */
	char *file;
	unsigned line;
	bool in_force;
	char *why_not;   /* NULL when in force: "behind a #", ... */
	char *when;      /* "0 8 * * *", "@daily" */
	char *user;      /* who runs it; "" when it could not be known */
	char *command;   /* as it stands there */
	const char *job; /* "checkdbs", "mailman notify"; a constant */
	bool of_3;       /* a Mailman 3's */
	char *directory; /* of the job's program: "/usr/lib/mailman/cron" */
};
struct lists_cron {
	struct lists_cron_job *rows; /* owned; in the order of files and lines */
	size_t n, room;
};
#define AUTO_LISTS_CRON __attribute__((cleanup(lists_cron_fini)))
void lists_cron_fini(struct lists_cron *c);

/* Appends the jobs of one table. `user`: whose it is; NULL: its lines name the user. `why_not`: why cron
 * does not read it; NULL: it does. */
void lists_cron_parse(struct lists_cron *c, const char *file, struct span text, const char *user,
                      const char *why_not);
/* Those of a host. -1: it can't be reached; a table that can't be read is none. */
int lists_cron_find(struct host *h, struct lists_cron *out, struct error *err) MUST_CHECK;
/* Whether a job is this installation's: its directory is below its code. */
bool lists_cron_is_of(const struct lists_cron_job *job, const struct lists_installation *m);

/* What /etc/cron.d/mailman of `new` has to say: the jobs of `old` that are in force, at their times, with
 * new's paths and user; those that are not in force behind "#"; where old has none at all, Mailman's own
 * table. A line each. */
void lists_cron_for(const struct lists_cron *old, const struct lists_installation *old_site,
                    const struct lists_installation *new_site, struct strings *lines);
