/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * survey -- looks at a host and finds by itself what has to move: everything becomes an item
 * (state/items.h), nothing is changed.
 *
 * To add a topic: a function in a file of its own, a row in survey/topics.c.
 */

#include "accounts/passwd.h"
#include "imapd/imapd.h"
#include "mta/mta.h"
#include "remote/host.h"
#include "state/items.h"

#include <stdbool.h>

/* What was found on one host. */
struct survey_site {
	struct host *h;                 /* borrowed */
	const char *name;               /* borrowed; "old" or "new" */
	const struct mta_ops *mta_kind; /* NULL: none that is known here */
	struct mta_facts mta;
	struct mta_counts queue;
	bool has_imapd;
	struct imapd_facts imapd;
	struct system_users users;
	struct imapd_accounts accounts;
	struct items items;
	struct strings for_person; /* what has to be looked at, once each */
};
#define AUTO_SURVEY_SITE __attribute__((cleanup(survey_site_fini)))
void survey_site_fini(struct survey_site *s);

/*
 * Reads settings, users and mailboxes of a host; no items yet.
 *
 *   hashes  read password hashes too (for prepare); they are never stored
 */
int survey_site_read(struct survey_site *out, struct host *h, const char *name, bool hashes,
                     struct error *err) MUST_CHECK;

/* Makes the items of all topics. */
int survey_site_items(struct survey_site *s, struct error *err) MUST_CHECK;

/* Stores the items of a site, and the old site's mailboxes (survey/accounts.h), instead of what was
 * there before. */
int survey_site_store(struct survey_site *s, struct state *state, struct error *err) MUST_CHECK;

/* ── topics ──────────────────────────────────────────────────────────────────────────────────── */

struct survey_topic {
	const char *title; /* heading of its table */
	const char *kinds; /* of items that belong to it, "|" between */
	/* -1 only when the host can't be reached; what can't be read is an item "look" */
	int (*find)(struct survey_site *s, struct error *err);
};
extern const struct survey_topic survey_topics[];
extern const unsigned survey_topics_rows;

int survey_software(struct survey_site *s, struct error *err); /* software.c */
int survey_settings(struct survey_site *s, struct error *err);
int survey_services(struct survey_site *s, struct error *err);
int survey_domains(struct survey_site *s, struct error *err); /* addresses.c */
int survey_aliases(struct survey_site *s, struct error *err);
int survey_tables(struct survey_site *s, struct error *err); /* files.c */
int survey_keys(struct survey_site *s, struct error *err);
int survey_users(struct survey_site *s, struct error *err);     /* people.c */
int survey_mailboxes(struct survey_site *s, struct error *err); /* mailboxes.c */
int survey_sieve(struct survey_site *s, struct error *err);     /* sieve.c */
int survey_queue(struct survey_site *s, struct error *err);     /* traffic.c */
int survey_traffic(struct survey_site *s, struct error *err);
int survey_listeners(struct survey_site *s, struct error *err); /* network.c */
int survey_cron(struct survey_site *s, struct error *err);      /* cron.c */
int survey_fetchers(struct survey_site *s, struct error *err);
int survey_lists(struct survey_site *s, struct error *err); /* lists.c */

/* ── for the topics ──────────────────────────────────────────────────────────────────────────── */

/* A file's entry, symbolic links followed inside the host (at most eight). 1 found, 0 not there, -1
 * the host can't be reached. The entry's path and target are NULL. */
int survey_stat(struct survey_site *s, const char *path, struct host_entry *out, struct error *err);

/* "user:group" by names where there are some, else numbers; the caller owns it. */
char *survey_owner(const struct survey_site *s, uint32_t uid, uint32_t gid);

/* Adds an item of this site. */
struct item *survey_add(struct survey_site *s, const char *kind, const char *name,
                        enum item_class class, const char *reason);
/* The same for a file: size, owner and mode from the entry. */
struct item *survey_add_file(struct survey_site *s, const char *kind, const char *path,
                             const struct host_entry *entry, enum item_class class,
                             const char *reason);
/* Replaces an item's detail by a JSON object, which is taken. */
struct json_t;
void survey_detail(struct item *item, struct json_t *detail);

/* Something that a person has to look at; once each. */
void survey_look(struct survey_site *s, const char *words);
