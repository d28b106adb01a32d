/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * prepare -- makes the new host ready: users, domains, aliases, tables, settings, keys, empty
 * mailboxes; Postfix and Dovecot configured and stopped.
 *
 * A table of small actions (prepare/actions.c). Each looks at what is there, changes what differs,
 * and says so; a second run changes nothing. What was there before is kept once beside it as
 * NAME.before-mailhaul. The old host may be hostile: what it names is held against
 * accounts/names.h and prepare/places.h, and what does not pass is listed and left.
 *
 * To add an action: a function in a file of its own, a row in prepare/actions.c.
 */

#include "accounts/passwd_file.h"
#include "config/config.h"
#include "remote/host.h"
#include "state/state.h"
#include "survey/accounts.h"
#include "survey/survey.h"

#include <stdbool.h>

struct prepare {
	struct host *old_host, *new_host; /* borrowed; new with control unless dry_run */
	struct state *state;              /* borrowed */
	const struct config *config;      /* borrowed */
	bool dry_run;                     /* says what would be done */
	struct survey_site from, to;      /* as they were at the start */
	struct account_pairs accounts;
	struct number_map
		*numbers; /* owned; every user and group that is carried, also unchanged */
	size_t numbers_n, numbers_room;
	struct strings made_users; /* made by this move: only their passwords are set */
	struct strings made_groups;
	struct strings touched;       /* files that were written in this run */
	struct strings strangers;     /* uids and "g" gids of old, decimal, that can't be
                               made on new */
	struct strings old_addresses; /* of the old machine, without prefix lengths */
	struct strings changes;       /* of the action that runs: one sentence each */
	struct strings same;          /* of the action that runs: what was so already */
	struct strings failed;        /* was not done, and will be missing; once each */
	struct strings left;          /* for a person, once each */
	struct strings table_types;   /* that the new host's Postfix knows; empty: not asked yet */
};
#define AUTO_PREPARE __attribute__((cleanup(prepare_fini)))
void prepare_fini(struct prepare *p);

/* Reads both sides. The caller sets hosts, state and dry_run before. */
int prepare_begin(struct prepare *p, struct error *err) MUST_CHECK;

struct prepare_action {
	const char *name;
	const char *does;
	int (*run)(struct prepare *p, struct error *err);
};
/* In their order; each may be repeated alone once prepare_begin() was called. */
extern const struct prepare_action prepare_actions[];
extern const unsigned prepare_actions_rows;

/* Runs one action; p->changes then holds what it did. */
int prepare_run(struct prepare *p, const struct prepare_action *action, struct error *err)
	MUST_CHECK;

/* After the last action: on record that the new side is prepared. */
int prepare_finish(struct prepare *p, struct error *err) MUST_CHECK;

/* ── actions ─────────────────────────────────────────────────────────────────────────────────── */

int prepare_stop(struct prepare *p, struct error *err);
int prepare_look_for_programs(struct prepare *p, struct error *err);
int prepare_numbers(struct prepare *p, struct error *err); /* numbers.c */
int prepare_groups(struct prepare *p, struct error *err);  /* people.c */
int prepare_users(struct prepare *p, struct error *err);
int prepare_passwords(struct prepare *p, struct error *err);
int prepare_homes(struct prepare *p, struct error *err); /* mailboxes.c */
int prepare_mailboxes(struct prepare *p, struct error *err);
int prepare_mta_files(struct prepare *p, struct error *err);    /* mta_files.c */
int prepare_mta_settings(struct prepare *p, struct error *err); /* mta_settings.c */
int prepare_mta_services(struct prepare *p, struct error *err); /* mta_services.c */
int prepare_mta_tables(struct prepare *p, struct error *err);   /* mta_tables.c */
int prepare_imapd_files(struct prepare *p, struct error *err);  /* imapd.c */
int prepare_imapd_settings(struct prepare *p, struct error *err);
int prepare_lists(struct prepare *p, struct error *err); /* lists.c */
int prepare_rest(struct prepare *p, struct error *err);  /* rest.c */

/* ── for the actions ─────────────────────────────────────────────────────────────────────────── */

void prepare_changed(struct prepare *p, const char *format, ...) PRINTF_LIKE(2, 3);
void prepare_same(struct prepare *p, const char *format, ...) PRINTF_LIKE(2, 3);
void prepare_leave(struct prepare *p, const char *format, ...) PRINTF_LIKE(2, 3);
void prepare_failed(struct prepare *p, const char *format, ...) PRINTF_LIKE(2, 3);

/* The owner on new of what belongs to uid and gid on old: by the number map,
 * else the system account of the same name, else the same number for those that
 * every Debian has (below 100), else root. */
void prepare_owner(const struct prepare *p, uint32_t uid, uint32_t gid, uint32_t *new_uid,
                   uint32_t *new_gid);
/* Number on new; the same when it is not in the map. */
uint32_t prepare_number(const struct prepare *p, uint32_t number, bool group);

/* Is it a user (group) of old whose name belongs to somebody else on new? His
 * mail goes nowhere. */
bool prepare_is_stranger(const struct prepare *p, uint32_t number, bool group);

/* Is a user of old carried? People, and whoever mailboxes belong to. */
bool prepare_is_wanted(const struct prepare *p, const struct system_user *u);
/* ... and a group: the primary one of such a user, or one of people with such a member. */
bool prepare_is_wanted_group(const struct prepare *p, const struct system_group *g);

/* files.c */

/* Makes `path` on new hold `data`; keeps what was there before. Owner and mode
 * are those on new. Nothing is done when all of it is so already, and what a
 * person has changed since an earlier run stays as it is. */
int prepare_put(struct prepare *p, const char *path, struct span data, uint32_t mode, uint32_t uid,
                uint32_t gid, struct error *err) MUST_CHECK;
/* Carries a file of old to the same path on new, as prepare/places.h allows; else it is left for a
 * person. `what` says what it is. A file that is not there on old is no error. */
int prepare_carry(struct prepare *p, const char *path, const char *what, struct error *err)
	MUST_CHECK;
/* Keeps what is at `path` on new as PATH.before-mailhaul, once. */
int prepare_keep_before(struct prepare *p, const char *path, struct error *err) MUST_CHECK;
/* Makes a folder and its missing parents, each with owner and mode as on old. One that is there is
 * left as it is. */
int prepare_folder(struct prepare *p, const char *path, struct error *err) MUST_CHECK;
/* Puts back what stood there before prepare_put(). */
int prepare_take_back(struct prepare *p, const char *path, struct span before, struct error *err)
	MUST_CHECK;
bool prepare_touched(const struct prepare *p, const char *path);
