/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* inside -- what the files of this room share. */

#include "doctor/doctor.h"

/* facts.c: what a host is. */
int facts_read(struct doctor_host *host, struct strings *troubles, struct error *err) MUST_CHECK;
void facts_fini(struct doctor_host *host);
/* storage.c: all places of all hosts. */
int storage_read(struct doctor *d, struct error *err) MUST_CHECK;
bool storage_is_queue(enum lists_path which);
/* One place; the caller frees p->end. */
int storage_look(struct doctor_host *host, const char *path, struct doctor_place *p,
                 struct error *err) MUST_CHECK;
/* doctor_compare() of places that need be no path variable's, without the probe. */
enum doctor_same storage_compare(const struct doctor *d, const struct doctor_place *p, size_t a,
                                 const struct doctor_place *q, size_t b, struct buf *how);
/* stranded.c */
int stranded_read(struct doctor *d, struct error *err) MUST_CHECK;
void stranded_fini(struct doctor_stranded *s);
/* "talk from a@example.net, "Subject", 3 h 20 min: FILE", appended. */
void stranded_describe(const struct doctor_stranded *s, struct buf *out);
/* Is the queue that a shunted entry came from one at the back end? unshunt makes a directory of any
 * path that it says, and puts it where nobody looks. True too when it says none. */
bool stranded_goes_back(const struct doctor *d, const struct lists_queued *q);
/* Suffixes that tell how far an entry has come on its way (handin.c). */
#define HANDIN_TAKEN ".mailhaul-taken"
#define HANDIN_SENT ".mailhaul-sent"
#define HANDIN_COMING ".mailhaul-coming"

/* Is it the master of a Mailman's runners? */
bool process_is_master(const struct host_process *p);
bool doctor_has_master(const struct doctor_host *host);

/* A finding, without hosts and evidence; valid until the next one is added. */
struct doctor_finding *finding_add(struct doctor *d, const struct doctor_check *c,
                                   const char *what);
/* A line of evidence, made fit for a terminal. */
void finding_see(struct doctor_finding *f, const char *format, ...) PRINTF_LIKE(2, 3);

/* True, with *err set, when a failure means that the host is gone. */
bool is_unreached(const struct error *why, struct error *err);

/* Looks for lines in the last LOG_TAIL octets of a log. A log that is not there has none, nor has one that
 * can't be read, which is told.
 *
 *   last   the last of them, and no more of it than fits a finding; "" when there is none
 *   count  how many there are */
#define LOG_TAIL (1u << 20)
int log_search(struct doctor *d, size_t host, const char *path, bool (*is_wanted)(struct span line),
               struct buf *last, size_t *count, struct error *err) MUST_CHECK;

/* ── functions behind the rows of checks.c, by file ──────────────────────────────────────────── */

#define DOCTOR_CHECK(name)                                                                         \
	int name(struct doctor *d, const struct doctor_check *c, struct error *err)
/* check_storage.c */
DOCTOR_CHECK(check_queues);
DOCTOR_CHECK(check_lists);
DOCTOR_CHECK(check_data);
DOCTOR_CHECK(check_archives);
DOCTOR_CHECK(check_locks);
DOCTOR_CHECK(check_rest);
DOCTOR_CHECK(check_own);
DOCTOR_CHECK(check_missing);
DOCTOR_CHECK(check_paths);
DOCTOR_CHECK(check_unknown);
/* check_settings.c */
DOCTOR_CHECK(check_defaults);
DOCTOR_CHECK(check_site);
DOCTOR_CHECK(check_passwords);
DOCTOR_CHECK(check_tables);
/* check_programs.c */
DOCTOR_CHECK(check_versions);
DOCTOR_CHECK(check_python);
DOCTOR_CHECK(check_pythons);
DOCTOR_CHECK(check_cron);
/* check_runners.c */
DOCTOR_CHECK(check_masters);
DOCTOR_CHECK(check_no_master);
DOCTOR_CHECK(check_pid);
DOCTOR_CHECK(check_slices);
DOCTOR_CHECK(check_held_locks);
DOCTOR_CHECK(check_hard_links);
DOCTOR_CHECK(check_left);
DOCTOR_CHECK(check_shunted);
/* check_rights.c */
DOCTOR_CHECK(check_ids);
DOCTOR_CHECK(check_clocks);
DOCTOR_CHECK(check_denials);
DOCTOR_CHECK(check_selinux);
/* check_web.c */
DOCTOR_CHECK(check_setgid);
DOCTOR_CHECK(check_callers);
DOCTOR_CHECK(check_links);
